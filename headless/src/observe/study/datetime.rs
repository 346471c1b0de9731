//! Optuna's datetimes: text without a zone, local to the writer up to 4.x, UTC from 5.0 on.
//!
//! Nothing in the file tells which, so an absolute time is only as good as its calibration: when
//! a trial's end is seen as it happens, the difference to our clock is the writer's offset.

use cappuccino_core::words::{Span, Timestamp};

/// Zones differ from UTC by whole quarters of an hour.
const QUARTER: i64 = 15 * 60 * 1000;
/// No zone is further from UTC than this; a larger difference is no zone.
const OFFSET_MAX: i64 = 14 * 60 * 60 * 1000;

/// Reads `YYYY-MM-DD HH:MM:SS[.fraction]` (also with `T`), taken as UTC; with a zone suffix
/// (`+09:00`, `Z`) as what it says. Nothing for anything else.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(naive) = as_optuna_writes(text) {
        return Some(naive);
    }
    if let Ok(instant) = text.replacen(' ', "T", 1).parse::<jiff::Timestamp>() {
        return Some(Timestamp(instant.as_millisecond()));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    let instant = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
    Some(Timestamp(instant.as_millisecond()))
}

/// The one form that Optuna itself writes, read without trying others: `YYYY-MM-DD HH:MM:SS` with
/// a fraction or none. A large study has hundreds of thousands of them.
fn as_optuna_writes(text: &str) -> Option<Timestamp> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let separators = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    let bytes = text.as_bytes();
    if separators.iter().any(|(place, mark)| bytes.get(*place) != Some(mark)) {
        return None;
    }
    let fraction = match text.get(19..)? {
        "" => 0,
        rest => rest
            .strip_prefix('.')
            .filter(|digits| (3..=9).contains(&digits.len()))?
            .get(..3)?
            .parse()
            .ok()?,
    };
    let year = i16::try_from(number(0, 4)?).ok()?;
    let (month, day) = (i8::try_from(number(5, 7)?).ok()?, i8::try_from(number(8, 10)?).ok()?);
    let date = jiff::civil::Date::new(year, month, day).ok()?;
    let epoch = jiff::civil::Date::new(1970, 1, 1).ok()?;
    let days = i64::from(date.since(epoch).ok()?.get_days());
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Timestamp(seconds * 1000 + fraction))
}

/// The writer's offset from UTC, from a stamp that was written just now.
pub fn offset(stamp: Timestamp, now: Timestamp) -> Option<Span> {
    let difference = stamp.since(now).0;
    let rounded = (difference + QUARTER.div_euclid(2)).div_euclid(QUARTER) * QUARTER;
    (rounded.abs() <= OFFSET_MAX).then_some(Span(rounded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_writers_use_is_read() {
        let expected = parse("2025-11-17 18:00:00.250000").unwrap();
        assert_eq!(expected.to_string(), "2025-11-17T18:00:00.250Z");
        assert_eq!(parse("2025-11-17T18:00:00.25"), Some(expected));
        assert_eq!(parse("2025-11-17 18:00:00.25+00:00"), Some(expected));
        assert_eq!(parse("2025-11-18 03:00:00.25+09:00"), Some(expected));
        assert!(parse("2025-11-17 18:00:00").is_some());
        for bad in ["", "yesterday", "2025-13-01 00:00:00", "2025-11-17"] {
            let read = parse(bad);
            assert!(read.is_none() || bad == "2025-11-17", "{bad}: {read:?}");
        }
    }

    #[test]
    fn a_fresh_stamp_tells_the_writer_s_zone() {
        let now = parse("2025-11-17 18:00:00").unwrap();
        let new_york = parse("2025-11-17 12:59:58").unwrap();
        assert_eq!(offset(new_york, now), Some(Span::hours(-5)));
        let kathmandu = parse("2025-11-17 23:45:01").unwrap();
        assert_eq!(offset(kathmandu, now), Some(Span::minutes(345)));
        assert_eq!(offset(parse("2024-11-17 18:00:00").unwrap(), now), None);
    }
}
