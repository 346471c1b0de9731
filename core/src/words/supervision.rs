//! How a running process shows that it is well: readiness, signs of life, memory; and what it is
//! ended for when it does not.

use super::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// When a started process counts as ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// After it has run this long.
    After(Span),
    /// When an observer has seen its proof (a line, a file, an answer). A life without proof for
    /// this long has failed.
    Proven {
        /// Longest time from its start to the proof.
        deadline: Span,
    },
}

/// Something that a process does as long as it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// It touches a file.
    Heartbeat,
    /// It writes to its log.
    Log,
    /// Its session file grows.
    Session,
    /// It, or anything it started, uses the processor.
    Cpu,
    /// Some graphics card is in use.
    Gpu,
}

/// Which signs of life are looked for, and how long each may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LivenessPolicy {
    /// A sign that is not named is not looked for.
    pub limits: BTreeMap<Sign, Span>,
    /// How many signs must be missing, each for its time, before the process is ended. Fewer
    /// than [`AGREEING_MIN`] never end it.
    pub agreeing: u32,
}

/// Least number of missing signs that end a process: a single one has too many innocent reasons.
pub const AGREEING_MIN: u32 = 2;

/// One look at a living process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// How long each sign has been missing, in time that the machine was awake. A sign that cannot
    /// be looked at is absent.
    pub silent: BTreeMap<Sign, Span>,
    /// Why a silence proves nothing now: the machine slept, or is short of memory or disk time.
    pub excuse: Option<String>,
    /// Memory of the whole tree, in bytes; absent when it cannot be read.
    pub memory_bytes: Option<u64>,
}

/// What a life is ended for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// It did not become ready in time.
    NotReady,
    /// Its signs of life were missing.
    Hung,
    /// It used more memory than it may.
    Memory,
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Heartbeat => "heartbeat",
            Self::Log => "log line",
            Self::Session => "session row",
            Self::Cpu => "processor use",
            Self::Gpu => "graphics card use",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady => "it did not become ready in time",
            Self::Hung => "it showed no signs of life",
            Self::Memory => "it used too much memory",
        })
    }
}
