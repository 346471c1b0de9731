//! Quiet hours: a stretch of the day, by the clock on the wall, in which only what is critical is
//! told.

use cappuccino_core::words::Timestamp;
use jiff::tz::TimeZone;

/// From a minute of the day to another, perhaps over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    from: u16,
    to: u16,
}

impl QuietHours {
    /// Reads `HH:MM-HH:MM`; `None` for anything else, or when nothing or the whole day is quiet.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let hours = Self { from: minute(from.trim())?, to: minute(to.trim())? };
        (hours.from != hours.to).then_some(hours)
    }

    /// Whether `at` is within them, in time zone `zone`. A time that no calendar has is not.
    pub fn hold(self, at: Timestamp, zone: TimeZone) -> bool {
        let Ok(instant) = jiff::Timestamp::from_millisecond(at.0) else { return false };
        let time = instant.to_zoned_datetime(zone).time();
        let minute =
            u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| {
        let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_night_goes_over_midnight_and_follows_the_clock_on_the_wall() {
        let night = QuietHours::parse("22:30-07:00").unwrap();
        assert!(night.hold(at("2026-01-05T22:30:00Z"), TimeZone::UTC));
        assert!(night.hold(at("2026-01-05T06:59:59Z"), TimeZone::UTC));
        assert!(!night.hold(at("2026-01-05T07:00:00Z"), TimeZone::UTC));
        let east = TimeZone::fixed(jiff::tz::offset(9));
        assert!(night.hold(at("2026-01-05T14:00:00Z"), east.clone()), "23:00 there");
        assert!(!night.hold(at("2026-01-05T23:00:00Z"), east), "08:00 there");
        let noon = QuietHours::parse("12:00 - 13:00").unwrap();
        assert!(noon.hold(at("2026-01-05T12:59:00Z"), TimeZone::UTC));
        assert!(!noon.hold(at("2026-01-05T13:00:00Z"), TimeZone::UTC));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "22:00", "24:00-07:00", "7:00-22:00", "22:00-22:00", "22:60-23:00", "+1:00-02:00"]
        {
            assert_eq!(QuietHours::parse(text), None, "{text}");
        }
    }
}
