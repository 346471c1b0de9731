//! On which line of a JSON text a value stands. The text was read before, so it is well-formed.

use super::shape::{Path, Step};

/// The line, from 1, on which the value at `path` begins; that of the innermost value on the way
/// which is there.
pub(super) fn line_of(text: &str, path: &Path) -> usize {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    scanner.skip_space();
    for step in path.steps() {
        let before = scanner.at;
        let found = match step {
            Step::Name(name) => scanner.enter_name(name),
            Step::Place(place) => scanner.enter_place(*place),
        };
        if !found {
            scanner.at = before;
            break;
        }
    }
    line_at(text, scanner.at)
}

/// The line, from 1, of a byte.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.split(|byte| *byte == b'\n').count()
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Moves past a comma or colon and the space around it.
    fn skip_mark(&mut self, mark: u8) {
        self.skip_space();
        if self.peek() == Some(mark) {
            self.at += 1;
        }
        self.skip_space();
    }

    /// Moves past the string that begins here; its raw text.
    fn string(&mut self) -> &[u8] {
        self.at += 1;
        let start = self.at;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return self.bytes.get(start..self.at - 1).unwrap_or_default(),
                b'\\' => self.at += 1,
                _other => {}
            }
        }
        &[]
    }

    /// Moves past the value that begins here.
    fn skip_value(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' | b',' if depth == 0 => return,
                b'}' | b']' => depth -= 1,
                _other => {}
            }
            self.at += 1;
            if depth == 0 && matches!(byte, b'}' | b']') {
                return;
            }
        }
    }

    /// Moves to the last value under `name`, as Python takes the last of two.
    fn enter_name(&mut self, name: &str) -> bool {
        if self.peek() != Some(b'{') {
            return false;
        }
        self.at += 1;
        self.skip_space();
        let mut found = None;
        while self.peek() == Some(b'"') {
            let matches = self.string() == name.as_bytes();
            self.skip_mark(b':');
            found = if matches { Some(self.at) } else { found };
            self.skip_value();
            self.skip_mark(b',');
        }
        self.at = found.unwrap_or(self.at);
        found.is_some()
    }

    fn enter_place(&mut self, place: usize) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.at += 1;
        self.skip_space();
        for _ in 0..place {
            self.skip_value();
            self.skip_mark(b',');
        }
        self.peek().is_some_and(|byte| byte != b']')
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::At;
    use super::*;
    use crate::model::python_json::parse;

    #[test]
    fn a_value_deep_in_a_file_is_found_on_its_line() {
        let text = "{\n  \"a\": [\"x]}\\\"\", {\"k\": 1}],\n  \"list\": [\n    {\"v\": 1},\n    {\"w\": \
                    [],\n     \"v\": true}\n  ]\n}";
        let value = parse(text).unwrap();
        let list = At::top(&value).field("list").unwrap();
        let second = list.items().unwrap()[1].clone();
        assert_eq!(line_of(text, &second.field("v").unwrap().path), 6);
        assert_eq!(line_of(text, &second.path), 5);
        assert_eq!(line_of(text, &second.field("missing").unwrap().path), 5, "its object's");
        assert_eq!(line_of(text, &Path::default()), 1);
    }
}
