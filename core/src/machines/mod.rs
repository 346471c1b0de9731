//! The four machines, each named by the noun it owns, and the shape they share.
//!
//! A machine is a state, events addressed to it, and a pure `step`. It answers a new state with
//! what to tell other machines, what to ask of the world and what to remember; or that nothing
//! changes and why; or a refusal with its remedy. Every pair of state and event has an answer.

pub mod alert;
pub mod deployment;
pub mod process;
pub mod study;

use crate::words::{Effect, Note, ProcessName, Refusal, Trouble};

/// The answer of a machine to one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<S> {
    /// It changes.
    Moved(Step<S>),
    /// It stays as it is.
    Unchanged(Unchanged),
    /// It declines a request; it stays as it is.
    Refused(Refusal),
}

/// A change of one machine, with all that follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step<S> {
    /// The new state.
    pub next: S,
    /// Events for other machines, in order.
    pub tells: Vec<Tell>,
    /// Requests to the world, in order.
    pub effects: Vec<Effect>,
    /// What the history remembers, in order.
    pub notes: Vec<Note>,
}

/// Why an event changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unchanged {
    /// It belongs to an earlier life or attempt.
    Late,
    /// What it asks for is so already.
    AlreadySo,
    /// Its time has not come.
    NotYet,
    /// It does not concern this state.
    NotConcerned,
}

/// An event from one machine to another.
#[derive(Clone, Debug, PartialEq)]
pub enum Tell {
    /// To the process with the trader's role.
    Trader(process::Event),
    /// To the deployment.
    Deployment(deployment::Event),
    /// To the alert with this key.
    Alert(alert::Key, alert::Event),
}

impl<S> Step<S> {
    /// A change to `next` from which nothing else follows.
    pub const fn to(next: S) -> Self {
        Self { next, tells: Vec::new(), effects: Vec::new(), notes: Vec::new() }
    }

    /// Adds an event for another machine.
    pub fn tell(mut self, tell: Tell) -> Self {
        self.tells.push(tell);
        self
    }

    /// Adds a request to the world.
    pub fn ask(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    /// Adds a line to the history.
    pub fn note(mut self, note: Note) -> Self {
        self.notes.push(note);
        self
    }

    /// Raises an alert, as urgent as it usually is.
    pub fn raise(self, key: alert::Key, text: impl Into<String>, remedy: &str) -> Self {
        let (severity, text) = (key.usual_severity(), text.into());
        let trouble = Trouble { severity, text, remedy: remedy.to_owned() };
        self.tell(Tell::Alert(key, alert::Event::Raise(trouble)))
    }

    /// Clears an alert.
    pub fn clear(self, key: alert::Key) -> Self {
        self.tell(Tell::Alert(key, alert::Event::Clear))
    }

    /// This change as an answer.
    pub const fn done(self) -> Answer<S> {
        Answer::Moved(self)
    }
}

/// Names a process's alert.
fn process_alert(name: &ProcessName, what: &str) -> alert::Key {
    alert::Key(format!("process/{name}/{what}"))
}
