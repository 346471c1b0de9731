//! A line of the history, for people.

pub(crate) use cappuccino_core::api::sentence;
use cappuccino_core::words::{Note, Timestamp};

/// A line of the history: number, time, sentence.
pub(in crate::cli) fn line(sequence: u64, at: Timestamp, note: &Note) -> String {
    format!("{sequence:>6}  {}  {}", super::time(at), super::clean(&sentence(note)))
}
