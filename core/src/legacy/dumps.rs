//! Writes what Python's `json.dumps(value, indent=2)` writes, byte for byte, so that a file read
//! and written again is the same file.

use crate::model::pickle::PyValue;
use std::fmt::Write as _;

/// Below this power of ten Python's `repr` of a float takes an exponent.
const SMALL: i32 = -4;
/// From this power of ten on it takes one too.
const LARGE: i32 = 16;

/// The text of `value`. What JSON has no word for (a class, a call) becomes `null`, as no reader of
/// JSON gives such a value.
pub fn dumps(value: &PyValue) -> String {
    let mut out = String::new();
    put(&mut out, value, 0);
    out
}

fn put(out: &mut String, value: &PyValue, depth: usize) {
    match value {
        PyValue::Bool(true) => out.push_str("true"),
        PyValue::Bool(false) => out.push_str("false"),
        PyValue::Int(number) => out.push_str(&number.to_string()),
        PyValue::BigInt(digits) => out.push_str(digits),
        PyValue::Float(number) => out.push_str(&float(*number)),
        PyValue::Text(bytes) => put_text(out, bytes),
        PyValue::List(items) | PyValue::Tuple(items) => {
            series(out, ('[', ']'), items, depth, |out, item| put(out, item, depth + 1));
        }
        PyValue::Dict(items) => series(out, ('{', '}'), items, depth, |out, (key, item)| {
            put(out, key, depth + 1);
            out.push_str(": ");
            put(out, item, depth + 1);
        }),
        PyValue::None
        | PyValue::Global(..)
        | PyValue::Call(..)
        | PyValue::Object(..)
        | PyValue::Persistent(_)
        | PyValue::Filled(..) => out.push_str("null"),
    }
}

fn series<T>(
    out: &mut String,
    (open, close): (char, char),
    items: &[T],
    depth: usize,
    mut item: impl FnMut(&mut String, &T),
) {
    out.push(open);
    for (place, each) in items.iter().enumerate() {
        out.push_str(if place == 0 { "\n" } else { ",\n" });
        out.push_str(&"  ".repeat(depth + 1));
        item(out, each);
    }
    if !items.is_empty() {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    }
    out.push(close);
}

/// Python's `repr` of a float, as its `json` module writes it.
pub fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    // The shortest digits that read back as the same number, in both languages.
    let shortest = format!("{number:e}");
    let (digits, power) = shortest.split_once('e').unwrap_or((shortest.as_str(), "0"));
    let power: i32 = power.parse().unwrap_or(0);
    if number == 0.0 || (SMALL..LARGE).contains(&power) {
        let plain = number.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", power.abs())
}

/// A string with everything beyond ASCII escaped. Lone surrogates stand as their three bytes.
fn put_text(out: &mut String, bytes: &[u8]) {
    out.push('"');
    let mut rest = bytes;
    while !rest.is_empty() {
        let valid = match std::str::from_utf8(rest) {
            Ok(text) => text,
            Err(error) => rest.get(..error.valid_up_to()).map_or("", valid_part),
        };
        valid.chars().for_each(|character| put_character(out, character));
        rest = rest.get(valid.len()..).unwrap_or_default();
        if let [first, second, third, after @ ..] = rest {
            let code = [(first, 0x0f, 12), (second, 0x3f, 6), (third, 0x3f, 0)]
                .iter()
                .map(|(byte, mask, shift)| (u32::from(**byte) & mask) << shift)
                .sum::<u32>();
            escape(out, code);
            rest = after;
        } else {
            return out.push('"');
        }
    }
    out.push('"');
}

fn valid_part(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn put_character(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        ' '..='~' => out.push(character),
        other => {
            for unit in other.encode_utf16(&mut [0; 2]) {
                escape(out, u32::from(*unit));
            }
        }
    }
}

fn escape(out: &mut String, code: u32) {
    // Writing to a string cannot fail.
    let _written = write!(out, "\\u{code:04x}").is_ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::python_json::parse;

    /// The right side is what CPython 3.11 printed for `json.dumps` of the same number.
    #[test]
    fn floats_are_written_as_python_writes_them() {
        let known = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.0712, "0.0712"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (123_456_789.123, "123456789.123"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
        ];
        for (number, text) in known {
            assert_eq!(float(number), text);
        }
    }

    #[test]
    fn what_python_wrote_is_written_again_byte_for_byte() {
        let text = r#"{
  "last": null,
  "empty": [],
  "none": {},
  "list": [
    1,
    2.5,
    NaN,
    -Infinity,
    {
      "k\u00e9y": "\ud83d\ude00 \"\\\n\ud800 end",
      "big": 123456789012345678901234567890
    }
  ],
  "ok": true
}"#;
        assert_eq!(dumps(&parse(text).unwrap()), text);
    }
}
