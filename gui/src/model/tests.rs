//! What the app believes, story by story.

use super::*;
use crate::demo;
use cappuccino_core::api::Accepted;
use cappuccino_core::words::{Generation, Note, Sequence, Verdict};

fn at(seconds: i64) -> Timestamp {
    Timestamp(1_795_500_000_000).plus(Span::seconds(seconds))
}

fn live() -> Model {
    let mut model = Model::new("/w".into());
    model.fold(News::Connected(demo::hello()), at(0));
    model.fold(News::Status(Box::new(demo::status(at(0)))), at(0));
    model
}

fn line(sequence: u64) -> News {
    let entry = Entry { sequence: Sequence(sequence), at: at(0), note: Note::RunnerStarted };
    News::Line(Box::new(entry))
}

fn gone(absent: bool) -> News {
    News::Disconnected { why: "gone".into(), absent, retry_in: Span::seconds(1) }
}

#[test]
fn the_picture_says_how_far_it_can_be_trusted() {
    let mut model = Model::new("/w".into());
    assert_eq!(model.freshness(at(0)), Freshness::Connecting);
    model.fold(gone(true), at(0));
    assert_eq!(model.freshness(at(1)), Freshness::NoRunner);
    let mut model = live();
    assert_eq!(model.freshness(at(2)), Freshness::Live(Span::seconds(2)));
    assert!(model.can_ask(at(2)).is_ok());
    assert_eq!(model.freshness(at(20)), Freshness::Stale(Span::seconds(20)));
    assert!(model.can_ask(at(20)).is_err(), "nothing is asked on a stale picture");
    model.fold(gone(false), at(21));
    model.fold(gone(true), at(25));
    assert_eq!(model.freshness(at(30)), Freshness::Lost(at(21)), "since the first break");
    assert!(model.status.is_some(), "the last picture stays");
}

#[test]
fn a_runner_of_another_version_is_only_read_from() {
    let mut model = live();
    let other = Hello { api: API_VERSION + 1, ..demo::hello() };
    model.fold(News::Connected(other), at(1));
    assert!(model.can_ask(at(1)).unwrap_err().contains("read only"));
}

#[test]
fn a_frozen_picture_moves_again_with_everything_that_happened_meanwhile() {
    let mut model = live();
    model.toggle_frozen(at(1));
    for sequence in 1..=3 {
        model.fold(line(sequence), at(2));
    }
    assert!(model.history.is_empty());
    assert_eq!(model.freshness(at(3)), Freshness::Frozen(3));
    model.toggle_frozen(at(4));
    assert_eq!(model.history.len(), 3);
}

#[test]
fn an_answer_reaches_a_frozen_window_and_is_told_once() {
    let mut model = live();
    let id = RequestId("r".into());
    model.pending.insert(id.clone(), Pending { text: "Roll back".into(), since: at(0) });
    model.toggle_frozen(at(0));
    let accepted = Accepted { text: "checking revision 3".into(), generation: Generation(8) };
    let answer = News::Answered(id, Outcome::Accepted(accepted));
    model.fold(answer.clone(), at(1));
    model.fold(answer, at(1));
    assert!(model.pending.is_empty());
    let told: Vec<&str> = model.notices.all().map(|notice| notice.text.as_str()).collect();
    assert_eq!(told, ["Roll back: checking revision 3"]);
}

#[test]
fn history_numbers_given_out_again_replace_what_they_named() {
    let mut model = live();
    for sequence in [1, 2, 3, 2] {
        model.fold(line(sequence), at(1));
    }
    let numbers: Vec<u64> = model.history.iter().map(|entry| entry.sequence.0).collect();
    assert_eq!(numbers, [1, 2]);
}

fn examined(revision: u64) -> News {
    let found = Examination { at: at(0), verdict: Verdict { steps: Vec::new() } };
    News::Examined(RevisionId(revision), Ok(Some(found)))
}

#[test]
fn the_examination_just_found_is_kept_and_none_outlives_its_conversation() {
    let mut model = live();
    for revision in (1..=300).rev() {
        model.fold(examined(revision), at(1));
        assert!(model.examined.contains_key(&RevisionId(revision)), "{revision} is asked for");
    }
    assert_eq!(model.examined.len(), EXAMINED_MAX);
    model.fold(News::Connected(demo::hello()), at(2));
    assert!(model.examined.is_empty(), "a restored backup gives the numbers out again");
}

#[test]
fn every_answer_of_the_runner_is_a_sign_that_it_is_there_and_what_the_app_says_itself_is_none() {
    let mut model = live();
    let id = RequestId("r".into());
    for (seconds, news) in [(10, News::Series(BTreeMap::new())), (20, examined(1))] {
        model.fold(news, at(seconds));
        assert_eq!(model.freshness(at(seconds)), Freshness::Live(Span::seconds(0)));
    }
    model.fold(News::Answered(id, Outcome::Unknown("it broke".into())), at(30));
    model.fold(News::Started(Ok(())), at(30));
    assert_eq!(model.freshness(at(30)), Freshness::Stale(Span::seconds(10)));
}
