//! A whole study in a few thousand dots, outliers and records included.

use super::catalog::Catalog;
use cappuccino_core::api::{TrialChart, TrialDot};
use cappuccino_core::rules::best::{better_first, is_candidate};
use cappuccino_core::words::study::Summary;
use cappuccino_core::words::{TrialState, Value};

/// Dots that one stretch keeps at most: least and greatest value, newest pruned, newest failed.
const KEPT: usize = 4;

/// The study in about `dots` dots; all of it when it has no more trials than that. Trials that
/// are not finished are always there.
pub fn chart(catalog: &Catalog, dots: usize) -> TrialChart {
    let total = catalog.len();
    let stretches = (dots / KEPT).max(1);
    let length = if total <= dots { 1 } else { total.div_ceil(stretches) };
    let mut shown = Vec::new();
    let mut stretch = Stretch::default();
    for (place, trial) in catalog.all().enumerate() {
        if place % length == 0 {
            stretch.close(&mut shown);
        }
        if trial.state.is_finished() {
            stretch.take(dot(&trial));
        } else {
            shown.push(dot(&trial));
        }
    }
    stretch.close(&mut shown);
    shown.sort_by_key(|dot| dot.number);
    TrialChart {
        total: u64::try_from(total).unwrap_or(u64::MAX),
        direction: catalog.direction(),
        dots: shown,
        best: records(catalog, dots),
    }
}

/// Where the best value changed; the oldest changes are left out when there are too many.
fn records(catalog: &Catalog, most: usize) -> Vec<TrialDot> {
    let Some(direction) = catalog.direction() else { return Vec::new() };
    let mut best: Option<Summary> = None;
    let mut records = Vec::new();
    for trial in catalog.all().filter(is_candidate) {
        if best.as_ref().is_none_or(|best| better_first(direction, &trial, best).is_lt()) {
            records.push(dot(&trial));
            best = Some(trial);
        }
    }
    let surplus = records.len().saturating_sub(most);
    records.split_off(surplus)
}

/// What is kept of some neighbouring trials.
#[derive(Default)]
struct Stretch {
    least: Option<TrialDot>,
    greatest: Option<TrialDot>,
    pruned: Option<TrialDot>,
    other: Option<TrialDot>,
}

impl Stretch {
    fn take(&mut self, dot: TrialDot) {
        match (dot.state, dot.value) {
            (TrialState::Complete, Some(value)) => {
                let beyond = |kept: &Option<TrialDot>, is_beyond: fn(f64, f64) -> bool| {
                    kept.and_then(|kept| kept.value).is_none_or(|kept| is_beyond(value, kept))
                };
                if beyond(&self.least, |new, old| new < old) {
                    self.least = Some(dot);
                }
                if beyond(&self.greatest, |new, old| new > old) {
                    self.greatest = Some(dot);
                }
            }
            (TrialState::Pruned, _) => self.pruned = Some(dot),
            (
                TrialState::Complete
                | TrialState::Failed
                | TrialState::Running
                | TrialState::Waiting,
                _,
            ) => self.other = Some(dot),
        }
    }

    fn close(&mut self, shown: &mut Vec<TrialDot>) {
        let Self { least, greatest, pruned, other } = std::mem::take(self);
        let greatest = greatest.filter(|dot| least.is_none_or(|least| least.number != dot.number));
        shown.extend([least, greatest, pruned, other].into_iter().flatten());
    }
}

fn dot(trial: &Summary) -> TrialDot {
    TrialDot {
        number: trial.number,
        state: trial.state,
        value: trial.value.and_then(Value::finite),
        at: trial.completed.or(trial.started),
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalog::Row;
    use super::*;
    use cappuccino_core::words::{Direction, Timestamp, TrialNumber};

    fn catalog(count: i64) -> Catalog {
        let mut catalog = Catalog::new(Some(Direction::Maximize));
        for number in 0..count {
            let state = match number % 5 {
                0 => TrialState::Pruned,
                1 => TrialState::Failed,
                _ => TrialState::Complete,
            };
            let state = if number == count - 1 { TrialState::Running } else { state };
            let value = match number {
                777 => Value::Finite(9e9),
                778 => Value::Finite(-9e9),
                779 => Value::PositiveInfinity,
                _ => Value::Finite(f64::from(u8::try_from(number * 37 % 101).unwrap())),
            };
            catalog.put(&Row {
                trial_id: number + 1,
                number,
                state,
                value: (state == TrialState::Complete).then_some(value),
                feasible: true,
                started: Some(Timestamp(number)),
                completed: state.is_finished().then_some(Timestamp(number + 1)),
            });
        }
        catalog
    }

    #[test]
    fn a_small_study_is_shown_whole() {
        let chart = chart(&catalog(500), 1000);
        let numbers: Vec<i64> = chart.dots.iter().map(|dot| dot.number.0).collect();
        assert_eq!(numbers, (0..500).collect::<Vec<_>>());
        assert_eq!(chart.total, 500);
    }

    #[test]
    fn a_large_study_keeps_its_outliers_its_running_trial_and_its_records() {
        let chart = chart(&catalog(20_000), 1000);
        assert!(chart.dots.len() <= 1001, "{} dots", chart.dots.len());
        let shows = |number: i64| chart.dots.iter().any(|dot| dot.number == TrialNumber(number));
        assert!(shows(777) && shows(778), "the spikes are there");
        assert!(shows(19_999), "the running trial is there");
        let finite: Vec<f64> = chart.best.iter().filter_map(|dot| dot.value).collect();
        assert!(finite.windows(2).all(|pair| pair[0] < pair[1]), "records only improve");
        assert_eq!(
            chart.best.last().unwrap().number,
            TrialNumber(779),
            "infinity is Optuna's best"
        );
        for state in [TrialState::Pruned, TrialState::Failed] {
            assert!(chart.dots.iter().any(|dot| dot.state == state));
        }
    }
}
