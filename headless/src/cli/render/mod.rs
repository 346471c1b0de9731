//! What people see: lines, tables, times; colours only where a person looks.

pub(super) mod lanes;
pub(crate) mod note;
pub(super) mod picture;
pub(super) mod table;
pub(super) mod trading;
pub(super) mod trial;

use super::failure::Failure;
use cappuccino_core::api::ViewValue;
pub(super) use cappuccino_core::words::number;
use cappuccino_core::words::{Note, Timestamp};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{IsTerminal, Write};
pub(crate) use trading::{money, percent};

/// What a text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing special.
    Plain,
    /// As it should be.
    Good,
    /// Under way, or to be watched.
    Busy,
    /// Wrong.
    Bad,
    /// Beside the point.
    Faint,
    /// A heading.
    Strong,
}

/// Standard output, and whether a person looks at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    colours: bool,
    terminal: bool,
}

impl Screen {
    pub(super) fn new() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let set = |name| {
            std::env::var_os(name).is_some_and(|value: std::ffi::OsString| !value.is_empty())
        };
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { colours: terminal && !set("NO_COLOR") && !dumb, terminal }
    }

    /// Starts a page anew, on a terminal.
    pub(super) fn clear(self) -> Result<(), Failure> {
        if self.terminal {
            write!(std::io::stdout().lock(), "\x1b[H\x1b[2J")?;
        }
        Ok(())
    }

    /// The text in its colour; nothing in it can do anything else to the terminal.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let text = clean(text);
        let code = match tone {
            Tone::Plain => return text.into_owned(),
            Tone::Good => "32",
            Tone::Busy => "33",
            Tone::Bad => "31",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into_owned() }
    }
}

/// Prints a line.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// Prints lines.
pub(super) fn say_lines(lines: &[String]) -> Result<(), Failure> {
    lines.iter().try_for_each(|line| say(line))
}

/// Prints a value as JSON that a person can read, too.
pub(super) fn say_json(value: &impl Serialize) -> Result<(), Failure> {
    say(&json(value, true)?)
}

/// Prints a value as one line of JSON.
pub(super) fn say_json_line(value: &impl Serialize) -> Result<(), Failure> {
    say(&json(value, false)?)
}

fn json(value: &impl Serialize, pretty: bool) -> Result<String, Failure> {
    let text =
        if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    text.map_err(|error| {
        Failure::new(format!("the answer has no JSON form: {error}"), "please report this")
    })
}

/// The text without control characters: what a reason or a message carries must not move the
/// cursor or change the window's title.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| match c {
        '\n' | '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Something of the history: when, what.
pub(crate) fn sentence_line(at: Timestamp, note: &Note) -> String {
    format!("{}  {}", time(at), clean(&note::sentence(note)))
}

/// A time, to the second, in UTC.
pub(crate) fn time(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(10..11), text.get(11..19)) {
        (Some(day), Some("T"), Some(time)) => format!("{day} {time}Z"),
        _ => text,
    }
}

/// An objective value; a dash when there is none.
pub(crate) fn value(value: Option<&ViewValue>) -> String {
    match value {
        Some(ViewValue::Finite(value)) => number(*value),
        Some(ViewValue::Infinite(text)) => text.clone(),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        let shown: Vec<String> = [0.0, 1.5, -0.25, 1e-9, 3e15, 100.0].map(number).into();
        assert_eq!(shown, ["0", "1.5", "-0.25", "1e-9", "3e15", "100"]);
        assert_eq!(time(Timestamp(1_700_000_000_123)), "2023-11-14 22:13:20Z");
        assert_eq!(time(Timestamp(i64::MAX)), format!("{} ms since 1970", i64::MAX));
    }

    #[test]
    fn a_reason_cannot_play_with_the_terminal() {
        assert_eq!(clean("a\x1b]0;evil\x07b\nc"), "a\u{fffd}]0;evil\u{fffd}b c");
        assert_eq!(
            Screen { colours: true, terminal: true }.paint(Tone::Bad, "x"),
            "\x1b[31mx\x1b[0m"
        );
    }
}
