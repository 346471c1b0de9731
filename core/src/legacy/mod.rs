//! The four files of the daemons that this program replaces: read for the history, written for
//! whoever still reads them.
//!
//! `deployment_state.json`, `deployment_log.json`, `watchdog_state.json`, `monitor_state.json`, as
//! Python's `json.dumps(…, indent=2)` wrote them; times are `datetime.now().isoformat()`: local,
//! without a zone, with microseconds. Keys that are not known are kept.

pub mod dumps;
mod place;
pub mod read;
mod shape;
mod value;
pub mod write;

pub use read::{Found, LegacyError, Record, read};
pub use write::{LegacyExport, Surroundings};

/// One of the four files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegacyFile {
    /// What is deployed, and the last 20 deployments.
    DeploymentState,
    /// Every decision of the deployer.
    DeploymentLog,
    /// Restart counters, and the last 100 alerts.
    WatchdogState,
    /// The last 100 looks of the performance monitor.
    MonitorState,
}

impl LegacyFile {
    /// All four.
    pub const ALL: [Self; 4] =
        [Self::DeploymentState, Self::DeploymentLog, Self::WatchdogState, Self::MonitorState];

    /// Its name in the folder `deployments`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeploymentState => "deployment_state.json",
            Self::DeploymentLog => "deployment_log.json",
            Self::WatchdogState => "watchdog_state.json",
            Self::MonitorState => "monitor_state.json",
        }
    }
}
