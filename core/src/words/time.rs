//! Time as a value: instants, lengths of time, and moments that survive a clock that jumps.
//!
//! No clock is read here. Arithmetic saturates, so hostile or corrupt times cannot panic.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z; may be negative.
///
/// In people's formats (JSON) it is RFC 3339 text, in the store a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A length of time in milliseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Span(pub i64);

/// Identity of one boot of the machine (`/proc/sys/kernel/random/boot_id`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct BootId(pub u128);

/// An instant said twice: by the wall clock, and by time since boot (suspend included).
///
/// Durations between two moments of the same boot come from the uptime, so a stepped wall clock
/// neither shortens nor stretches a cooldown. Across boots only the wall clock is left; it is
/// then clamped to be non-negative.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Moment {
    /// What the wall clock said.
    pub wall: Timestamp,
    /// Which boot `uptime` belongs to.
    pub boot: BootId,
    /// Time since that boot.
    pub uptime: Span,
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self);
        }
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a time is RFC 3339 text"))
    }
}

impl Timestamp {
    /// Reads RFC 3339 text; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|instant| Self(instant.as_millisecond()))
    }

    /// This instant moved by `span`.
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// Time from `earlier` to this instant; negative when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of whole seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// A span of whole minutes.
    pub const fn minutes(minutes: i64) -> Self {
        Self::seconds(minutes.saturating_mul(60))
    }

    /// A span of whole hours.
    pub const fn hours(hours: i64) -> Self {
        Self::minutes(hours.saturating_mul(60))
    }

    /// The two spans together.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left of this span after `other`; never negative.
    pub const fn minus(self, other: Self) -> Self {
        let rest = self.0.saturating_sub(other.0);
        Self(if rest < 0 { 0 } else { rest })
    }

    /// This span `factor` times.
    pub const fn times(self, factor: i64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl Moment {
    /// Time from `earlier` to this moment; never negative.
    pub const fn since(self, earlier: Self) -> Span {
        let span = if self.boot.0 == earlier.boot.0 {
            self.uptime.0.saturating_sub(earlier.uptime.0)
        } else {
            self.wall.0.saturating_sub(earlier.wall.0)
        };
        Span(if span < 0 { 0 } else { span })
    }

    /// This moment moved forward by `span` on both clocks.
    pub const fn plus(self, span: Span) -> Self {
        Self { wall: self.wall.plus(span), boot: self.boot, uptime: self.uptime.plus(span) }
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds; a time outside the years ±9999 shows as raw milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_out_of_range) => write!(f, "{} ms since 1970", self.0),
        }
    }
}

impl fmt::Display for Span {
    /// The largest two units that matter, as a person would say it: `2h 5m`, `40s`, `250ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0;
        let seconds = milliseconds / 1000;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        if days != 0 {
            write!(f, "{days}d {hours}h")
        } else if hours != 0 {
            write!(f, "{hours}h {minutes}m")
        } else if minutes != 0 {
            write!(f, "{minutes}m {}s", seconds % 60)
        } else if seconds != 0 {
            write!(f, "{seconds}s")
        } else {
            write!(f, "{milliseconds}ms")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(wall: i64, boot: u128, uptime: i64) -> Moment {
        Moment { wall: Timestamp(wall), boot: BootId(boot), uptime: Span(uptime) }
    }

    #[test]
    fn a_stepped_wall_clock_does_not_change_a_duration_within_a_boot() {
        let before = moment(10_000_000, 1, 500);
        let after_step_back = moment(1, 1, 1500);
        assert_eq!(after_step_back.since(before), Span(1000));
    }

    #[test]
    fn across_boots_the_wall_clock_counts_and_never_runs_backwards() {
        let before = moment(1000, 1, 999_999);
        assert_eq!(moment(4000, 2, 5).since(before), Span(3000));
        assert_eq!(moment(10, 2, 5).since(before), Span::ZERO);
    }

    #[test]
    fn times_read_as_a_person_says_them() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Span::minutes(125).to_string(), "2h 5m");
        assert_eq!(Span(250).to_string(), "250ms");
        assert_eq!(Timestamp(i64::MAX).to_string(), format!("{} ms since 1970", i64::MAX));
    }
}
