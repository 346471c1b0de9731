//! What arrives at the user, told as stories by a queue without clock, file or network.

use cappuccino_core::store::Entry;
use cappuccino_core::words::{Cause, DeploymentId, Note, ProcessName, RevisionId};
use cappuccino_core::words::{Sequence, Span, Timestamp};
use cappuccino_headless::config::{self, ChannelConfig};
use cappuccino_headless::notify::lane::{Lane, Next, Trouble};
use cappuccino_headless::notify::message::{Kind, Message};
use cappuccino_headless::notify::place::Place;
use cappuccino_headless::notify::worth::Severity;
use std::collections::BTreeMap;

const START: Timestamp = Timestamp(1_764_000_000_000);

fn channel(keys: &str) -> ChannelConfig {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cappuccino.toml");
    let text = format!(
        "[study]\ndatabase = \"s.db\"\n[[notify.channel]]\nkind = \"command\"\n\
         command = [\"true\"]\n{keys}"
    );
    std::fs::write(&file, text).unwrap();
    config::load(&file).unwrap().notify.channels.remove(0)
}

/// A channel, its history and its clock.
struct Story {
    lane: Lane,
    now: Timestamp,
    lines: u64,
    quiet: bool,
    arrived: Vec<(Timestamp, Message)>,
}

impl Story {
    fn new(keys: &str) -> Self {
        let lane = Lane::new(channel(keys), Place::default());
        Self { lane, now: START, lines: 0, quiet: false, arrived: Vec::new() }
    }

    fn happens(&mut self, note: Note) {
        self.lines += 1;
        let entry = Entry { sequence: Sequence(self.lines), at: self.now, note };
        self.lane.take(&entry);
    }

    /// Time passes; whatever is due is sent and arrives.
    fn passes(&mut self, span: Span) {
        let end = self.now.plus(span);
        loop {
            match self.lane.next(self.now, self.quiet) {
                Next::Send(message) => {
                    self.lane.arrived(&message, self.now);
                    self.arrived.push((self.now, message));
                }
                Next::Wait(wait) => {
                    let wait = wait.unwrap_or(span);
                    assert!(wait.0 > 0, "it would spin");
                    if self.now.plus(wait) > end {
                        self.now = end;
                        return;
                    }
                    self.now = self.now.plus(wait);
                }
            }
        }
    }

    fn titles(&self) -> Vec<&str> {
        self.arrived.iter().map(|(_, message)| message.title.as_str()).collect()
    }

    /// How often each line of the history was told.
    fn tellings(&self) -> BTreeMap<u64, u32> {
        let mut tellings = BTreeMap::new();
        for line in self.arrived.iter().flat_map(|(_, message)| &message.lines) {
            *tellings.entry(line.0).or_default() += 1;
        }
        tellings
    }
}

fn raised(key: &str, text: &str) -> Note {
    Note::AlertRaised(key.into(), text.into(), "look at it".into())
}

fn cleared(key: &str) -> Note {
    Note::AlertCleared(key.into())
}

fn went_live(revision: u64) -> Note {
    Note::WentLive(DeploymentId(revision), RevisionId(revision), None, Cause::Automatic)
}

fn cooling() -> Note {
    Note::ProcessCooling(ProcessName::new("trader").unwrap(), Span::minutes(5))
}

#[test]
fn the_flood_of_ninety_nine_repeats_in_fifty_five_minutes_is_a_handful_of_messages() {
    // The ring that the original left behind: these two, again and again, until one evicted the
    // other. Here even the worst case, a line of history for each, is told in few messages.
    let (failed, down) = ("process/trader/launch", "process/trader/cooling");
    let mut story = Story::new("");
    for repeat in 0..99 {
        story.happens(match repeat % 2 {
            0 => raised(failed, "Restart failed"),
            _ => raised(down, "Health check failed: No processes running (expected 1)"),
        });
        story.passes(Span::seconds(33));
    }
    println!("99 lines in 55 minutes: {} messages", story.arrived.len());
    assert!(story.arrived.len() <= 10, "{:#?}", story.titles());
    story.happens(cleared(failed));
    story.happens(cleared(down));
    story.passes(Span::hours(4));
    assert!(story.arrived.len() <= 12, "{:#?}", story.titles());
    let (_, last) = story.arrived.last().unwrap();
    assert!(last.title.starts_with("Cappuccino: over: ") || last.kind == Kind::Digest, "{last:?}");
    let tellings = story.tellings();
    assert_eq!(tellings.len(), 101, "each line is told");
    assert!(tellings.values().all(|times| *times == 1), "and only once");
    assert_eq!(story.lane.place().delivered, Sequence(101));
    let counted: usize = story.arrived.iter().map(|(_, message)| message.count).sum();
    assert_eq!(counted, 101);
    let repeats =
        story.arrived.iter().filter(|(_, message)| message.body.contains(" times since "));
    assert!(repeats.count() >= 4, "they say how often");
}

#[test]
fn an_alert_its_end_and_its_twin_line_are_told_once_and_at_once() {
    let mut story = Story::new("");
    story.happens(cooling());
    story.happens(raised("process/trader/cooling", "trader keeps ending"));
    story.passes(Span::seconds(1));
    story.happens(cleared("process/trader/cooling"));
    story.passes(Span::seconds(1));
    let titles = story.titles();
    assert_eq!(
        titles,
        ["Cappuccino: alert: process/trader/cooling", "Cappuccino: over: process/trader/cooling",]
    );
    let (at, over) = &story.arrived[1];
    assert!(over.over && at.since(START) <= Span::seconds(2), "its end does not wait: {over:?}");
}

#[test]
fn a_burst_is_one_digest_with_counts_and_the_newest_lines_first() {
    let mut story = Story::new("");
    for revision in 1..=20 {
        story.happens(Note::RevisionJudged(
            RevisionId(revision),
            cappuccino_core::words::TrialNumber(7),
            cappuccino_core::words::Standing::Rejected(cappuccino_core::words::Rejection::Invalid(
                "a weight is NaN".into(),
            )),
        ));
    }
    story.happens(raised("deployment/halted", "no good model is left"));
    story.passes(Span::seconds(1));
    assert_eq!(story.arrived.len(), 1, "{:?}", story.titles());
    let (_, digest) = &story.arrived[0];
    assert_eq!(
        (digest.kind, digest.severity, digest.count),
        (Kind::Digest, Severity::Critical, 21)
    );
    assert!(digest.title.starts_with("Cappuccino: 1 critical, 20 warning since "), "{digest:?}");
    let lines: Vec<&str> = digest.body.lines().collect();
    assert!(lines[0].contains("no good model is left; look at it"), "{digest:?}");
    assert!(lines[1].contains("revision 20 "), "{digest:?}");
    assert!(digest.body.ends_with("and 13 more; `cappuccino history` has them all"), "{digest:?}");
    assert!(digest.title.len() + digest.body.len() < 2000, "it fits the strictest service");
}

#[test]
fn in_quiet_hours_only_what_is_critical_is_told_and_the_rest_is_one_digest_afterwards() {
    let mut story = Story::new("");
    story.quiet = true;
    story.happens(went_live(1));
    story.happens(raised("study/unavailable", "the file is gone"));
    story.happens(raised("deployment/halted", "nothing trades"));
    story.passes(Span::hours(3));
    assert_eq!(story.titles(), ["Cappuccino: alert: deployment/halted"]);

    // The runner dies in the night: what overtook the others is not told again.
    let place = story.lane.place().clone();
    assert_eq!(place.delivered, Sequence(0));
    let json = serde_json::to_string(&place).unwrap();
    let mut next = Story::new("");
    next.lane = Lane::new(channel(""), serde_json::from_str(&json).unwrap());
    (next.quiet, next.now) = (true, story.now);
    next.happens(went_live(1));
    next.happens(raised("study/unavailable", "the file is gone"));
    next.happens(raised("deployment/halted", "nothing trades"));
    next.passes(Span::hours(1));
    assert!(next.arrived.is_empty(), "{:?}", next.titles());

    next.quiet = false;
    next.passes(Span::minutes(1));
    assert_eq!(next.arrived.len(), 1, "{:?}", next.titles());
    let (_, digest) = &next.arrived[0];
    assert_eq!((digest.kind, digest.count), (Kind::Digest, 2));
    assert_eq!(next.lane.place().delivered, Sequence(3));
    assert!(next.lane.place().ahead.is_empty());
}

#[test]
fn a_channel_for_warnings_hears_the_end_of_what_it_heard_and_nothing_of_good_news() {
    let mut story = Story::new("min_severity = \"warning\"");
    story.happens(went_live(1));
    story.happens(raised("study/unavailable", "the file is gone"));
    story.passes(Span::seconds(1));
    story.happens(cleared("study/unavailable"));
    story.passes(Span::seconds(1));
    assert_eq!(
        story.titles(),
        ["Cappuccino: alert: study/unavailable", "Cappuccino: over: study/unavailable",]
    );
}

#[test]
fn a_channel_hears_of_what_it_is_for_and_of_its_end_and_passes_over_the_rest() {
    let mut story = Story::new("about = [\"gpu/*\", \"study/best\"]");
    story.happens(went_live(1));
    story.happens(raised("gpu/0/temperature", "it is hot"));
    story.happens(raised("disk/space", "it is full"));
    story.passes(Span::seconds(1));
    story.happens(Note::NewBest(support::desk::trial(7, 1.0)));
    story.happens(cleared("disk/space"));
    story.happens(cleared("gpu/0/temperature"));
    story.passes(Span::seconds(1));
    assert_eq!(
        story.titles(),
        [
            "Cappuccino: alert: gpu/0/temperature",
            "Cappuccino: trial 7 is the best so far",
            "Cappuccino: over: gpu/0/temperature",
        ]
    );
    assert_eq!(story.lane.place().delivered, Sequence(6), "the rest is dealt with, too");
}

#[test]
fn what_is_refused_for_good_is_given_up_at_once() {
    let mut lane = Lane::new(channel(""), Place::default());
    lane.take(&Entry { sequence: Sequence(1), at: START, note: went_live(1) });
    let Next::Send(message) = lane.next(START, false) else { panic!("due") };
    let dead = lane.failed(&message, Trouble::Refused("550 no such reader".into()), START);
    assert_eq!((dead.len(), dead[0].why.as_str()), (1, "550 no such reader"));
    assert_eq!(lane.failing().unwrap().needs_attention(), Some("550 no such reader"));
    lane.take(&Entry { sequence: Sequence(2), at: START, note: went_live(1) });
    let Next::Wait(Some(wait)) = lane.next(START, false) else { panic!("it must wait") };
    assert_eq!(wait, Span::seconds(5));
    let Next::Send(message) = lane.next(START.plus(wait), false) else { panic!("due") };
    assert_eq!(message.lines, [Sequence(2)]);
    lane.arrived(&message, START.plus(wait));
    assert_eq!((lane.place().delivered, lane.failing()), (Sequence(2), None));
}

#[test]
fn failures_wait_longer_each_time_and_as_long_as_the_other_side_asks() {
    let mut lane = Lane::new(channel("max_tries = 6"), Place::default());
    lane.take(&Entry { sequence: Sequence(1), at: START, note: went_live(1) });
    let (mut now, mut waits) = (START, Vec::new());
    for attempt in 0..4 {
        let Next::Send(message) = lane.next(now, false) else { panic!("due") };
        let retry_after = (attempt == 2).then(|| Span::minutes(7));
        let trouble = Trouble::Failed { why: "no".into(), retry_after };
        assert!(lane.failed(&message, trouble, now).is_empty());
        let Next::Wait(Some(wait)) = lane.next(now, false) else { panic!("it must wait") };
        waits.push(wait);
        now = now.plus(wait);
    }
    assert_eq!(waits, [5, 10, 420, 40].map(Span::seconds));
    assert_eq!(lane.place().delivered, Sequence(0), "nothing arrived");

    // Nobody there is no failed try: a desktop may be logged out for hours.
    for _ in 0..10 {
        let Next::Send(message) = lane.next(now, false) else { panic!("due") };
        assert!(lane.failed(&message, Trouble::Unavailable("no bus".into()), now).is_empty());
        now = now.plus(Span::minutes(15));
    }
    // The sixth failed one is the last; the line is given up, visibly, and the queue goes on.
    let mut dead = Vec::new();
    for _ in 0..2 {
        let Next::Send(message) = lane.next(now, false) else { panic!("due") };
        dead = lane.failed(&message, Trouble::failed("still no"), now);
        now = now.plus(Span::minutes(15));
    }
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].sequence, dead[0].why.as_str()), (Sequence(1), "still no"));
    assert_eq!(lane.place().dead, dead);
    assert_eq!(lane.place().delivered, Sequence(1));
    assert_eq!(lane.next(now, false), Next::Wait(None));
}

#[test]
fn what_waited_a_day_is_given_up_but_not_what_came_later() {
    let mut lane = Lane::new(channel(""), Place::default());
    lane.take(&Entry { sequence: Sequence(1), at: START, note: went_live(1) });
    let Next::Send(message) = lane.next(START, false) else { panic!("due") };
    lane.failed(&message, Trouble::Unavailable("no bus".into()), START);
    let tomorrow = START.plus(Span::hours(24));
    lane.take(&Entry { sequence: Sequence(2), at: tomorrow, note: went_live(1) });
    let Next::Send(message) = lane.next(tomorrow, false) else { panic!("due") };
    assert_eq!(message.lines, [Sequence(1), Sequence(2)]);
    let dead = lane.failed(&message, Trouble::Unavailable("no bus".into()), tomorrow);
    assert_eq!(dead.iter().map(|letter| letter.sequence.0).collect::<Vec<_>>(), [1]);
    assert_eq!(lane.waiting(), 1);
}
