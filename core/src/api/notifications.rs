//! What is known of the ways to the user: answer to `GET /v1/notifications`.

use crate::words::{Sequence, Timestamp};
use serde::{Deserialize, Serialize};

/// One way to the user, and how it does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelView {
    /// Its name.
    pub name: String,
    /// `desktop`, `ntfy`, `slack`, `discord`, `webhook`, `telegram`, `email`, `command` or
    /// `heartbeat`.
    pub kind: String,
    /// `ok`, `waiting`, `failing: why` or `unavailable: why`.
    pub state: String,
    /// Every line of the history up to this one is dealt with.
    pub delivered: Sequence,
    /// Lines that wait to be told.
    pub waiting: u64,
    /// When something arrived last: known of this run of the runner only.
    pub last: Option<Timestamp>,
    /// Since when every try failed.
    pub failing_since: Option<Timestamp>,
    /// When the next try is made.
    pub next_try: Option<Timestamp>,
    /// Lines that were given up, newest last.
    pub dead: Vec<DeadLetter>,
}

/// A line of the history that could not be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its number.
    pub sequence: Sequence,
    /// When it was given up.
    pub given_up: Timestamp,
    /// What it said.
    pub text: String,
    /// Why it never arrived.
    pub why: String,
}
