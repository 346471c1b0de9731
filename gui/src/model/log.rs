//! The output of the process that is looked at.

use cappuccino_core::api::LogPage;
use cappuccino_core::words::ProcessName;
use std::collections::VecDeque;

/// Lines that are kept.
const LINES_MAX: usize = 50_000;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Without colour codes.
    pub text: String,
    /// How loud it is.
    pub level: Level,
}

/// How loud a line is, as far as its words tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing special.
    Plain,
    /// A warning.
    Warning,
    /// An error.
    Error,
}

/// What is known of one process's output.
#[derive(Debug, Default)]
pub struct LogModel {
    process: Option<ProcessName>,
    lines: VecDeque<LogLine>,
    /// Lines that were added since the process was chosen, dropped ones included.
    pub added: u64,
    /// Why it cannot be read.
    pub failure: Option<String>,
    /// Whether anything was read yet.
    pub is_read: bool,
}

impl LogModel {
    /// Looks at another process from now on.
    pub fn choose(&mut self, process: Option<ProcessName>) {
        if self.process != process {
            *self = Self { process, ..Self::default() };
        }
    }

    /// The process that is looked at.
    pub const fn process(&self) -> Option<&ProcessName> {
        self.process.as_ref()
    }

    /// The lines, oldest first.
    pub const fn lines(&self) -> &VecDeque<LogLine> {
        &self.lines
    }

    pub(super) fn add(&mut self, process: &ProcessName, page: &LogPage) {
        if self.process.as_ref() != Some(process) {
            return;
        }
        self.is_read = true;
        self.failure = None;
        for line in page.text.lines() {
            if self.lines.len() >= LINES_MAX {
                self.lines.pop_front();
            }
            self.lines.push_back(LogLine::new(line));
            self.added = self.added.saturating_add(1);
        }
    }

    pub(super) fn fail(&mut self, process: &ProcessName, why: String) {
        if self.process.as_ref() == Some(process) {
            self.is_read = true;
            self.failure = Some(why);
        }
    }
}

impl LogLine {
    fn new(line: &str) -> Self {
        let text = without_escapes(line);
        let upper = text.get(..text.len().min(160)).unwrap_or(&text).to_ascii_uppercase();
        let says = |words: &[&str]| words.iter().any(|word| upper.contains(word));
        let level = if says(&["ERROR", "TRACEBACK", "CRITICAL", "FATAL", "PANICKED"]) {
            Level::Error
        } else if says(&["WARN"]) {
            Level::Warning
        } else {
            Level::Plain
        };
        Self { text, level }
    }
}

/// Drops the sequences with which programs colour a terminal, and other control characters.
fn without_escapes(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => skip_escape(&mut letters),
            '\t' => text.push_str("    "),
            letter if letter.is_control() => {}
            letter => text.push(letter),
        }
    }
    text
}

/// A sequence that begins with `[` ends with its first letter; any other is one letter long.
fn skip_escape(letters: &mut std::str::Chars<'_>) {
    if letters.next() == Some('[') {
        for letter in letters.by_ref() {
            if ('@'..='~').contains(&letter) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_vanish_and_loud_lines_are_known() {
        let line = LogLine::new("\u{1b}[31;1mERROR\u{1b}[0m lost\tGPU \u{1b}(B");
        assert_eq!(line, LogLine { text: "ERROR lost    GPU B".into(), level: Level::Error });
        assert_eq!(LogLine::new("Warning: slow").level, Level::Warning);
        assert_eq!(LogLine::new("trial 4 finished").level, Level::Plain);
        // A cut inside a letter of several bytes must not matter.
        LogLine::new(&"ä".repeat(200));
    }
}
