//! What the user is told: a short note that goes by itself, and all of them to read later.

use cappuccino_core::words::{Span, Timestamp};
use std::collections::VecDeque;

/// How long a note stays up by itself.
const SHOWN_FOR: Span = Span::seconds(8);
/// How long a bad one does.
const BAD_SHOWN_FOR: Span = Span::seconds(30);
/// Notes that can be read later.
const KEPT_MAX: usize = 200;

/// How a note is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// Nothing to do.
    Plain,
    /// It did not go well.
    Bad,
}

/// One thing the user is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How it is meant.
    pub tone: Tone,
    /// One sentence.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// Whether the user put it away.
    pub dismissed: bool,
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub struct Notices {
    all: VecDeque<Notice>,
}

impl Notices {
    /// Tells the user something.
    pub fn tell(&mut self, tone: Tone, text: String, now: Timestamp) {
        if self.all.len() >= KEPT_MAX {
            self.all.pop_front();
        }
        self.all.push_back(Notice { tone, text, at: now, dismissed: false });
    }

    /// What is up now.
    pub fn shown(&self, now: Timestamp) -> impl Iterator<Item = (usize, &Notice)> {
        self.all.iter().enumerate().filter(move |(_, notice)| notice.is_up(now))
    }

    /// All that were told, newest first.
    pub fn all(&self) -> impl Iterator<Item = &Notice> {
        self.all.iter().rev()
    }

    /// The newest.
    pub fn last(&self) -> Option<&Notice> {
        self.all.back()
    }

    /// Puts one away.
    pub fn dismiss(&mut self, place: usize) {
        if let Some(notice) = self.all.get_mut(place) {
            notice.dismissed = true;
        }
    }
}

impl Notice {
    fn is_up(&self, now: Timestamp) -> bool {
        let shown_for = match self.tone {
            Tone::Good | Tone::Plain => SHOWN_FOR,
            Tone::Bad => BAD_SHOWN_FOR,
        };
        !self.dismissed && now.since(self.at) < shown_for
    }
}
