//! The stretch of time that all charts over time show together.

use cappuccino_core::words::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// The lengths that can be chosen: words and length.
pub const RANGES: [(&str, Span); 8] = [
    ("15 m", Span::minutes(15)),
    ("1 h", Span::hours(1)),
    ("6 h", Span::hours(6)),
    ("24 h", Span::hours(24)),
    ("7 d", Span::hours(7 * 24)),
    ("30 d", Span::hours(30 * 24)),
    ("1 y", Span::hours(366 * 24)),
    ("5 y", Span::hours(5 * 366 * 24)),
];
/// Shortest and longest stretch.
const SHORTEST: i64 = 10_000;
const LONGEST: i64 = 10 * 366 * 24 * 3_600_000;

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeWindow {
    /// Its length.
    pub length: Span,
    /// Its end; the present while there is none.
    #[serde(skip)]
    pub end: Option<Timestamp>,
}

impl Default for TimeWindow {
    fn default() -> Self {
        Self { length: Span::hours(6), end: None }
    }
}

impl TimeWindow {
    /// The shortest that can be chosen and shows everything since `first`, up to a day.
    pub fn covering(first: Timestamp, now: Timestamp) -> Self {
        let age = now.since(first);
        let fits = RANGES.iter().take(4).find(|(_, length)| *length >= age);
        Self { length: fits.map_or(Span::hours(24), |(_, length)| *length), end: None }
    }

    /// First and last moment.
    pub fn range(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let end = self.end.unwrap_or(now);
        (end.plus(Span(-self.length.0)), end)
    }

    /// Whether it moves with the present.
    pub const fn is_live(&self) -> bool {
        self.end.is_none()
    }

    /// Moves it by so many milliseconds; at the present it stays there.
    pub fn pan(&mut self, by: i64, now: Timestamp) {
        let end = self.end.unwrap_or(now).plus(Span(by));
        self.end = (end < now).then_some(end);
    }

    /// Moves it by a quarter of its length.
    pub fn step(&mut self, forwards: bool, now: Timestamp) {
        let quarter = self.length.0 / 4;
        self.pan(if forwards { quarter } else { -quarter }, now);
    }

    /// Makes it longer or shorter around a moment.
    pub fn zoom(&mut self, factor: f64, around: Timestamp, now: Timestamp) {
        let (from, to) = self.range(now);
        let at = |edge: Timestamp| {
            let distance = crate::num::signed(edge.since(around).0) * factor;
            around.plus(Span(crate::num::whole(distance)))
        };
        let (from, to) = (at(from), at(to));
        let length = to.since(from).0.clamp(SHORTEST, LONGEST);
        self.length = Span(length);
        if self.end.is_some() || to < now {
            self.end = (to < now).then_some(to);
        }
    }

    /// The next shorter length that can be chosen.
    pub fn shorter(&mut self) {
        let next = RANGES.iter().rev().find(|(_, length)| *length < self.length);
        self.length = next.map_or(self.length, |(_, length)| *length);
    }

    /// The next longer one.
    pub fn longer(&mut self) {
        let next = RANGES.iter().find(|(_, length)| *length > self.length);
        self.length = next.map_or(self.length, |(_, length)| *length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_521_600_000);

    #[test]
    fn moving_back_leaves_the_present_and_moving_on_comes_to_rest_there() {
        let mut window = TimeWindow::default();
        window.pan(-3_600_000, NOW);
        assert!(!window.is_live());
        window.pan(9_000_000, NOW);
        assert!(window.is_live());
    }

    #[test]
    fn zooming_keeps_the_moment_under_the_pointer_in_its_place() {
        let mut window =
            TimeWindow { length: Span::hours(4), end: Some(NOW.plus(Span::hours(-1))) };
        let around = NOW.plus(Span::hours(-2));
        window.zoom(0.5, around, NOW);
        let (from, to) = window.range(NOW);
        assert_eq!((from, to), (NOW.plus(Span::minutes(-210)), NOW.plus(Span::minutes(-90))));
        window.zoom(1e-9, around, NOW);
        assert!(window.length.0 >= SHORTEST);
    }
}
