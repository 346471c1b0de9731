//! Why a trial was deployed, or was not.

use super::{Explanation, story};
use crate::cli::failure::Failure;
use crate::cli::render::{number as shown, value as shown_value};
use crate::cli::source::Source;
use cappuccino_core::api::{Status, TrialView, ViewValue};
use cappuccino_core::words::{RevisionId, TrialNumber, TrialState};
use std::collections::BTreeSet;

pub(super) async fn explain(
    source: &mut Source,
    status: &Status,
    number: TrialNumber,
) -> Result<Explanation, Failure> {
    let mut revisions: BTreeSet<RevisionId> = BTreeSet::new();
    let record = story(source, |note| {
        let about = note.about();
        let named = about.trial == Some(number);
        if named {
            revisions.extend(about.revision);
        }
        named || about.revision.into_iter().chain(about.replaced).any(|id| revisions.contains(&id))
    });
    let record = record.await?;
    let mut now = standing(status, number);
    if record.is_empty() && now.is_empty() {
        let trial = source.trial(number).await?;
        now.push(never_considered(status, number, trial.as_ref(), source.is_runner()));
    }
    Ok(Explanation { record, now })
}

/// What the picture says of the trial.
fn standing(status: &Status, number: TrialNumber) -> Vec<String> {
    let view = &status.deployment;
    let mut now = Vec::new();
    if let Some(live) = view.live.as_ref().filter(|live| live.trial == number) {
        now.push(format!("trial {number} is live as revision {}", live.id));
    } else if let Some(next) = view.next.as_ref().filter(|next| next.trial == number) {
        now.push(format!("trial {number} is to go live as revision {}: {}", next.id, view.phase));
    } else if let Some(last) = view.revisions.iter().find(|revision| revision.trial == number) {
        now.push(format!("trial {number} is not live; revision {} is {}", last.id, last.standing));
    }
    let held = view.holds.iter().filter(|hold| hold.number == number);
    now.extend(held.map(|hold| format!("trial {number} is held back: {}", hold.reason)));
    now
}

/// Why the record says nothing of a trial.
fn never_considered(
    status: &Status,
    number: TrialNumber,
    trial: Option<&TrialView>,
    study_is_read: bool,
) -> String {
    let Some(trial) = trial else {
        return if study_is_read {
            format!("the study has no trial {number}")
        } else {
            format!("the record says nothing of trial {number}; a runner would look at the study")
        };
    };
    if trial.state != TrialState::Complete {
        return format!("trial {number} is {}: only complete trials are deployed", trial.state);
    }
    if !trial.feasible {
        return format!("trial {number} violates a constraint of its study");
    }
    match &trial.value {
        None => format!("trial {number} has no value"),
        Some(ViewValue::Infinite(value)) => {
            format!("trial {number} has the value {value}: only finite values are deployed")
        }
        Some(ViewValue::Finite(value)) => never_best(status, number, *value),
    }
}

fn never_best(status: &Status, number: TrialNumber, value: f64) -> String {
    let value = shown(value);
    match &status.study.best_deployable {
        Some(best) if best.number == number => {
            format!("trial {number} = {value} is the best there is; it is about to be considered")
        }
        Some(best) => format!(
            "trial {number} = {value} was never the best while this workspace watched; now it is \
             trial {} = {}",
            best.number,
            shown_value(best.value.as_ref())
        ),
        None => format!("trial {number} = {value} was never the best while this workspace watched"),
    }
}
