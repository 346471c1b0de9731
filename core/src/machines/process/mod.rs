//! The machine `process`: the only owner of one supervised process.
//!
//! ```text
//! Stopped ──want──▶ Starting ──started──▶ Running ──ends──▶ Backoff ──delay──▶ Starting
//!    ▲                  │                    │                 │ budget spent
//!    │                  │ no answer          │ stop            ▼
//!    └──────────── Stopping ◀────────────────┘             Cooldown ──pause──▶ Starting (half-open)
//!                                 Unknown: somebody must look before anything is started
//!                                 Waiting: what it is to be started after is not ready yet
//! ```
//!
//! Nothing is started while anybody may still live in the slot: a life of which nothing is heard
//! leads to `Unknown`, and only an answer from the world leads out of it. A life that is not well
//! (no readiness in time, no signs of life, too much memory) is stopped, and its end is an ordinary
//! failure.

mod moves;
mod report;
mod step;
mod wellness;

pub use step::step;

use super::process_alert;
use crate::rules::restart::Failures;
use crate::words::{
    ExitStatus, Fault, Generation, Moment, ProcessName, ProcessPolicy, ProcessReport, Readiness,
    RevisionId, RunIdentity, Span,
};
use serde::{Deserialize, Serialize};

/// How long a start may go unanswered before somebody looks.
pub const START_PATIENCE: Span = Span::seconds(30);
/// How long past its grace a stop may go unanswered before it is asked again.
pub const STOP_PATIENCE: Span = Span::seconds(30);
/// How often somebody looks for a process of which nothing is known.
pub const LOOK_AGAIN: Span = Span::seconds(5);

/// One supervised process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The life that was started last; 0 before the first.
    pub generation: Generation,
    /// What is wanted of it.
    pub goal: Goal,
    /// The model that the last life was started with, for the trader.
    pub runs: Option<RevisionId>,
    /// Where it is.
    pub phase: Phase,
    /// Its failures that still count.
    pub failures: Failures,
    /// Totals since the first start.
    pub tally: Tally,
}

/// What is wanted of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Goal {
    /// Not to run.
    #[default]
    Down,
    /// To run; the trader with this model.
    Up(Option<RevisionId>),
}

/// Where a process is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Nobody lives in its slot.
    #[default]
    Stopped,
    /// It ended by itself and its restart rule leaves it so.
    Done(ExitStatus),
    /// A start was asked for.
    Starting {
        /// When.
        since: Moment,
        /// What its failure leads to.
        trust: Trust,
    },
    /// It lives.
    Running {
        /// Who it is.
        identity: RunIdentity,
        /// Since when, or since when it was adopted.
        since: Moment,
        /// Whether it counts as ready: it ran long enough, or its proof was seen.
        ready: bool,
        /// What its failure leads to.
        trust: Trust,
    },
    /// A stop was asked for.
    Stopping {
        /// Who is to end.
        identity: RunIdentity,
        /// Which life that is; not the last one when a stray was found.
        ending: Generation,
        /// When that was asked.
        since: Moment,
        /// What follows.
        then: Then,
    },
    /// It failed; the next start waits.
    Backoff {
        /// When it failed.
        since: Moment,
        /// How long to wait.
        wait: Span,
    },
    /// Its budget is spent; one half-open start follows.
    Cooldown {
        /// Since when.
        since: Moment,
        /// How long to wait.
        wait: Span,
    },
    /// It may live or not; somebody was asked to look.
    Unknown {
        /// When.
        since: Moment,
        /// Whether it was believed to live: a life that is then not found has ended unseen.
        believed: Believed,
        /// What its failure leads to.
        trust: Trust,
    },
    /// It is to run, and something that it is started after is not ready.
    Waiting {
        /// Since when.
        since: Moment,
        /// What the failure of the next life leads to.
        trust: Trust,
    },
}

/// What the failure of a life leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trust {
    /// A restart within the budget.
    Full,
    /// Another cooldown: this is the one try after a spent budget.
    HalfOpen,
}

/// What follows a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// It stays down, whatever the goal: the runner is going down too.
    Stay,
    /// The goal decides.
    FollowGoal,
    /// The end counts as a failure of its own: it was not well.
    Fail(Fault, Trust),
}

/// What was known of a life before contact was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Believed {
    /// Its start was asked for; it may never have begun.
    Asked,
    /// It ran.
    Alive,
    /// Its start was refused because the slot is taken: whoever lives there is another, even one
    /// that bears the same number (after an old backup was restored, numbers are given out again).
    Refused,
    /// It ran and was ready.
    Ready,
}

/// Totals of a process since its first start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Lives begun, adopted ones not counted again.
    pub starts: u64,
    /// Ends that nobody asked for, failed starts included.
    pub failures: u64,
    /// The last end: which life, how, and when it was learnt.
    pub last_exit: Option<(Generation, ExitStatus, Moment)>,
}

/// What a process can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This is wanted of it from now on.
    Want(Goal),
    /// The world reports.
    Reported(ProcessReport),
    /// An operator wants a fresh life.
    Restart,
    /// An operator wants its failures forgotten.
    Reset,
    /// The runner came up; the newest life of the slot that left a record on disk.
    Booted(Generation),
    /// The runner is going down.
    ShuttingDown,
    /// Time passed.
    Tick,
    /// The fault is shared with others: the next start waits this long, as after a spent budget.
    Pause(Span),
}

/// What a step needs to know besides state and event.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Whose step it is.
    pub name: &'a ProcessName,
    /// Its policy.
    pub policy: &'a ProcessPolicy,
    /// The present.
    pub now: Moment,
    /// The first process that this one is started after and that is not ready.
    pub waits_for: Option<&'a ProcessName>,
}

impl Process {
    /// Whether it lives, as far as known.
    pub const fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }

    /// Whether it lives and is ready.
    pub const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Running { ready: true, .. })
    }

    /// Whether nobody lives in the slot and nothing is being asked of the world.
    pub const fn is_at_rest(&self) -> bool {
        match self.phase {
            Phase::Stopped
            | Phase::Done(_)
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Waiting { .. } => true,
            Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. }
            | Phase::Unknown { .. } => false,
        }
    }

    /// Whether the last life is the one that is wanted.
    fn serves_goal(&self) -> bool {
        self.goal == Goal::Up(self.runs)
    }

    /// Time until a tick can matter; `None` when none ever does.
    pub fn deadline(&self, policy: &ProcessPolicy, now: Moment) -> Option<Span> {
        let due = |since: Moment, wait: Span| Some(wait.minus(now.since(since)));
        match &self.phase {
            Phase::Starting { since, .. } => due(*since, START_PATIENCE),
            Phase::Running { since, ready: false, .. } => match policy.ready {
                Readiness::After(wait) | Readiness::Proven { deadline: wait } => due(*since, wait),
            },
            Phase::Running { since, .. } if !self.failures.is_clean() => {
                due(*since, policy.healthy_after)
            }
            Phase::Stopped | Phase::Done(_) | Phase::Running { .. } | Phase::Waiting { .. } => None,
            Phase::Stopping { since, .. } => due(*since, policy.stop_grace.plus(STOP_PATIENCE)),
            Phase::Backoff { since, wait } | Phase::Cooldown { since, wait } => due(*since, *wait),
            Phase::Unknown { since, .. } => due(*since, LOOK_AGAIN),
        }
    }
}
