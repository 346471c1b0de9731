//! Trials for people.

use super::table::Table;
use super::{Screen, Tone, time, value};
use cappuccino_core::api::TrialView;
use cappuccino_core::words::TrialState;

/// A table of trials.
pub(in crate::cli) fn table(screen: Screen, trials: &[TrialView]) -> Vec<String> {
    let mut table = Table::new(["TRIAL", "STATE", "VALUE", "STARTED", "FINISHED", ""]);
    for trial in trials {
        let remark = match (trial.abandoned, trial.feasible) {
            (true, _) => "nobody works on it any more",
            (false, true) => "",
            (false, false) => "violates its constraints",
        };
        table.row([
            (Tone::Plain, trial.number.to_string()),
            (tone(trial.state), trial.state.to_string()),
            (Tone::Strong, value(trial.value.as_ref())),
            (Tone::Plain, trial.started.map_or_else(dash, time)),
            (Tone::Plain, trial.completed.map_or_else(dash, time)),
            (Tone::Bad, remark.to_owned()),
        ]);
    }
    table.lines(screen)
}

/// One trial, a line for each thing known.
pub(in crate::cli) fn one(trial: &TrialView) -> Vec<String> {
    vec![
        format!("trial       {} (row id {})", trial.number, trial.trial_id),
        format!("state       {}{}", trial.state, if trial.abandoned { ", abandoned" } else { "" }),
        format!("value       {}", value(trial.value.as_ref())),
        format!("feasible    {}", if trial.feasible { "yes" } else { "no" }),
        format!("started     {}", trial.started.map_or_else(dash, time)),
        format!("finished    {}", trial.completed.map_or_else(dash, time)),
    ]
}

fn dash() -> String {
    "-".to_owned()
}

fn tone(state: TrialState) -> Tone {
    match state {
        TrialState::Complete => Tone::Good,
        TrialState::Running => Tone::Busy,
        TrialState::Failed => Tone::Bad,
        TrialState::Pruned | TrialState::Waiting => Tone::Faint,
    }
}
