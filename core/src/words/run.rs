//! One life of a process: who it is, and how it ended.

use super::time::BootId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Identity of a running process that survives our own restart and a reused pid.
///
/// A pid alone names nobody: the pair (boot, pid, start time) does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunIdentity {
    /// The boot in which these pids are meaningful.
    pub boot: BootId,
    /// The shim that started and waits for the process.
    pub shim_pid: u32,
    /// The process itself.
    pub pid: u32,
    /// Start time of `pid` in clock ticks since boot (`/proc/PID/stat` field 22).
    pub start_ticks: u64,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ExitStatus {
    /// It returned this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
    /// Nobody saw the end: the machine restarted, or shim and runner were both gone. Never
    /// reported as success.
    Unknown,
}

impl ExitStatus {
    /// Whether the process itself reported success.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Unknown => f.write_str("unknown exit status"),
        }
    }
}
