//! `why`: the reasons behind the present state, a trial, or a process, out of the record.

use super::reading::print;
use crate::cli::args::Format;
use crate::cli::connect::block_on;
use crate::cli::failure::Failure;
use crate::cli::render::{Screen, note};
use crate::cli::source::{PAGE, Source};
use crate::workspace::Workspace;
use cappuccino_core::api::{ProcessView, Status, TrialView, ViewValue};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{Note, ProcessName, RevisionId, Sequence, TrialNumber, TrialState};
use std::collections::BTreeSet;

/// Lines of a process's history that are shown.
const LINES: usize = 20;

pub(in crate::cli) fn why(
    workspace: &Workspace,
    about: Option<&str>,
    format: Format,
) -> Result<(), Failure> {
    block_on(async {
        let mut source = Source::open(workspace).await?;
        let status = source.status().await?;
        let reasons = match about {
            None => present(&status),
            Some(text) => match text.parse().map(TrialNumber) {
                Ok(number) => trial(&mut source, &status, number).await?,
                Err(_no_number) => process(&mut source, &status, text).await?,
            },
        };
        let screen = Screen::new();
        if format.json { screen.json(&reasons) } else { print(screen, &reasons) }
    })
}

/// Why things are as they are.
fn present(status: &Status) -> Vec<String> {
    let deployment = &status.deployment;
    let mut reasons = Vec::new();
    match (&deployment.halted, &deployment.live) {
        (Some(why), _) => reasons.push(format!("nothing trades: {why}")),
        (None, Some(live)) => reasons.push(format!(
            "revision {} (trial {}, value {}) is live and {}",
            live.id, live.trial, live.value, live.standing
        )),
        (None, None) => reasons.push("no model has gone live yet".to_owned()),
    }
    if let Some(next) = &deployment.next {
        reasons.push(format!(
            "revision {} (trial {}, value {}) is {}",
            next.id, next.trial, next.value, deployment.phase
        ));
    }
    if let Some(why) = &deployment.declined {
        reasons.push(format!("the best trial is not deployed: {why}"));
    }
    reasons.push(format!("deployments are {}", deployment.mode));
    reasons.extend(
        deployment
            .holds
            .iter()
            .map(|hold| format!("trial {} is held back: {}", hold.number, hold.reason)),
    );
    let waiting = status.processes.iter().filter(|process| !process.next.is_empty());
    reasons.extend(waiting.map(|p| format!("{} is in {}: {}", p.name, p.phase, p.next)));
    reasons.extend(status.alerts.iter().map(|alert| format!("{}; {}", alert.text, alert.remedy)));
    reasons
}

/// Everything the record says about a trial; else what follows from the trial itself.
async fn trial(
    source: &mut Source,
    status: &Status,
    number: TrialNumber,
) -> Result<Vec<String>, Failure> {
    let mut revisions: BTreeSet<RevisionId> = BTreeSet::new();
    let told = story(source, |entry| is_about_trial(&entry.note, number, &mut revisions)).await?;
    let mut reasons = told;
    if reasons.is_empty() {
        let view = source.trial(number).await?;
        reasons.push(never_considered(status, number, view.as_ref()));
    }
    Ok(reasons)
}

fn is_about_trial(note: &Note, number: TrialNumber, revisions: &mut BTreeSet<RevisionId>) -> bool {
    match note {
        Note::DeploymentBegan(_, revision, candidate, _) if candidate.number == number => {
            revisions.insert(*revision);
            true
        }
        Note::CandidateDeclined(candidate, _) => candidate.number == number,
        Note::RevisionJudged(_, judged, _) => *judged == number,
        Note::TrialHeld(_, held, _) | Note::TrialReleased(_, held) => *held == number,
        Note::DeploymentReached(_, revision, _) => revisions.contains(revision),
        Note::WentLive(_, revision, from, _) => {
            revisions.contains(revision) || from.is_some_and(|from| revisions.contains(&from))
        }
        Note::RunnerStarted
        | Note::RunnerStopping
        | Note::StudyFollowed(_)
        | Note::StudyUnavailable(_)
        | Note::StudyReplaced(_)
        | Note::DeploymentBegan(..)
        | Note::Halted(_)
        | Note::ModeChanged(_)
        | Note::ProcessStarted(..)
        | Note::ProcessAdopted(..)
        | Note::LaunchFailed(..)
        | Note::ProcessExited(..)
        | Note::ProcessCooling(..)
        | Note::ProcessHealthy(..)
        | Note::AlertRaised(..)
        | Note::AlertCleared(_)
        | Note::Asked(..) => false,
    }
}

/// Why a trial never became a candidate.
fn never_considered(status: &Status, number: TrialNumber, trial: Option<&TrialView>) -> String {
    let Some(trial) = trial else {
        return format!(
            "the record says nothing of trial {number}, and the study is not being read"
        );
    };
    if trial.state != TrialState::Complete {
        return format!("trial {number} is {}: only complete trials are deployed", trial.state);
    }
    match &trial.value {
        _ if !trial.feasible => format!("trial {number} violates a constraint of the study"),
        None => format!("trial {number} has no usable value"),
        Some(ViewValue::Infinite(value)) => {
            format!("trial {number} has the value {value}: only finite values are deployed")
        }
        Some(ViewValue::Finite(value)) => {
            let best = status.study.best_deployable.as_ref();
            let better =
                best.map_or_else(String::new, |best| format!(" (it is trial {} now)", best.number));
            format!(
                "trial {number} has the value {value} and was never the study's best while this \
                 workspace watched{better}"
            )
        }
    }
}

/// A process's last lives, where it is and what comes next.
async fn process(source: &mut Source, status: &Status, text: &str) -> Result<Vec<String>, Failure> {
    let known = status.processes.iter().find(|process| process.name.as_str() == text);
    let view = known.ok_or_else(|| {
        let names: Vec<&str> = status.processes.iter().map(|p| p.name.as_str()).collect();
        Failure::usage(
            format!("`{text}` is neither the number of a trial nor a process"),
            format!("the processes are: {}", names.join(", ")),
        )
    })?;
    let mut told = story(source, |entry| is_about_process(&entry.note, &view.name)).await?;
    let surplus = told.len().saturating_sub(LINES);
    told.drain(..surplus);
    told.push(outlook(view));
    Ok(told)
}

fn is_about_process(note: &Note, name: &ProcessName) -> bool {
    match note {
        Note::ProcessStarted(who, ..)
        | Note::ProcessAdopted(who, ..)
        | Note::LaunchFailed(who, ..)
        | Note::ProcessExited(who, ..)
        | Note::ProcessCooling(who, ..)
        | Note::ProcessHealthy(who, ..) => who == name,
        Note::AlertRaised(key, ..) | Note::AlertCleared(key) => {
            key.starts_with(&format!("process/{name}/"))
        }
        Note::RunnerStarted
        | Note::RunnerStopping
        | Note::StudyFollowed(_)
        | Note::StudyUnavailable(_)
        | Note::StudyReplaced(_)
        | Note::CandidateDeclined(..)
        | Note::DeploymentBegan(..)
        | Note::DeploymentReached(..)
        | Note::RevisionJudged(..)
        | Note::WentLive(..)
        | Note::Halted(_)
        | Note::ModeChanged(_)
        | Note::TrialHeld(..)
        | Note::TrialReleased(..)
        | Note::Asked(..) => false,
    }
}

fn outlook(process: &ProcessView) -> String {
    let next = if process.next.is_empty() { String::new() } else { format!(", {}", process.next) };
    format!("now: {}, failures {}/{}{next}", process.phase, process.failures, process.budget)
}

/// The lines of the whole history that `concerns` picks, oldest first.
async fn story(
    source: &mut Source,
    mut concerns: impl FnMut(&Entry) -> bool,
) -> Result<Vec<String>, Failure> {
    let (mut lines, mut from) = (Vec::new(), Sequence(1));
    loop {
        let page = source.lines_from(from).await?;
        let Some(last) = page.last() else { return Ok(lines) };
        from = Sequence(last.sequence.0.saturating_add(1));
        let picked = page.iter().filter(|entry| concerns(entry));
        lines.extend(picked.map(|entry| note::line(entry.sequence.0, entry.at, &entry.note)));
        if page.len() < PAGE {
            return Ok(lines);
        }
    }
}
