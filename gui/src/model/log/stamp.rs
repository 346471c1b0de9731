//! The time at the beginning of a line of output, in the forms that Python's and Rust's loggers
//! print.

use crate::text;
use cappuccino_core::words::Timestamp;

/// A time at the beginning of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Where it begins and ends in the text, in bytes.
    pub range: (usize, usize),
    /// What it says; nothing when it names no day.
    pub at: Option<Timestamp>,
}

/// Bytes of `2026-11-24 12:31:09`.
const DATE_TIME: usize = 19;
/// Bytes of `12:31:09`.
const TIME: usize = 8;

impl Stamp {
    /// Looks for one: at the very beginning, or within the brackets there (`[I 2026-…]`).
    pub fn of(line: &str) -> Option<Self> {
        let start = match line.strip_prefix('[') {
            Some(inner) => {
                1 + inner.find(|letter: char| letter.is_ascii_digit()).filter(|at| *at <= 9)?
            }
            None => 0,
        };
        let rest = line.get(start..)?;
        if let Some(date_time) =
            rest.get(..DATE_TIME).filter(|text| has_shape(text, "dddd-dd-dd?dd:dd:dd"))
        {
            let (length, zone) = tail(rest, DATE_TIME);
            let at = text::read_time(date_time, zone);
            return Some(Self { range: (start, start + length), at });
        }
        rest.get(..TIME).filter(|text| has_shape(text, "dd:dd:dd"))?;
        let (length, _) = tail(rest, TIME);
        Some(Self { range: (start, start + length), at: None })
    }
}

/// Whether each letter is the digit (`d`), the sign, or anything (`?`) that the shape wants.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(is, wanted)| match wanted {
            b'd' => is.is_ascii_digit(),
            b'?' => is == b' ' || is == b'T',
            sign => is == sign,
        })
}

/// Where the stamp ends: behind the fraction and the zone, which is told too.
fn tail(rest: &str, from: usize) -> (usize, Option<&str>) {
    let after = |at: usize| rest.get(at..).unwrap_or_default();
    let fraction = match after(from).strip_prefix(['.', ',']) {
        Some(digits) => {
            1 + digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len())
        }
        None => 0,
    };
    let zone_at = from + fraction;
    let zone = after(zone_at);
    let length = match zone.as_bytes().first() {
        Some(b'Z') => 1,
        Some(b'+' | b'-') if zone.get(1..6).is_some_and(|zone| has_shape(zone, "dd:dd")) => 6,
        _ => 0,
    };
    (zone_at + length, zone.get(..length).filter(|zone| !zone.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_are_found_and_other_digits_are_none() {
        let ends = |line: &str| Stamp::of(line).map(|stamp| (stamp.range, stamp.at.is_some()));
        assert_eq!(ends("2026-11-24 12:31:09,123 INFO x"), Some(((0, 23), true)));
        assert_eq!(ends("2026-11-24T12:31:09.5Z x"), Some(((0, 22), true)));
        assert_eq!(ends("[I 2026-11-24 12:31:09,123] Trial 4"), Some(((3, 26), true)));
        assert_eq!(ends("12:31:09 INFO"), Some(((0, 8), false)));
        assert_eq!(ends("12 trials"), None);
        assert_eq!(ends("[x"), None);
        assert_eq!(ends("2026-99-24 12:31:09 x"), Some(((0, 19), false)), "no such month");
        let zoned = Stamp::of("2026-11-24T13:31:09+01:00 x").unwrap();
        assert_eq!(zoned.range, (0, 25));
        assert_eq!(zoned.at, Stamp::of("2026-11-24T12:31:09Z x").unwrap().at);
    }
}
