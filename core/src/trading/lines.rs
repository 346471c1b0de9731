//! Whole lines of a file that grows: bytes come in pieces of any size.

use std::io::BufRead;

/// The beginning of a line that has no end yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    torn: Vec<u8>,
    is_too_long: bool,
}

/// A line as it came, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It was too long, and is left out.
    TooLong,
}

impl Lines {
    /// Takes the next bytes and hands each whole line of at most `longest` bytes to `take`. A last
    /// line without its end waits for the rest.
    pub fn feed(&mut self, mut bytes: &[u8], longest: usize, mut take: impl FnMut(Line<'_>)) {
        while let Some((line, rest)) = split_line(bytes) {
            bytes = rest;
            if self.torn.is_empty() && !self.is_too_long && line.len() <= longest {
                take(Line::Whole(line));
                continue;
            }
            self.wait(line, longest);
            take(if self.is_too_long { Line::TooLong } else { Line::Whole(&self.torn) });
            self.clear();
        }
        self.wait(bytes, longest);
    }

    /// Forgets the beginning of a line: what follows comes from elsewhere.
    pub fn clear(&mut self) {
        self.torn.clear();
        self.is_too_long = false;
    }

    /// Keeps the beginning of a line; one that is too long is forgotten and left out.
    fn wait(&mut self, bytes: &[u8], longest: usize) {
        if self.torn.len() + bytes.len() > longest {
            self.is_too_long = true;
            self.torn.clear();
        }
        if !self.is_too_long {
            self.torn.extend_from_slice(bytes);
        }
    }
}

/// The first line without its end, and what follows; none without an end. The standard library's
/// reader finds it several bytes at a time.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = bytes;
    let length = rest.skip_until(b'\n').ok()?;
    let line = bytes.get(..length)?.strip_suffix(b"\n")?;
    Some((line, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_the_same_however_the_bytes_are_cut() {
        let text = b"one\n\nfar too long a line\ntwo\nthe rest";
        for size in 1..=text.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for piece in text.chunks(size) {
                lines.feed(piece, 8, |line| {
                    found.push(match line {
                        Line::Whole(line) => String::from_utf8(line.to_vec()).unwrap(),
                        Line::TooLong => "!".to_owned(),
                    });
                });
            }
            assert_eq!(found, ["one", "", "!", "two"], "pieces of {size}");
        }
    }
}
