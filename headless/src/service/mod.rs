//! The runner as a service of the user's systemd: its unit, and what it tells the manager.

pub mod manager;
pub mod systemctl;
pub mod unit;

use std::time::Duration;

/// Exit code of a runner that goes down to be started again: the unit restarts it at once.
pub const RESTART_EXIT: u8 = 75;
/// Pause before a managed runner that did not come up ends: a mistake in the configuration is not
/// tried ten times a second.
pub const FAILED_PAUSE: Duration = Duration::from_secs(5);
/// What a service manager gives to the runner and to nobody that the runner starts.
pub const VARIABLES: [&str; 6] = [
    manager::SOCKET_VARIABLE,
    manager::WATCHDOG_VARIABLE,
    "WATCHDOG_PID",
    "INVOCATION_ID",
    "SYSTEMD_EXEC_PID",
    "JOURNAL_STREAM",
];
