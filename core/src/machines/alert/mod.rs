//! The machine `alert`: one per thing that can need attention; what the user is told of it, and
//! when.
//!
//! ```text
//!         raise          long enough                acknowledge
//! Quiet ────────▶ Pending ─────────▶ Firing ◀──────────────────▶ Acknowledged
//!   ▲                │                │  ▲ ▲         unacknowledge       │
//!   │ forgotten      │ clear    clear │  │ └─ raise ─┐                   │ clear
//!   │                ▼                ▼  │ raise     │                   ▼
//!   └──────────── Resolved ◀───────── Ending ◀───────┼───────────────────┘
//!                    │    long enough                │ calm
//!                    └── turns too often ──▶ Flapping ──▶ Resolved
//! ```
//!
//! An alert is told once however often it is raised; again at growing distances while nobody
//! acknowledges it; again when it becomes more or less urgent. What is silenced, or follows from
//! another alert, is not told until that ends. Time is time since boot: a stepped clock neither
//! raises an alert nor delays one.

mod episode;
mod step;

pub use episode::{Acknowledgement, AlertV1, Episode, Told};
pub use step::step;

use crate::words::{AlertRule, Moment, Severity, Span, Trouble};
use serde::{Deserialize, Serialize};

/// Name of an alert: a path such as `process/trader/cooling`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(pub String);

/// State of an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alert {
    /// Nothing is wrong, and was not lately.
    #[default]
    Quiet,
    /// Something is wrong, but not for long.
    Pending {
        /// What.
        trouble: Trouble,
        /// Since when.
        since: Moment,
        /// When it began and ended lately.
        turns: Vec<Moment>,
    },
    /// It is wrong; the user is told.
    Firing(Episode),
    /// It is wrong; somebody looks after it.
    Acknowledged(Episode, Acknowledgement),
    /// It is not wrong any more, but not for long.
    Ending {
        /// What was wrong.
        episode: Episode,
        /// Who looked after it.
        acknowledgement: Option<Acknowledgement>,
        /// Since when it is not.
        since: Moment,
    },
    /// It begins and ends over and over.
    Flapping {
        /// What is or was wrong.
        episode: Episode,
        /// Who looks after it.
        acknowledgement: Option<Acknowledgement>,
        /// Since when it is not wrong, while it is not.
        over: Option<Moment>,
    },
    /// It was wrong until lately.
    Resolved {
        /// What was.
        trouble: Trouble,
        /// Since when.
        since: Moment,
        /// Until when.
        at: Moment,
        /// When it began and ended lately.
        turns: Vec<Moment>,
    },
}

/// What an alert can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something needs attention.
    Raise(Trouble),
    /// It does not any more.
    Clear,
    /// Time passed, or what muted it ended.
    Tick,
    /// Somebody looks after it: who, and what is done.
    Acknowledge(String, String),
    /// Nobody does after all.
    Unacknowledge,
}

/// What a step may look at beside state and event.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The alert.
    pub key: &'a Key,
    /// How patiently it is told.
    pub rule: &'a AlertRule,
    /// The present.
    pub now: Moment,
    /// Why it is not to be told at present.
    pub muted: Option<&'a str>,
}

impl Key {
    /// How urgent this alert is when its finder does not say: nothing trades, the machine itself
    /// needs a person, or only a warning.
    pub fn usual_severity(&self) -> Severity {
        let always = ["deployment/halted", "engine/cycle"];
        let is_critical = always.contains(&self.0.as_str())
            || self.0.starts_with("deployment/hostile-model/")
            || self.0.ends_with("/stuck");
        if is_critical { Severity::Critical } else { Severity::Warning }
    }
}

impl Alert {
    /// Its name in tables and for clients.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Pending { .. } => "pending",
            Self::Firing(_) => "firing",
            Self::Acknowledged(..) => "acknowledged",
            Self::Ending { .. } => "ending",
            Self::Flapping { .. } => "flapping",
            Self::Resolved { .. } => "resolved",
        }
    }

    /// What is wrong now, told or not.
    pub const fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Pending { trouble, .. } => Some(trouble),
            Self::Firing(episode)
            | Self::Acknowledged(episode, _)
            | Self::Flapping { episode, over: None, .. } => Some(&episode.trouble),
            Self::Quiet
            | Self::Ending { .. }
            | Self::Flapping { over: Some(_), .. }
            | Self::Resolved { .. } => None,
        }
    }

    /// What needs attention and did not end for good.
    pub const fn episode(&self) -> Option<&Episode> {
        match self {
            Self::Firing(episode)
            | Self::Acknowledged(episode, _)
            | Self::Ending { episode, .. }
            | Self::Flapping { episode, .. } => Some(episode),
            Self::Quiet | Self::Pending { .. } | Self::Resolved { .. } => None,
        }
    }

    /// Who looks after it.
    pub const fn acknowledgement(&self) -> Option<&Acknowledgement> {
        match self {
            Self::Acknowledged(_, acknowledgement) => Some(acknowledgement),
            Self::Ending { acknowledgement, .. } | Self::Flapping { acknowledgement, .. } => {
                acknowledgement.as_ref()
            }
            Self::Quiet | Self::Pending { .. } | Self::Firing(_) | Self::Resolved { .. } => None,
        }
    }

    /// Time until a tick can matter; `None` when none ever does.
    pub fn deadline(&self, context: Context<'_>) -> Option<Span> {
        let Context { rule, now, .. } = context;
        let left = |span: Span, since: Moment| Some(span.minus(now.since(since)));
        match self {
            Self::Quiet | Self::Acknowledged(..) => None,
            Self::Pending { since, .. } => left(rule.raise_after, *since),
            Self::Firing(episode) => episode.next_telling(context),
            Self::Ending { since, .. } => left(rule.keep, *since),
            Self::Flapping { episode, acknowledgement, .. } => {
                let calm = left(rule.flap_window, episode.last_turn());
                let telling = match acknowledgement {
                    None => episode.next_telling_of_flapping(context),
                    Some(_) => None,
                };
                calm.into_iter().chain(telling).min()
            }
            Self::Resolved { at, .. } => left(rule.flap_window, *at),
        }
    }
}
