//! One channel's queue: what waits, what may be told now, what to do after a failed try.
//!
//! No clock, file or network here: the thread around it brings the time and tells what came of a
//! try. Lines leave the queue only when they arrived or were given up, so every line is told at
//! least once, and none again that was confirmed.

use super::message::Message;
use super::place::{Place, Told};
use super::worth::{News, Severity, news};
use crate::config::ChannelConfig;
use cappuccino_core::api::DeadLetter;
use cappuccino_core::store::Entry;
use cappuccino_core::words::{Sequence, Span, Timestamp};
use std::collections::BTreeSet;

/// Lines that may wait in memory; the rest waits in the history.
const WAITING_MAX: usize = 10_000;
/// Messages about one subject that are told at once; later ones keep a growing distance.
const AT_ONCE: u32 = 2;
/// The first such distance; it doubles with each message.
const DISTANCE_FIRST: Span = Span::minutes(5);
/// The longest distance, and the one for what is critical.
const DISTANCE_MAX: Span = Span::hours(4);
const DISTANCE_CRITICAL: Span = Span::minutes(15);
/// A subject that was silent for so long is new again.
const FORGOTTEN_AFTER: Span = Span::hours(6);
/// Failed tries in a row after which the channel itself is news; half an hour by default.
pub(super) const TELL_AFTER: u32 = 10;
/// Scanned lines after which the place is kept although nothing was told.
const KEEP_EVERY: u64 = 1000;

/// One channel's queue.
#[derive(Debug)]
pub struct Lane {
    config: ChannelConfig,
    place: Place,
    scanned: Sequence,
    waiting: Vec<Waiting>,
    /// The last try, when it failed: when, and how many failed in a row.
    failed: Option<Failed>,
}

#[derive(Debug)]
struct Waiting {
    news: News,
    /// It was held back by quiet hours, so it comes in a digest.
    was_held: bool,
    tries: u32,
    first_try: Option<Timestamp>,
}

/// A row of failed tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// When the first of them was.
    pub since: Timestamp,
    /// When the last of them was.
    pub at: Timestamp,
    /// How long to wait after the last.
    pub wait: Span,
    /// Why.
    pub trouble: Trouble,
    /// How many there were.
    count: u32,
    /// Whether a line was given up for it.
    gave_up: bool,
}

/// Why a message did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is nobody to take it at present; that is no failed try.
    Unavailable(String),
    /// It was refused, or nobody knows.
    Failed {
        /// What and why; the remedy.
        why: String,
        /// How long the other side wants us to wait.
        retry_after: Option<Span>,
    },
    /// It was refused for good, with this reason: another try would only be refused again.
    Refused(String),
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this.
    Send(Message),
    /// Look again after this time, or when there is something new.
    Wait(Option<Span>),
}

impl Failed {
    /// Why the channel needs a person, when it does: a server is away for a while now and then,
    /// and nobody is logged in to a desktop at night.
    pub fn needs_attention(&self) -> Option<&str> {
        match &self.trouble {
            Trouble::Unavailable(_) => None,
            Trouble::Failed { why, .. } | Trouble::Refused(why) => {
                (self.gave_up || self.count >= TELL_AFTER).then_some(why)
            }
        }
    }
}

impl Trouble {
    /// A try that failed for this reason.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), retry_after: None }
    }

    /// What and why; the remedy.
    pub fn why(&self) -> &str {
        match self {
            Self::Unavailable(why) | Self::Failed { why, .. } | Self::Refused(why) => why,
        }
    }
}

impl Lane {
    /// A queue that goes on from `place`.
    pub fn new(config: ChannelConfig, place: Place) -> Self {
        let scanned = place.delivered;
        Self { config, place, scanned, waiting: Vec::new(), failed: None }
    }

    /// The first line of the history that was not looked at yet; none while the queue is full.
    pub fn wants_from(&self) -> Option<Sequence> {
        let next = Sequence(self.scanned.0.saturating_add(1));
        (self.waiting.len() < WAITING_MAX).then_some(next)
    }

    /// Takes the next line of the history in; whether the place is worth keeping on disk now.
    pub fn take(&mut self, entry: &Entry) -> bool {
        self.scanned = entry.sequence;
        if let Some(news) = news(entry)
            && news.reach >= self.config.min_severity
            && self.config.concerns(&news.subject)
            && !self.place.ahead.contains(&entry.sequence)
        {
            self.waiting.push(Waiting { news, was_held: false, tries: 0, first_try: None });
        }
        let before = self.place.delivered;
        if self.waiting.is_empty() && self.scanned.0.saturating_sub(before.0) >= KEEP_EVERY {
            self.move_place();
            return true;
        }
        false
    }

    /// What to do at `now`; `is_quiet`: only what is critical may be told.
    pub fn next(&mut self, now: Timestamp, is_quiet: bool) -> Next {
        if let Some(rest) = self.failed.as_ref().and_then(|f| rest(f.at, f.wait, now)) {
            return Next::Wait(Some(rest));
        }
        if is_quiet {
            let held = self.waiting.iter_mut().filter(|waiting| !waiting.is_critical());
            held.for_each(|waiting| waiting.was_held = true);
        }
        let critical = critical_subjects(&self.waiting);
        let (mut soonest, mut free, mut was_held) = (None, Vec::new(), false);
        for waiting in &self.waiting {
            if is_quiet && !waiting.is_critical() {
                continue;
            }
            let subject = waiting.news.subject.as_str();
            if let Some(rest) = self.place.rest(subject, critical.contains(subject), now) {
                soonest = Some(soonest.map_or(rest, |soonest: Span| soonest.min(rest)));
            } else {
                was_held |= waiting.was_held;
                free.push(&waiting.news);
            }
        }
        Message::first_of(&free, was_held).map_or(Next::Wait(soonest), Next::Send)
    }

    /// `message` arrived.
    pub fn arrived(&mut self, message: &Message, now: Timestamp) {
        self.failed = None;
        let mut subjects = BTreeSet::new();
        self.waiting.retain(|waiting| {
            let is_told = message.stands_for(waiting.news.sequence);
            if is_told {
                subjects.insert(waiting.news.subject.clone());
            }
            !is_told
        });
        for subject in subjects {
            self.place.tell(subject, now);
        }
        self.place.ahead.extend(&message.lines);
        self.move_place();
    }

    /// `message` did not arrive; lines that were refused for good, or tried often or long enough,
    /// are given up and returned.
    pub fn failed(
        &mut self,
        message: &Message,
        trouble: Trouble,
        now: Timestamp,
    ) -> Vec<DeadLetter> {
        let count = self.failed.as_ref().map_or(0, |failed| failed.count).saturating_add(1);
        let since = self.failed.as_ref().map_or(now, |failed| failed.since);
        let counts = u32::from(!matches!(trouble, Trouble::Unavailable(_)));
        let is_refused = matches!(trouble, Trouble::Refused(_));
        let wait = wait(&self.config, count, &trouble);
        let (config, mut dead) = (&self.config, Vec::new());
        self.waiting.retain_mut(|waiting| {
            if !message.stands_for(waiting.news.sequence) {
                return true;
            }
            waiting.tries = waiting.tries.saturating_add(counts);
            let first = *waiting.first_try.get_or_insert(now);
            let goes_on = !is_refused
                && waiting.tries < config.max_tries
                && now.since(first) < config.give_up_after;
            if !goes_on {
                dead.push(dead_letter(&waiting.news, now, &trouble));
            }
            goes_on
        });
        self.place.ahead.extend(dead.iter().map(|letter| letter.sequence));
        self.place.bury(&dead);
        self.move_place();
        let gave_up = !dead.is_empty() || self.failed.as_ref().is_some_and(|failed| failed.gave_up);
        self.failed = Some(Failed { since, at: now, wait, trouble, count, gave_up });
        dead
    }

    /// How far it is.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Lines that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The present row of failures.
    pub const fn failing(&self) -> Option<&Failed> {
        self.failed.as_ref()
    }

    /// Everything before the oldest line that waits is dealt with.
    fn move_place(&mut self) {
        let before_oldest = self.waiting.iter().map(|w| w.news.sequence.0).min();
        let delivered = before_oldest.map_or(self.scanned.0, |oldest| oldest.saturating_sub(1));
        self.place.move_to(Sequence(delivered));
    }
}

impl Told {
    /// The least time from the last message about a subject to the next.
    fn distance(&self, is_critical: bool) -> Span {
        let longest = if is_critical { DISTANCE_CRITICAL } else { DISTANCE_MAX };
        match self.times.checked_sub(AT_ONCE) {
            None => Span::ZERO,
            Some(doublings) => doubled(DISTANCE_FIRST, doublings).min(longest),
        }
    }

    /// The record after one more message.
    pub(super) fn again(before: Option<Self>, now: Timestamp) -> Self {
        let fresh = |told: &Self| now.since(told.at) < FORGOTTEN_AFTER;
        let times = before.filter(fresh).map_or(0, |told| told.times);
        Self { times: times.saturating_add(1), at: now }
    }
}

impl Place {
    /// How long to wait until `subject` may be told again.
    fn rest(&self, subject: &str, is_critical: bool, now: Timestamp) -> Option<Span> {
        let told = self.told.get(subject)?;
        rest(told.at, told.distance(is_critical), now)
    }
}

impl Waiting {
    fn is_critical(&self) -> bool {
        self.news.severity == Severity::Critical
    }
}

fn critical_subjects(waiting: &[Waiting]) -> BTreeSet<String> {
    let critical = waiting.iter().filter(|waiting| waiting.is_critical());
    critical.map(|waiting| waiting.news.subject.clone()).collect()
}

/// What is left of `wait` since `began`; none when it is over, or when the clock was set back.
fn rest(began: Timestamp, wait: Span, now: Timestamp) -> Option<Span> {
    let passed = now.since(began);
    (passed.0 >= 0 && passed < wait).then(|| wait.minus(passed))
}

/// The pause after `count` failures: doubling, but at least what the other side asks for.
fn wait(config: &ChannelConfig, count: u32, trouble: &Trouble) -> Span {
    let ours = doubled(config.retry_delay, count.saturating_sub(1)).min(config.retry_delay_max);
    match trouble {
        Trouble::Failed { retry_after: Some(asked), .. } => {
            ours.max((*asked).min(config.give_up_after))
        }
        Trouble::Failed { retry_after: None, .. }
        | Trouble::Refused(_)
        | Trouble::Unavailable(_) => ours,
    }
}

fn doubled(span: Span, times: u32) -> Span {
    span.times(1_i64.checked_shl(times.min(40)).unwrap_or(i64::MAX))
}

fn dead_letter(news: &News, now: Timestamp, trouble: &Trouble) -> DeadLetter {
    DeadLetter {
        sequence: news.sequence,
        given_up: now,
        text: news.text.clone(),
        why: trouble.why().to_owned(),
    }
}
