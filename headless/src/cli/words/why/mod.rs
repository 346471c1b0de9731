//! `why`: the reasons behind the present state, a trial, or a process, out of the record.

mod alert;
mod process;
mod trial;

use crate::cli::args::Format;
use crate::cli::connect::block_on;
use crate::cli::failure::Failure;
use crate::cli::render::{clean, note, picture, say, say_json, say_lines};
use crate::cli::source::{PAGE, Source};
use crate::workspace::Workspace;
use cappuccino_core::api::{DeploymentView, Status, findings};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{Note, RevisionId, Sequence, TrialNumber};
use serde::Serialize;

/// An explanation.
#[derive(Debug, Default, Serialize)]
struct Explanation {
    /// What the record says, oldest first.
    record: Vec<Entry>,
    /// What follows from it now, one sentence each.
    now: Vec<String>,
}

pub(in crate::cli) fn why(
    workspace: &Workspace,
    about: Option<&str>,
    format: Format,
) -> Result<(), Failure> {
    let explanation = block_on(async {
        let mut source = Source::open(workspace).await?;
        let status = source.status().await?;
        match about.map(|text| (text, text.parse().map(TrialNumber))) {
            None => present(&mut source, &status).await,
            Some((_, Ok(number))) => trial::explain(&mut source, &status, number).await,
            // Only keys of alerts have a slash.
            Some((key, Err(_no_number))) if key.contains('/') => {
                alert::explain(&mut source, &status, key).await?.ok_or_else(|| {
                    Failure::usage(
                        format!("nothing was ever heard of an alert `{key}`"),
                        "`cappuccino alerts --all` lists those that were lately",
                    )
                })
            }
            Some((name, Err(_no_number))) => process::explain(&mut source, &status, name).await,
        }
    })?;
    if format.json { say_json(&explanation) } else { explanation.say() }
}

impl Explanation {
    fn say(&self) -> Result<(), Failure> {
        for entry in &self.record {
            say(&note::line(entry.sequence.0, entry.at, &entry.note))?;
            if let Note::ModelExamined(_, _, verdict) = &entry.note {
                let line = |[step, found, seen]: &[String; 3]| {
                    clean(&format!("        {step:<10} {found:<12} {seen}")).into_owned()
                };
                say_lines(&findings(verdict).iter().map(line).collect::<Vec<_>>())?;
            }
        }
        say_lines(&self.now.iter().map(|reason| clean(reason).into_owned()).collect::<Vec<_>>())
    }
}

/// Why things are as they are.
async fn present(source: &mut Source, status: &Status) -> Result<Explanation, Failure> {
    let live = status.deployment.live.as_ref().map(|live| live.id);
    let went_live = match live {
        Some(revision) => newest(source, |note| is_cutover_to(note, revision)).await?,
        None => None,
    };
    let now = [
        deployment(&status.deployment),
        holds(&status.deployment),
        waiting(status),
        alerts(status),
    ];
    Ok(Explanation { record: went_live.into_iter().collect(), now: now.concat() })
}

fn is_cutover_to(note: &Note, revision: RevisionId) -> bool {
    matches!(note, Note::WentLive(_, to, _, _) if *to == revision)
}

fn deployment(view: &DeploymentView) -> Vec<String> {
    let mut reasons = Vec::new();
    match (&view.halted, &view.live) {
        (Some(why), _) => reasons.push(format!("nothing trades: {why}")),
        (None, Some(live)) => {
            reasons.push(format!("{} is live and {}", picture::model(live), live.standing));
        }
        (None, None) => reasons.push("no model is live".to_owned()),
    }
    if let Some(next) = &view.next {
        reasons.push(format!("{} is next: {}", picture::model(next), view.phase));
    }
    if let Some(why) = &view.declined {
        reasons.push(format!("the best trial is not deployed: {why}"));
    }
    reasons.push(format!("deployments are {}", view.mode));
    reasons
}

fn holds(view: &DeploymentView) -> Vec<String> {
    let text = |hold: &cappuccino_core::api::HoldView| {
        format!("trial {} is held back: {}", hold.number, hold.reason)
    };
    view.holds.iter().map(text).collect()
}

fn waiting(status: &Status) -> Vec<String> {
    let waiting = status.processes.iter().filter(|process| !process.next.is_empty());
    waiting.map(process::outlook).collect()
}

fn alerts(status: &Status) -> Vec<String> {
    let text = |alert: &cappuccino_core::api::AlertView| {
        format!("alert {}: {}; {}", alert.key, alert.text, alert.remedy)
    };
    status.alerts.iter().map(text).collect()
}

/// The lines of the whole history that `concerns` picks, oldest first.
async fn story(
    source: &mut Source,
    mut concerns: impl FnMut(&Note) -> bool,
) -> Result<Vec<Entry>, Failure> {
    let (mut lines, mut from) = (Vec::new(), Sequence(1));
    loop {
        let page = source.lines_from(from).await?;
        let Some(last) = page.last() else { return Ok(lines) };
        from = Sequence(last.sequence.0.saturating_add(1));
        lines.extend(page.into_iter().filter(|entry| concerns(&entry.note)));
    }
}

/// The newest line of the history that `concerns` picks.
async fn newest(
    source: &mut Source,
    concerns: impl Fn(&Note) -> bool,
) -> Result<Option<Entry>, Failure> {
    let mut before = Sequence(u64::MAX);
    loop {
        let page = source.lines_before(before, PAGE).await?;
        let Some(oldest) = page.last() else { return Ok(None) };
        before = oldest.sequence;
        if let Some(found) = page.into_iter().find(|entry| concerns(&entry.note)) {
            return Ok(Some(found));
        }
    }
}
