//! Reads what Python's `json.dumps` writes, which is more than JSON: `NaN`, `Infinity`, integers
//! of any size, surrogates without their partner.

use super::pickle::PyValue;

/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 100;
/// Longest integer; Python itself refuses longer ones (`sys.set_int_max_str_digits`).
const MAX_DIGITS: usize = 4300;

/// Where and why a text could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no JSON as Python writes it: {reason} at byte {at}")]
pub struct JsonFault {
    /// Offset in bytes.
    pub at: usize,
    /// What was wrong there.
    pub reason: &'static str,
}

/// The Python value that `json.loads(text)` would give.
///
/// # Errors
/// [`JsonFault`] where Python would raise, and for nesting deeper than 100.
pub fn parse(text: &str) -> Result<PyValue, JsonFault> {
    let mut parser = Parser { bytes: text.as_bytes(), at: 0 };
    let value = parser.value(0)?;
    parser.skip_space();
    if parser.at == parser.bytes.len() {
        Ok(value)
    } else {
        Err(parser.fault("something follows the value"))
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    const fn fault(&self, reason: &'static str) -> JsonFault {
        JsonFault { at: self.at, reason }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, word: &[u8]) -> bool {
        let found = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if found {
            self.at += word.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<PyValue, JsonFault> {
        if depth > MAX_DEPTH {
            return Err(self.fault("nested too deeply"));
        }
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.string().map(PyValue::Text),
            Some(b'[') => self.list(depth),
            Some(b'{') => self.dict(depth),
            Some(_) => self.word_or_number(),
            None => Err(self.fault("the text ends early")),
        }
    }

    fn word_or_number(&mut self) -> Result<PyValue, JsonFault> {
        let words = [
            ("null", PyValue::None),
            ("true", PyValue::Bool(true)),
            ("false", PyValue::Bool(false)),
            ("NaN", PyValue::Float(f64::NAN)),
            ("Infinity", PyValue::Float(f64::INFINITY)),
            ("-Infinity", PyValue::Float(f64::NEG_INFINITY)),
        ];
        for (word, value) in words {
            if self.take(word.as_bytes()) {
                return Ok(value);
            }
        }
        self.number()
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<PyValue, JsonFault> {
        let start = self.at;
        self.take(b"-");
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return Err(self.fault("a value is due"));
        }
        let fraction = self.take(b".");
        if fraction && self.digits() == 0 {
            return Err(self.fault("a digit is due"));
        }
        let exponent = self.take(b"e") || self.take(b"E");
        if exponent {
            let _sign = self.take(b"+") || self.take(b"-");
            if self.digits() == 0 {
                return Err(self.fault("a digit is due"));
            }
        }
        let text = self.bytes.get(start..self.at).and_then(|text| std::str::from_utf8(text).ok());
        let text = text.ok_or_else(|| self.fault("a value is due"))?;
        if fraction || exponent {
            return text.parse().map(PyValue::Float).map_err(|_unread| self.fault("no number"));
        }
        if whole > MAX_DIGITS {
            return Err(self.fault("the integer is too long"));
        }
        Ok(text.parse().map_or_else(|_large| PyValue::BigInt(text.to_owned()), PyValue::Int))
    }

    fn list(&mut self, depth: usize) -> Result<PyValue, JsonFault> {
        let mut items = Vec::new();
        self.series(b"]", |parser| {
            items.push(parser.value(depth + 1)?);
            Ok(())
        })?;
        Ok(PyValue::List(items))
    }

    fn dict(&mut self, depth: usize) -> Result<PyValue, JsonFault> {
        let mut items = Vec::new();
        self.series(b"}", |parser| {
            let key = parser.string().map(PyValue::Text)?;
            parser.skip_space();
            if !parser.take(b":") {
                return Err(parser.fault("a colon is due"));
            }
            items.push((key, parser.value(depth + 1)?));
            Ok(())
        })?;
        Ok(PyValue::Dict(items))
    }

    /// Items between commas, from the opening bracket that is due now to `end`.
    fn series(
        &mut self,
        end: &[u8],
        mut item: impl FnMut(&mut Self) -> Result<(), JsonFault>,
    ) -> Result<(), JsonFault> {
        self.at += 1;
        self.skip_space();
        if self.take(end) {
            return Ok(());
        }
        loop {
            self.skip_space();
            item(self)?;
            self.skip_space();
            if self.take(end) {
                return Ok(());
            }
            if !self.take(b",") {
                return Err(self.fault("a comma or the end is due"));
            }
        }
    }

    fn string(&mut self) -> Result<Vec<u8>, JsonFault> {
        if !self.take(b"\"") {
            return Err(self.fault("a string is due"));
        }
        let mut text = Vec::new();
        loop {
            let byte = self.peek().ok_or_else(|| self.fault("the string does not end"))?;
            if byte < 0x20 {
                return Err(self.fault("a control character in a string"));
            }
            self.at += 1;
            match byte {
                b'"' => return Ok(text),
                b'\\' => self.escape(&mut text)?,
                plain => text.push(plain),
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), JsonFault> {
        let kind = self.peek().ok_or_else(|| self.fault("the string does not end"))?;
        self.at += 1;
        let plain = match kind {
            b'"' | b'\\' | b'/' => kind,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode(text),
            _unknown => return Err(self.fault("an unknown escape")),
        };
        text.push(plain);
        Ok(())
    }

    fn hex4(&mut self) -> Result<u32, JsonFault> {
        let digits =
            self.bytes.get(self.at..self.at + 4).filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let code = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.fault("four hexadecimal digits are due"))?;
        self.at += 4;
        Ok(code)
    }

    fn unicode(&mut self, text: &mut Vec<u8>) -> Result<(), JsonFault> {
        let mut code = self.hex4()?;
        if (0xd800..0xdc00).contains(&code) {
            let after_first = self.at;
            let second = if self.take(b"\\u") { self.hex4()? } else { 0 };
            if (0xdc00..0xe000).contains(&second) {
                code = 0x1_0000 + ((code - 0xd800) << 10) + (second - 0xdc00);
            } else {
                self.at = after_first;
            }
        }
        put_code_point(text, code);
        Ok(())
    }
}

/// UTF-8, in which a lone surrogate is written like any other code point of three bytes.
fn put_code_point(text: &mut Vec<u8>, code: u32) {
    if let Some(character) = char::from_u32(code) {
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        return;
    }
    let parts = [0xe0 | code >> 12, 0x80 | code >> 6 & 0x3f, 0x80 | code & 0x3f];
    text.extend(parts.iter().filter_map(|part| u8::try_from(*part).ok()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_writes_beyond_json_is_understood() {
        let PyValue::List(items) = parse("[NaN, -Infinity, 18446744073709551616, 1e3]").unwrap()
        else {
            panic!("a list");
        };
        assert!(matches!(items[0], PyValue::Float(number) if number.is_nan()));
        assert_eq!(items[1], PyValue::Float(f64::NEG_INFINITY));
        assert_eq!(items[2], PyValue::BigInt("18446744073709551616".into()));
        assert_eq!(items[3], PyValue::Float(1000.0));
    }

    #[test]
    fn surrogates_join_when_they_can_and_stand_alone_when_they_must() {
        assert_eq!(parse(r#""\ud83d\ude00""#), Ok(PyValue::text("😀")));
        assert_eq!(parse(r#""\ud800""#), Ok(PyValue::Text(vec![0xed, 0xa0, 0x80])));
        let apart = parse(r#""\ud800\u0041""#);
        assert_eq!(apart, Ok(PyValue::Text(vec![0xed, 0xa0, 0x80, b'A'])));
    }

    #[test]
    fn broken_text_is_refused_with_its_place() {
        for broken in ["", "[1,]", "01", "1.", "\"\\x\"", "\"a", "{1:2}", "{\"a\" 1}", "1 2", "+1"]
        {
            assert!(parse(broken).is_err(), "{broken}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert_eq!(parse("[1 2]").unwrap_err().at, 3);
    }
}
