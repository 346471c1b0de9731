//! The machine `alert`: one per thing that can need attention; what the user should know now.
//!
//! ```text
//! Quiet ──raise──▶ Raised ──clear──▶ Quiet
//! ```
//!
//! An alert is raised once however often it is told; a new text updates it silently.

use super::{Answer, Step, Unchanged};
use crate::words::{Moment, Note};
use serde::{Deserialize, Serialize};

/// Name of an alert: a path such as `process/trader/cooling`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(pub String);

/// State of an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alert {
    /// Nothing is wrong.
    #[default]
    Quiet,
    /// Something needs attention.
    Raised {
        /// Since when.
        since: Moment,
        /// What is wrong: one sentence.
        text: String,
        /// What helps: one sentence.
        remedy: String,
    },
}

impl Alert {
    /// What is wrong, while something is.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Quiet => None,
            Self::Raised { text, .. } => Some(text),
        }
    }
}

/// What an alert can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something needs attention.
    Raise {
        /// What is wrong.
        text: String,
        /// What helps.
        remedy: String,
    },
    /// It does not any more.
    Clear,
}

/// The answer of the alert `key` to `event`.
pub fn step(key: &Key, now: Moment, alert: &Alert, event: &Event) -> Answer<Alert> {
    match (alert, event) {
        (Alert::Quiet, Event::Raise { text, remedy }) => raise(key, now, text, remedy),
        (Alert::Quiet, Event::Clear) => Answer::Unchanged(Unchanged::AlreadySo),
        (Alert::Raised { text: old, .. }, Event::Raise { text, .. }) if old == text => {
            Answer::Unchanged(Unchanged::AlreadySo)
        }
        (Alert::Raised { since, .. }, Event::Raise { text, remedy }) => {
            let (text, remedy) = (text.clone(), remedy.clone());
            Step::to(Alert::Raised { since: *since, text, remedy }).done()
        }
        (Alert::Raised { .. }, Event::Clear) => {
            Step::to(Alert::Quiet).note(Note::AlertCleared(key.0.clone())).done()
        }
    }
}

fn raise(key: &Key, now: Moment, text: &str, remedy: &str) -> Answer<Alert> {
    let (text, remedy) = (text.to_owned(), remedy.to_owned());
    let note = Note::AlertRaised(key.0.clone(), text.clone(), remedy.clone());
    Step::to(Alert::Raised { since: now, text, remedy }).note(note).done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_repeats_of_one_failure_are_one_alert() {
        let key = Key("process/trader/cooling".into());
        let event = Event::Raise { text: "restart failed".into(), remedy: "look".into() };
        let mut alert = Alert::Quiet;
        let mut notes = 0;
        for _ in 0..50 {
            if let Answer::Moved(step) = step(&key, Moment::default(), &alert, &event) {
                notes += step.notes.len();
                alert = step.next;
            }
        }
        assert_eq!(notes, 1);
    }
}
