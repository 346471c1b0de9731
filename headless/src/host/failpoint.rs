//! Dying on purpose at a step of the protocol, so that a test can kill exactly there.
//!
//! Only a program that calls [`arm_from_environment`] can be made to die; the one people run does
//! not. `CAPPUCCINO_CRASH_AT=NUMBER:FILE` kills whoever reaches that step first, once: the victim
//! makes FILE, and while it exists nobody else dies.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::sync::OnceLock;

/// The variable that says where to die.
pub const VARIABLE: &str = "CAPPUCCINO_CRASH_AT";

/// Steps of the protocol at which a test may kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Runner: a start was asked for, the slot's lock is not taken.
    Asked,
    /// Runner: the lock is taken, there is no shim.
    Locked,
    /// Runner: the shim runs, and the runner still has the lock too.
    Forked,
    /// Runner: the lock is the shim's alone.
    HandedOver,
    /// Shim: it knows what to start.
    Ordered,
    /// Shim: orphans come to it, nothing was started.
    Adoptive,
    /// The program to be: forked, not on record.
    Newborn,
    /// The program to be: on record, without a first instruction.
    Recorded,
    /// Shim: the program runs.
    Begun,
    /// Shim: the program ended, what it left behind may live.
    Ended,
    /// Shim: everybody is gone, which is not on record.
    Swept,
    /// Shim: the end is on record, the slot is not free.
    Concluded,
    /// Shim: the record is on the disk; a runner went on before.
    Flushed,
    /// Runner: it saw the shim's end and knows nothing more.
    ShimGone,
    /// Runner: it knows how a life without a shim ended, which is not on record.
    Outlived,
    /// Runner: an end is on record and was not told.
    Untold,
    /// Runner: a life is to end, nobody was signalled.
    StopAsked,
    /// Runner: the shim knows that its life is to end.
    StopSignalled,
}

impl Step {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 18] = [
        Self::Asked,
        Self::Locked,
        Self::Forked,
        Self::HandedOver,
        Self::Ordered,
        Self::Adoptive,
        Self::Newborn,
        Self::Recorded,
        Self::Begun,
        Self::Ended,
        Self::Swept,
        Self::Concluded,
        Self::Flushed,
        Self::ShimGone,
        Self::Outlived,
        Self::Untold,
        Self::StopAsked,
        Self::StopSignalled,
    ];

    /// Its number, from 1 on.
    pub const fn number(self) -> u32 {
        self as u32 + 1
    }
}

struct Armed {
    number: u32,
    once: PathBuf,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// Lets [`VARIABLE`] kill this process. For the program under test alone.
pub fn arm_from_environment() {
    let Ok(text) = std::env::var(VARIABLE) else { return };
    let armed = text
        .split_once(':')
        .and_then(|(number, once)| Some(Armed { number: number.parse().ok()?, once: once.into() }));
    if let Some(armed) = armed {
        // Armed already: the same variable, the same meaning.
        drop(ARMED.set(armed));
    }
}

/// Dies here, if that is what this process is armed for.
pub(crate) fn reach(step: Step) {
    if let Some(armed) = ARMED.get()
        && armed.number == step.number()
        && OpenOptions::new().write(true).create_new(true).open(&armed.once).is_ok()
    {
        // SAFETY: plain system call on ourselves; it does not return.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}
