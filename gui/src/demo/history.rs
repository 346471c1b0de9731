//! A sample history and a sample log.

use super::{examination, name_of};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{
    Candidate, Cause, DeploymentId, Direction, ExitStatus, Generation, Note, RevisionId, Sequence,
    Span, Stage, Standing, StudyIdentity, Timestamp, TrialId, TrialNumber, Verdict,
};
use std::fmt::Write as _;

fn candidate(number: i64, value: f64) -> Candidate {
    let study = StudyIdentity {
        name: "ppo_btc_v7".to_owned(),
        study_id: 1,
        directions: vec![Direction::Maximize],
        anchor: None,
    };
    Candidate {
        study,
        trial_id: TrialId(number + 1),
        number: TrialNumber(number),
        value,
        direction: Direction::Maximize,
    }
}

/// What happened in the last three days.
pub(super) fn history(now: Timestamp) -> Vec<Entry> {
    let mut lines = Vec::new();
    let mut at = |minutes: i64, note: Note| lines.push((now.plus(Span::minutes(-minutes)), note));
    at(4560, Note::RunnerStarted);
    at(4560, Note::StudyFollowed(candidate(0, 0.0).study));
    for number in 1..=3_u32 {
        at(
            4559,
            Note::ProcessStarted(
                name_of(&format!("worker-{number}")),
                Generation(1),
                4100 + number,
            ),
        );
    }
    deploy(&mut at, 4500, 1, 298, 0.7441, None, Cause::Automatic);
    at(4499, Note::ProcessStarted(name_of("trader"), Generation(1), 4090));
    at(4489, Note::RevisionJudged(RevisionId(1), TrialNumber(298), Standing::Good));
    deploy(&mut at, 3600, 2, 377, 0.79, Some(1), Cause::Automatic);
    for life in 2..=4 {
        at(
            3600 - life,
            Note::ProcessStarted(
                name_of("trader"),
                Generation(u64::try_from(life).unwrap_or(0)),
                4091,
            ),
        );
        at(
            3599 - life,
            Note::ProcessExited(
                name_of("trader"),
                Generation(u64::try_from(life).unwrap_or(0)),
                ExitStatus::Code(1),
                false,
            ),
        );
    }
    let back = Cause::AutomaticRollback("the trader kept ending".to_owned());
    deploy(&mut at, 3590, 3, 298, 0.7441, Some(2), back);
    at(3589, Note::ProcessStarted(name_of("trader"), Generation(5), 4095));
    deploy(&mut at, 3060, 3, 412, 0.8125, Some(1), Cause::Automatic);
    at(3059, Note::ProcessStarted(name_of("trader"), Generation(6), 4096));
    at(1260, Note::ProcessExited(name_of("worker-2"), Generation(1), ExitStatus::Code(1), false));
    at(1259, Note::ProcessStarted(name_of("worker-2"), Generation(2), 4120));
    deploy(&mut at, 180, 4, 431, 0.8312, Some(3), Cause::Automatic);
    at(179, Note::ProcessStarted(name_of("trader"), Generation(7), 4100));
    at(170, Note::RevisionJudged(RevisionId(4), TrialNumber(431), Standing::Good));
    at(43, Note::ProcessExited(name_of("worker-2"), Generation(2), ExitStatus::Signal(9), false));
    at(42, Note::ProcessStarted(name_of("worker-2"), Generation(3), 4102));
    lines.sort_by_key(|(at, _)| *at);
    let first = 18_212_usize.saturating_sub(lines.len());
    lines
        .into_iter()
        .enumerate()
        .map(|(place, (at, note))| Entry {
            sequence: Sequence(u64::try_from(first.saturating_add(place)).unwrap_or(0)),
            at,
            note,
        })
        .collect()
}

/// The same and one more examination, not long ago.
pub(super) fn with_examination(
    now: Timestamp,
    (revision, trial): (u64, i64),
    verdict: Verdict,
) -> Vec<Entry> {
    let mut lines = history(now);
    let note = Note::ModelExamined(RevisionId(revision), TrialNumber(trial), verdict);
    let sequence = lines.last().map_or(Sequence(1), |last| Sequence(last.sequence.0 + 1));
    lines.push(Entry { sequence, at: now.plus(Span::minutes(-5)), note });
    lines
}

fn deploy(
    at: &mut impl FnMut(i64, Note),
    minutes: i64,
    revision: u64,
    trial: i64,
    value: f64,
    before: Option<u64>,
    cause: Cause,
) {
    let (deployment, revision) = (DeploymentId(revision), RevisionId(revision));
    let candidate = candidate(trial, value);
    at(minutes + 2, Note::DeploymentBegan(deployment, revision, candidate, cause.clone()));
    let verdict = examination::passed();
    at(minutes + 1, Note::ModelExamined(revision, TrialNumber(trial), verdict));
    for (early, stage) in [(2, Stage::Settling), (1, Stage::Staging), (1, Stage::Validating)] {
        at(minutes + early, Note::DeploymentReached(deployment, revision, stage));
    }
    at(minutes, Note::DeploymentReached(deployment, revision, Stage::Draining));
    at(minutes, Note::DeploymentReached(deployment, revision, Stage::Starting));
    at(minutes - 1, Note::WentLive(deployment, revision, before.map(RevisionId), cause));
}

/// What a worker prints.
pub(super) fn log() -> String {
    let mut text = String::new();
    for trial in 380..433 {
        let minute = trial % 60;
        writeln!(text, "2026-11-24 11:{minute:02}:07 INFO  trial {trial} begins").ok();
        if trial % 9 == 4 {
            text.push_str("2026-11-24 11:31:09 WARNING gradient norm above 10, clipped\n");
        }
        if trial % 17 == 6 {
            text.push_str("2026-11-24 11:31:11 ERROR CUDA out of memory, batch halved\n");
        }
        let sharpe = 700 + trial % 131;
        // Writing to a string cannot fail.
        writeln!(
            text,
            "2026-11-24 11:{minute:02}:51 INFO  trial {trial} finished: sharpe 0.{sharpe}"
        )
        .ok();
    }
    text
}
