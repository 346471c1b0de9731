//! The grid of time on which samples are sealed and summed up, and how times become keys.
//!
//! Everything starts at multiples of its own length since 1970, so that no stored block ever
//! straddles a larger one.

use crate::words::Timestamp;

/// Times that samples may have: the years ±9999. Inside them no sum of two can overflow.
pub(super) const EARLIEST: i64 = -377_705_116_800_000;
/// The first time that is too late for a sample.
pub(super) const END: i64 = 253_402_300_800_000;

/// A stretch of time in milliseconds, the end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Stretch {
    /// All times that samples may have.
    pub(super) const EVER: Self = Self { start: EARLIEST, end: END };

    /// From `start` (included) to `end` (excluded), cut to times that samples may have.
    pub(super) fn new(start: i64, end: i64) -> Self {
        Self { start: start.max(EARLIEST), end: end.min(END) }
    }

    /// The stretch of this `length` on the grid that `at` lies in.
    pub(super) const fn around(at: i64, length: i64) -> Self {
        let start = floor(at, length);
        Self { start, end: start.saturating_add(length) }
    }

    pub(super) const fn is_empty(self) -> bool {
        self.start >= self.end
    }

    pub(super) const fn contains(self, at: i64) -> bool {
        self.start <= at && at < self.end
    }

    pub(super) fn cut(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }

    /// This stretch widened to whole multiples of `length`.
    pub(super) const fn widened(self, length: i64) -> Self {
        Self { start: floor(self.start, length), end: ceiling(self.end, length) }
    }

    /// Keys of this stretch.
    pub(super) fn keys(self) -> std::ops::Range<u64> {
        key(self.start)..key(self.end.max(self.start))
    }
}

/// The last multiple of `length` that is not after `at`.
pub(super) const fn floor(at: i64, length: i64) -> i64 {
    at.saturating_sub(at.rem_euclid(length))
}

/// The first multiple of `length` that is not before `at`.
pub(super) const fn ceiling(at: i64, length: i64) -> i64 {
    floor(at.saturating_add(length - 1), length)
}

/// Milliseconds as a key that sorts like time, also before 1970.
pub(super) const fn key(at: i64) -> u64 {
    at.cast_unsigned() ^ (1 << 63)
}

/// The time that a key stands for.
pub(super) const fn time(key: u64) -> i64 {
    (key ^ (1 << 63)).cast_signed()
}

/// For errors: the time of a key as people read it.
pub(super) fn said(key: u64) -> Timestamp {
    Timestamp(time(key))
}
