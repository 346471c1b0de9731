//! The output of the process that is looked at.

use cappuccino_core::api::LogPage;
use cappuccino_core::words::ProcessName;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

mod stamp;

pub use stamp::Stamp;

/// Lines that are kept.
const LINES_MAX: usize = 50_000;
/// Logs with marks that are kept beside the one that is looked at.
const ASIDE_MAX: usize = 4;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Without colour codes.
    pub text: String,
    /// How loud it is.
    pub level: Level,
    /// The time at its beginning.
    pub stamp: Option<Stamp>,
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

/// Number of a line, from when its process was chosen on: older pages have negative ones.
pub type LineId = i64;

/// What is known of one process's output.
#[derive(Debug, Default)]
pub struct LogModel {
    process: Option<ProcessName>,
    lines: VecDeque<LogLine>,
    /// Number of the first line.
    first: LineId,
    /// Where the first line begins in the file, and whether what precedes it was asked for.
    begins: Option<(u64, bool)>,
    /// Lines that a person marked.
    pub marks: BTreeSet<LineId>,
    /// Lines that were added since the process was chosen, dropped ones included.
    pub added: u64,
    /// Why it cannot be read.
    pub failure: Option<String>,
    /// Whether anything was read yet.
    pub is_read: bool,
    /// Where what follows the last line begins in the file.
    ends: Option<u64>,
    /// Logs that were looked at before and hold marks: a look at another process loses none.
    aside: BTreeMap<ProcessName, Self>,
}

impl LogModel {
    /// Looks at this process from now on, in a new conversation with the runner perhaps; the answer
    /// is where to go on reading.
    pub fn choose(&mut self, process: &ProcessName) -> Option<u64> {
        if self.process.as_ref() != Some(process) {
            let mut aside = std::mem::take(&mut self.aside);
            let found = aside.remove(process).unwrap_or_default();
            let before = std::mem::replace(self, found);
            if let Some(name) = before.process.clone().filter(|_| !before.marks.is_empty()) {
                while aside.len() >= ASIDE_MAX && aside.pop_first().is_some() {}
                aside.insert(name, before);
            }
            (self.process, self.aside) = (Some(process.clone()), aside);
        }
        self.take_back();
        self.ends
    }

    /// The process that is looked at.
    pub const fn process(&self) -> Option<&ProcessName> {
        self.process.as_ref()
    }

    /// The lines, oldest first.
    pub const fn lines(&self) -> &VecDeque<LogLine> {
        &self.lines
    }

    /// Number of the line at a place.
    pub fn id(&self, place: usize) -> LineId {
        self.first.saturating_add(i64::try_from(place).unwrap_or(i64::MAX))
    }

    /// Marks a line, or takes its mark away.
    pub fn mark(&mut self, line: LineId) {
        if !self.marks.remove(&line) {
            self.marks.insert(line);
        }
    }

    /// Whether something precedes the first line and may be asked for.
    ///
    /// # Errors
    /// One sentence: why not.
    pub fn can_page_back(&self) -> Result<u64, String> {
        match self.begins {
            None => Err("nothing was read yet".to_owned()),
            Some((0, _)) => Err("this is the beginning of the log".to_owned()),
            Some((_, true)) => Err("older lines are on their way".to_owned()),
            Some(_) if self.lines.len() >= LINES_MAX => {
                Err(format!("the app keeps {LINES_MAX} lines; use `cappuccino logs`"))
            }
            Some((from, false)) => Ok(from),
        }
    }

    /// What precedes the first line was asked for.
    pub const fn asked_back(&mut self) {
        if let Some((_, is_asked)) = &mut self.begins {
            *is_asked = true;
        }
    }

    pub(super) fn add(&mut self, process: &ProcessName, page: &LogPage) {
        if self.process.as_ref() != Some(process) {
            return;
        }
        self.is_read = true;
        self.failure = None;
        // What the file holds after it was cut is new, and nothing precedes it.
        let known = self.ends.filter(|ends| *ends <= page.length);
        if known.is_none() && self.ends.is_some() {
            self.begins = Some((page.from, false));
        }
        self.begins.get_or_insert((page.from, false));
        self.ends = known.max(Some(page.to));
        for line in news_of(page, known).lines() {
            if self.lines.len() >= LINES_MAX {
                self.lines.pop_front();
                self.marks.remove(&self.first);
                self.first = self.first.saturating_add(1);
            }
            self.lines.push_back(LogLine::new(line));
            self.added = self.added.saturating_add(1);
        }
    }

    pub(super) fn add_before(&mut self, process: &ProcessName, page: &LogPage) {
        let Some((from, true)) = self.begins else { return };
        if self.process.as_ref() != Some(process) {
            return;
        }
        // Nothing whole precedes the first line any more when the file was cut since.
        let is_end = page.text.is_empty() || page.to > from;
        self.begins = Some((if is_end { 0 } else { page.from }, false));
        if is_end {
            return;
        }
        for line in page.text.lines().rev() {
            if self.lines.len() >= LINES_MAX {
                return;
            }
            self.lines.push_front(LogLine::new(line));
            self.first = self.first.saturating_sub(1);
            self.added = self.added.saturating_add(1);
        }
    }

    pub(super) fn fail(&mut self, process: &ProcessName, why: String) {
        if self.process.as_ref() == Some(process) {
            self.is_read = true;
            self.failure = Some(why);
            // It may have been the answer to that; then it may be asked for again.
            self.take_back();
        }
    }

    /// Whoever was asked for older lines is not asked any more.
    const fn take_back(&mut self) {
        if let Some((_, is_asked)) = &mut self.begins {
            *is_asked = false;
        }
    }
}

/// The part of a page that follows what is known up to an offset: after a reconnection, or a pause
/// in which pages waited, the same lines come again.
fn news_of(page: &LogPage, known: Option<u64>) -> &str {
    if known.is_some_and(|known| page.to <= known) {
        return "";
    }
    let known = known.map_or(0, |known| known.saturating_sub(page.from));
    let Some(last) = known.checked_sub(1) else { return &page.text };
    // Pages end with a line. Where bytes were no letters the text is longer than the file's part,
    // so the line that begins next is sought: one may come twice then, but none gets lost.
    let last = usize::try_from(last).unwrap_or(usize::MAX);
    let mut newlines = page.text.match_indices('\n').map(|(at, _)| at);
    let end = newlines.find(|at| *at >= last);
    end.and_then(|end| page.text.get(end.saturating_add(1)..)).unwrap_or_default()
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
        let stamp = Stamp::of(&text);
        Self { text, level, stamp }
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
        assert_eq!(
            line,
            LogLine { text: "ERROR lost    GPU B".into(), level: Level::Error, stamp: None }
        );
        assert_eq!(LogLine::new("Warning: slow").level, Level::Warning);
        assert_eq!(LogLine::new("trial 4 finished").level, Level::Plain);
        // A cut inside a letter of several bytes must not matter.
        LogLine::new(&"ä".repeat(200));
    }

    #[test]
    fn older_pages_keep_the_numbers_of_the_lines_that_are_known() {
        let process = ProcessName::new("w").unwrap();
        let page = |from: u64, text: &str| {
            let to = from + u64::try_from(text.len()).unwrap();
            LogPage { from, to, length: 100, text: text.into() }
        };
        let mut log = LogModel::default();
        log.choose(&process);
        log.add(&process, &page(20, "c\nd\n"));
        let marked = log.id(1);
        log.mark(marked);
        assert_eq!(log.can_page_back(), Ok(20));
        log.asked_back();
        assert!(log.can_page_back().is_err(), "asked once");
        log.add_before(&process, &page(0, "a\nb\n"));
        let texts: Vec<&str> = log.lines().iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["a", "b", "c", "d"]);
        assert_eq!(log.id(3), marked);
        assert_eq!(log.can_page_back(), Err("this is the beginning of the log".to_owned()));
        let other = ProcessName::new("v").unwrap();
        assert_eq!(log.choose(&other), None, "nothing is known of it");
        assert!(log.marks.is_empty() && log.lines().is_empty());
        assert_eq!(log.choose(&process), Some(24), "it goes on where it was left");
        assert_eq!((log.lines().len(), log.marks.contains(&marked)), (4, true));
        log.add(&process, &page(24, "e\n"));
        assert_eq!(log.lines().back().unwrap().text, "e");
        log.begins = Some((20, false));
        log.asked_back();
        log.fail(&process, "the log cannot be read".to_owned());
        assert_eq!(log.can_page_back(), Ok(20), "it was not answered, so it is asked for again");
    }

    #[test]
    fn lines_that_come_again_are_shown_once_and_those_of_a_cut_file_are_new() {
        let process = ProcessName::new("w").unwrap();
        let page = |from: u64, text: &str, bytes: u64| {
            let to = from + bytes;
            LogPage { from, to, length: to, text: text.into() }
        };
        let mut log = LogModel::default();
        log.choose(&process);
        // As after a frozen picture that was left and looked at again, or after a reconnection.
        for again in [page(20, "c\nd\n", 4), page(20, "c\nd\ne\n", 6), page(22, "d\ne\n", 4)] {
            log.add(&process, &again);
        }
        // Two bytes that are no letters: three times as long in the text.
        log.add(&process, &page(26, "\u{fffd}\u{fffd}\n", 3));
        let again = LogPage { length: 29, ..page(26, "\u{fffd}\n\u{fffd}\n", 2) };
        log.add(&process, &again);
        log.add(&process, &page(26, "\u{fffd}\u{fffd}\nf\n", 5));
        let texts: Vec<&str> = log.lines().iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["c", "d", "e", "\u{fffd}\u{fffd}", "f"]);
        assert_eq!((log.choose(&process), log.can_page_back()), (Some(31), Ok(20)));
        log.add(&process, &page(0, "g\n", 2));
        assert_eq!(log.lines().back().unwrap().text, "g");
        assert_eq!(log.choose(&process), Some(2));
        assert!(log.can_page_back().is_err(), "nothing precedes a cut file");
    }
}
