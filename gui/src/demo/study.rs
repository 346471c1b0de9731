//! A sample study: values that improve with noise, as training does.

use crate::num;
use cappuccino_core::api::{
    CountsView, ParamView, StudyView, TrialChart, TrialDot, TrialView, ViewValue,
};
use cappuccino_core::words::{Direction, Span, Timestamp, TrialId, TrialNumber, TrialState};

/// Trials in the sample.
const TRIALS: i64 = 436;
/// Time between two of them.
const EVERY: Span = Span::minutes(10);

/// The study in a chart.
pub(super) fn chart(now: Timestamp) -> TrialChart {
    let dots: Vec<TrialDot> = (0..TRIALS).map(|number| dot(number, now)).collect();
    let mut best: Vec<TrialDot> = Vec::new();
    for dot in dots.iter().filter(|dot| dot.state == TrialState::Complete) {
        if best.last().is_none_or(|last| dot.value > last.value) {
            best.push(*dot);
        }
    }
    let total = u64::try_from(TRIALS).unwrap_or(0);
    TrialChart { total, direction: Some(Direction::Maximize), dots, best }
}

/// Its trials, newest first.
pub(super) fn trials(now: Timestamp) -> Vec<TrialView> {
    (0..TRIALS)
        .rev()
        .map(|number| {
            let dot = dot(number, now);
            let is_finished = dot.state.is_finished();
            TrialView {
                number: dot.number,
                trial_id: TrialId(number + 1),
                state: dot.state,
                value: dot.value.map(ViewValue::Finite),
                feasible: true,
                started: dot
                    .at
                    .map(|at| at.plus(if is_finished { EVERY.times(-3) } else { Span::ZERO })),
                completed: dot.at.filter(|_| is_finished),
                abandoned: false,
            }
        })
        .collect()
}

/// The study at a glance.
pub(super) fn view(now: Timestamp) -> StudyView {
    let mut counts = CountsView::default();
    for number in 0..TRIALS {
        let count = match dot(number, now).state {
            TrialState::Running => &mut counts.running,
            TrialState::Complete => &mut counts.complete,
            TrialState::Pruned => &mut counts.pruned,
            TrialState::Failed => &mut counts.failed,
            TrialState::Waiting => &mut counts.waiting,
        };
        *count = count.saturating_add(1);
    }
    let best = trials(now).into_iter().find(|trial| trial.number == TrialNumber(431));
    StudyView {
        state: "following".to_owned(),
        name: Some("ppo_btc_v7".to_owned()),
        database: "optuna.db".to_owned(),
        direction: Some(Direction::Maximize),
        counts,
        best: best.clone(),
        best_deployable: best,
        finished_last_hour: 6,
        last_finished: Some(now.plus(Span::minutes(-4))),
        zombies: Vec::new(),
    }
}

/// A study without trials.
pub(super) fn empty_view() -> StudyView {
    StudyView {
        state: "following".to_owned(),
        name: Some("ppo_btc_v8".to_owned()),
        database: "optuna.db".to_owned(),
        direction: Some(Direction::Maximize),
        ..StudyView::default()
    }
}

/// What a trial was drawn with.
pub(super) fn params(number: TrialNumber) -> Vec<ParamView> {
    let part = num::signed((number.0 * 7_919).rem_euclid(997)) / 997.0;
    let param = |name: &str, value: String, number, kind: &str, log, range: &str| ParamView {
        name: name.to_owned(),
        value,
        number,
        kind: kind.to_owned(),
        log,
        range: range.to_owned(),
    };
    let rate = 10f64.powf(-5.0 + 3.0 * part);
    let batch = 64 << number.0.rem_euclid(4);
    let network = if number.0.rem_euclid(3) == 0 { "lstm" } else { "mlp" };
    vec![
        param("learning_rate", rate.to_string(), Some(rate), "float", true, "0.00001 to 0.01"),
        param("batch_size", batch.to_string(), Some(num::signed(batch)), "int", true, "64 to 512"),
        param("gamma", "0.995".into(), Some(0.995), "float", false, "0.9 to 0.9999"),
        param("network", network.into(), None, "choice", false, "mlp, lstm"),
        param("net_dim", "512".into(), Some(512.0), "int", false, "128 to 1024 in steps of 128"),
    ]
}

fn dot(number: i64, now: Timestamp) -> TrialDot {
    let state = match number {
        number if number >= TRIALS - 3 => TrialState::Running,
        298 | 377 | 412 | 431 => TrialState::Complete,
        number if number % 11 == 5 => TrialState::Pruned,
        number if number % 41 == 17 => TrialState::Failed,
        _ => TrialState::Complete,
    };
    let has_value = matches!(state, TrialState::Complete | TrialState::Pruned);
    TrialDot {
        number: TrialNumber(number),
        state,
        value: has_value.then(|| value(number)),
        at: Some(now.plus(EVERY.times(number - TRIALS))),
    }
}

/// Named ones have the value that the rest of the sample gives them.
fn value(number: i64) -> f64 {
    match number {
        431 => return 0.8312,
        412 => return 0.8125,
        377 => return 0.79,
        298 => return 0.7441,
        _ => {}
    }
    let progress = num::signed(number) / num::signed(TRIALS);
    let noise = num::signed((number * number * 31 + number * 7_919) % 997) / 997.0;
    let top = if number > 298 { 0.74 } else { 0.45 + 0.27 * progress.sqrt() };
    top - noise * noise * 0.35 * (1.0 - 0.4 * progress)
}
