//! What is to be read next: what a person looks at before what only may have changed.

use super::reading::{LogPlace, Question};
use crate::news::SeriesWish;
use cappuccino_core::api::{CountsView, LogPage, Status};
use cappuccino_core::words::ProcessName;
use std::collections::VecDeque;

/// Looks between two readings of the same series.
const LOOKS_PER_SERIES: u32 = 5;
/// Looks between two questions whether the runner is there.
const LOOKS_PER_STATUS: u32 = 2;

/// What may be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Status,
    Chart,
    Trials,
    Trades,
    Series,
    Lanes,
    Log,
    LogBefore,
}

/// What is due, in order, each once; and what it is read for.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    due: VecDeque<Due>,
    counts: Option<CountsView>,
    trades: Option<u64>,
    log: Option<LogPlace>,
    log_before: Option<(ProcessName, u64)>,
    series: Option<SeriesWish>,
    series_at_once: bool,
    lanes: bool,
    looks: u32,
    /// What was asked last.
    last: Option<Due>,
}

impl Agenda {
    /// For a runner that can answer for several series at once, or not.
    pub(super) fn new(series_at_once: bool) -> Self {
        Self { series_at_once, ..Self::default() }
    }

    /// Before all others, unless it had its turn just now: a hand that drags asks for the same
    /// again and again.
    fn soon(&mut self, due: Due) {
        if self.last == Some(due) {
            return self.later(due);
        }
        self.due.retain(|other| *other != due);
        self.due.push_front(due);
    }

    fn later(&mut self, due: Due) {
        if !self.due.contains(&due) {
            self.due.push_back(due);
        }
    }

    /// A picture came in: what it shows the change of is read again.
    pub(super) fn see(&mut self, status: &Status) {
        let counts = Some(status.study.counts);
        if self.counts != counts {
            self.counts = counts;
            self.later(Due::Chart);
            self.later(Due::Trials);
        }
        // Without a trader there is no session to read.
        let trades = status.pnl.as_ref().map(|pnl| pnl.trades);
        if self.trades != trades {
            self.trades = trades;
            self.later(Due::Trades);
        }
    }

    /// It is time to look at what does not announce itself. A stretch of time that ends in the
    /// past is read once, one that ends now again and again.
    pub(super) fn look(&mut self) {
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(LOOKS_PER_STATUS) {
            self.later(Due::Status);
        }
        if self.log.is_some() {
            self.later(Due::Log);
        }
        let is_live = self.series.as_ref().is_some_and(|wish| wish.end.is_none());
        if self.lanes && self.looks.is_multiple_of(LOOKS_PER_SERIES) {
            self.later(Due::Lanes);
        }
        if is_live && self.looks.is_multiple_of(LOOKS_PER_SERIES) {
            self.later(Due::Series);
        }
    }

    /// These series are looked at from now on, or none.
    pub(super) fn follow_series(&mut self, wish: Option<SeriesWish>) {
        self.series = wish;
        self.soon(Due::Series);
    }

    /// The lanes are looked at from now on, or not.
    pub(super) fn follow_lanes(&mut self, is_wanted: bool) {
        self.lanes = is_wanted;
        self.later(Due::Lanes);
    }

    /// This output is looked at from now on, or none.
    pub(super) fn follow_log(&mut self, place: Option<LogPlace>) {
        self.log = place;
        self.soon(Due::Log);
    }

    /// What precedes this place is looked at.
    pub(super) fn page_back(&mut self, process: ProcessName, before: u64) {
        self.log_before = Some((process, before));
        self.soon(Due::LogBefore);
    }

    /// Whether these series are still looked at.
    pub(super) fn wants(&self, wish: &SeriesWish) -> bool {
        self.series.as_ref() == Some(wish)
    }

    /// A page came in; whether it is still looked at.
    pub(super) fn turn(&mut self, place: &LogPlace, page: &LogPage) -> bool {
        if self.log.as_ref() != Some(place) {
            return false;
        }
        self.log = Some((place.0.clone(), Some(page.to)));
        // More than a page was printed meanwhile: the rest follows at once.
        if page.to < page.length && !page.text.is_empty() {
            self.later(Due::Log);
        }
        true
    }

    /// Whether this output is still looked at.
    pub(super) fn follows(&self, process: &ProcessName) -> bool {
        self.log.as_ref().is_some_and(|(followed, _)| followed == process)
    }

    /// What to read now.
    pub(super) fn next(&mut self) -> Option<Question> {
        while let Some(due) = self.due.pop_front() {
            let question = match due {
                Due::Status => Some(Question::Status),
                Due::Chart => Some(Question::Chart),
                Due::Trials => Some(Question::Trials),
                Due::Trades => self.trades.map(|_some| Question::Trades),
                Due::Series => {
                    let at_once = self.series_at_once;
                    self.series.clone().map(|wish| Question::Series(wish, at_once))
                }
                Due::Lanes => self.lanes.then_some(Question::Lanes),
                Due::Log => self.log.clone().map(Question::Log),
                Due::LogBefore => {
                    self.log_before.take().map(|(name, at)| Question::LogBefore(name, at))
                }
            };
            if question.is_some() {
                self.last = Some(due);
                return question;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{self, NOON};
    use cappuccino_core::words::Span;

    fn wish(name: &str) -> SeriesWish {
        let names = vec![name.to_owned()];
        SeriesWish { names, length: Span::hours(1), end: None, buckets: 9 }
    }

    #[test]
    fn what_is_looked_at_is_read_before_what_only_changed_and_nothing_waits_for_ever() {
        let mut agenda = Agenda::new(true);
        agenda.see(&demo::status(NOON));
        agenda.follow_series(Some(wish("a")));
        agenda.follow_series(Some(wish("b")));
        let Some(Question::Series(first, true)) = agenda.next() else { panic!("series first") };
        assert_eq!(first, wish("b"), "the newest wish, once");
        assert!(!agenda.wants(&wish("a")), "an answer to the older one is nobody's");
        let name = ProcessName::new("w").unwrap();
        agenda.follow_log(Some((name, None)));
        // However often it is time to look, what waits keeps its place.
        let mut read = Vec::new();
        for _ in 0..5 {
            agenda.look();
            agenda.look();
            read.push(agenda.next().unwrap());
        }
        assert!(matches!(read[0], Question::Log(_)), "{read:?}");
        for wanted in ["Chart", "Trials", "Trades", "Status"] {
            let found = read.iter().any(|question| format!("{question:?}") == wanted);
            assert!(found, "{wanted} waits for ever: {read:?}");
        }
    }

    #[test]
    fn whoever_drags_is_answered_at_every_other_turn_and_the_rest_has_the_others() {
        let mut agenda = Agenda::new(true);
        agenda.look();
        agenda.look();
        let mut read = Vec::new();
        for place in 0..4 {
            agenda.follow_series(Some(wish(&place.to_string())));
            read.push(agenda.next().unwrap());
            agenda.follow_series(Some(wish("on the way")));
        }
        let is_series = |question: &Question| matches!(question, Question::Series(..));
        let turns: Vec<bool> = read.iter().map(is_series).collect();
        assert_eq!(turns, [true, false, true, true], "{read:?}");
        assert!(matches!(read[1], Question::Status), "{read:?}");
    }
}
