//! How values read on the screen: short, with a sign where it matters, never misleading digits.

use crate::num;
use cappuccino_core::api::ViewValue;
use cappuccino_core::words::{Span, Timestamp};
use jiff::tz::TimeZone;
use std::sync::OnceLock;

/// An objective value with four significant digits.
pub fn value(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs().log10().floor();
    if !(-4.0..7.0).contains(&size) {
        return format!("{value:.3e}");
    }
    let digits = (3.0 - size).clamp(0.0, 8.0);
    let digits = usize::try_from(num::whole(digits)).unwrap_or(0);
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

/// As [`value`], for what JSON carries.
pub fn view_value(view: &ViewValue) -> String {
    match view {
        ViewValue::Finite(number) => value(*number),
        ViewValue::Infinite(text) => text.clone(),
    }
}

/// A size in its largest binary unit: `16.5 GiB`.
pub fn bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = num::real(bytes);
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    if unit == 0 || value >= 100.0 {
        format!("{value:.0} {name}")
    } else {
        format!("{value:.1} {name}")
    }
}

/// A duration in its two largest units: `3 h 12 m`.
pub fn span(span: Span) -> String {
    let seconds = (span.0 / 1000).max(0);
    let parts = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let first = parts.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(3);
    let mut left = seconds;
    let shown: Vec<String> = parts
        .iter()
        .skip(first)
        .take(2)
        .map(|(unit, name)| {
            let count = left / unit;
            left %= unit;
            (count, *name)
        })
        .enumerate()
        .filter(|(place, (count, _))| *place == 0 || *count > 0)
        .map(|(_, (count, name))| format!("{count} {name}"))
        .collect();
    shown.join(" ")
}

/// With a capital at its beginning.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// How long ago: `12 s ago`.
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    format!("{} ago", span(now.since(then)))
}

/// A time of day in the user's zone, with the date when it is another day than `now`.
pub fn clock(at: Timestamp, now: Timestamp) -> String {
    let (Some(at), Some(now)) = (zoned(at), zoned(now)) else { return at.to_string() };
    let format = if at.date() == now.date() { "%H:%M:%S" } else { "%d %b %H:%M" };
    at.strftime(format).to_string()
}

/// A mark on a time axis whose marks are `step` milliseconds apart.
pub fn tick(at_ms: f64, step: f64) -> String {
    let Some(at) = zoned(Timestamp(num::whole(at_ms))) else { return String::new() };
    let format = match step {
        step if step >= 2_592_000_000.0 => "%b %Y",
        step if step >= 86_400_000.0 => "%d %b",
        step if step >= 60_000.0 => "%H:%M",
        _ => "%H:%M:%S",
    };
    at.strftime(format).to_string()
}

/// A sentence of the runner with its times as a person here reads them: `restart at 12:03:12, in
/// 40 s`.
pub fn with_local_times(sentence: &str, now: Timestamp) -> String {
    let word = |word: &str| {
        let Ok(at) = word.parse::<jiff::Timestamp>() else { return word.to_owned() };
        let at = Timestamp(at.as_millisecond());
        let left = at.since(now);
        let left = if left.0 > 0 { format!(", in {}", span(left)) } else { String::new() };
        format!("{}{left}", clock(at, now))
    };
    sentence.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// What `2026-11-24 12:31:09` says, in the zone `Z` or `+01:00` or else the user's.
pub fn read_time(date_time: &str, zone: Option<&str>) -> Option<Timestamp> {
    let at = if let Some(zone) = zone {
        format!("{date_time}{zone}").parse::<jiff::Timestamp>().ok()?
    } else {
        let civil: jiff::civil::DateTime = date_time.parse().ok()?;
        civil.to_zoned_datetime(zone_of_times()).ok()?.timestamp()
    };
    Some(Timestamp(at.as_millisecond()))
}

/// The zone of all times: the user's, unless it was settled.
static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// Times read in UTC from now on, wherever the machine stands: for pictures that are compared.
pub fn settle_on_utc() {
    // Settled twice is settled.
    ZONE.set(TimeZone::UTC).ok();
}

fn zone_of_times() -> TimeZone {
    ZONE.get().cloned().unwrap_or_else(TimeZone::system)
}

fn zoned(at: Timestamp) -> Option<jiff::ZonedDateTime> {
    // A time that the calendar cannot hold is shown as it is by the callers.
    Some(jiff::Timestamp::from_millisecond(at.0).ok()?.to_zoned_datetime(zone_of_times()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_four_digits_at_every_size() {
        let shown: Vec<String> =
            [0.0, 0.123_456, -12.345_6, 1234.5, 123_456.0, 1.5e-9, 3.2e12, 1.0].map(value).into();
        let wanted = ["0", "0.1235", "-12.35", "1234", "123456", "1.500e-9", "3.200e12", "1"];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn times_of_the_runner_read_as_here_with_what_is_left() {
        settle_on_utc();
        let now = Timestamp(1_795_521_600_000);
        let told = |text| with_local_times(text, now);
        assert_eq!(told("restart at 2026-11-24T12:00:40.000Z"), "restart at 12:00:40, in 40 s");
        assert_eq!(told("restart at 2026-11-24T11:59:00Z"), "restart at 11:59:00");
        assert_eq!(told("starts when feed is ready"), "starts when feed is ready");
    }

    #[test]
    fn sizes_read_in_their_largest_unit() {
        let shown: Vec<String> = [0, 1023, 1536, 17 << 30, 612 << 30].map(bytes).into();
        assert_eq!(shown, ["0 B", "1023 B", "1.5 KiB", "17.0 GiB", "612 GiB"]);
    }

    #[test]
    fn durations_read_in_their_two_largest_units() {
        let shown: Vec<String> =
            [0, 12_300, 60_000, 11_520_000, 90_000_000, -5].map(|ms| span(Span(ms))).into();
        assert_eq!(shown, ["0 s", "12 s", "1 m", "3 h 12 m", "1 d 1 h", "0 s"]);
    }
}
