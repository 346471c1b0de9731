//! One stretch of trouble: since when, what, and how often the user was told.

use super::{Alert, Context};
use crate::words::{AlertRule, Moment, Note, Severity, Span, Trouble};
use serde::{Deserialize, Serialize};

/// Beginnings and ends that are remembered of one alert, the newest.
const TURNS_MAX: usize = 32;
/// Doublings after which any distance has reached its limit.
const DOUBLINGS_MAX: u32 = 32;

/// One stretch of trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// Since when.
    pub since: Moment,
    /// What is wrong.
    pub trouble: Trouble,
    /// How often that was told.
    pub told: Told,
    /// When it began and ended lately, oldest first; never empty.
    pub turns: Vec<Moment>,
}

/// How often something was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// So often; 0 while it is muted.
    pub times: u32,
    /// When last.
    pub at: Moment,
}

/// Who looks after an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub actor: String,
    /// What is done.
    pub reason: String,
    /// Since when.
    pub at: Moment,
}

/// An alert as version 0.1 kept it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlertV1 {
    /// Nothing was wrong.
    Quiet,
    /// Something needed attention.
    Raised {
        /// Since when.
        since: Moment,
        /// What was wrong.
        text: String,
        /// What helps.
        remedy: String,
    },
}

impl From<AlertV1> for Alert {
    /// It was told once, when it was raised. How urgent it is its finder says with the next look.
    fn from(old: AlertV1) -> Self {
        match old {
            AlertV1::Quiet => Self::Quiet,
            AlertV1::Raised { since, text, remedy } => Self::Firing(Episode {
                since,
                trouble: Trouble { severity: Severity::Warning, text, remedy },
                told: Told { times: 1, at: since },
                turns: vec![since],
            }),
        }
    }
}

impl Episode {
    /// It begins now; `turns` are those of the time before.
    pub(super) fn begin(context: Context<'_>, trouble: Trouble, turns: &[Moment]) -> Self {
        let turns = turned(context, turns);
        Self { since: context.now, trouble, told: Told::default(), turns }
    }

    /// The newest beginning or end.
    pub fn last_turn(&self) -> Moment {
        self.turns.last().copied().unwrap_or(self.since)
    }

    /// Time until the user is to be told again; `None` when that never is.
    pub(super) fn next_telling(&self, context: Context<'_>) -> Option<Span> {
        let rule = context.rule;
        if context.muted.is_some() {
            return None;
        }
        let Some(doublings) = self.told.times.checked_sub(1) else { return Some(Span::ZERO) };
        if !self.is_critical() && self.told.times > rule.repeats {
            return None;
        }
        let distance = rule.repeat_first.times(1_i64 << doublings.min(DOUBLINGS_MAX));
        Some(distance.min(rule.repeat_max).minus(context.now.since(self.told.at)))
    }

    /// The same while it flaps: only what is critical is told again, at the longest distance.
    pub(super) fn next_telling_of_flapping(&self, context: Context<'_>) -> Option<Span> {
        if context.muted.is_some() {
            return None;
        }
        if self.told.times == 0 {
            return Some(Span::ZERO);
        }
        let left = context.rule.repeat_max.minus(context.now.since(self.told.at));
        self.is_critical().then_some(left)
    }

    fn is_critical(&self) -> bool {
        self.trouble.severity == Severity::Critical
    }

    /// Tells it, or notes why not.
    pub(super) fn tell(&mut self, context: Context<'_>) -> Note {
        let (key, trouble) = (context.key.0.clone(), self.trouble.clone());
        self.say(context, |times| Note::AlertFired(key, trouble, times))
    }

    /// The same for an alert that flaps.
    pub(super) fn tell_of_flapping(&mut self, context: Context<'_>) -> Note {
        let (key, trouble) = (context.key.0.clone(), self.trouble.clone());
        let turns = u32::try_from(self.turns.len()).unwrap_or(u32::MAX);
        self.say(context, |_times| Note::AlertFlapping(key, trouble, turns))
    }

    fn say(&mut self, context: Context<'_>, aloud: impl FnOnce(u32) -> Note) -> Note {
        let times = if context.muted.is_some() { 0 } else { self.told.times.saturating_add(1) };
        self.told = Told { times, at: context.now };
        match context.muted {
            Some(why) => {
                Note::AlertMuted(context.key.0.clone(), self.trouble.clone(), why.to_owned())
            }
            None => aloud(times),
        }
    }
}

/// `turns` with one more now, without those that do not count any more.
pub(super) fn turned(context: Context<'_>, turns: &[Moment]) -> Vec<Moment> {
    let AlertRule { flap_window, .. } = *context.rule;
    let counts = |turn: &&Moment| context.now.since(**turn) < flap_window;
    let mut turns: Vec<Moment> = turns.iter().filter(counts).copied().collect();
    turns.push(context.now);
    let surplus = turns.len().saturating_sub(TURNS_MAX);
    turns.drain(..surplus);
    turns
}
