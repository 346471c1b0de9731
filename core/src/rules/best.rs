//! Which trial is the best, as Optuna means it.
//!
//! Complete and feasible trials only; values on the extended real line in the study's direction;
//! of equals the one with the lowest row id. A pruned trial carries a value and is not a
//! candidate; a damaged value (NaN, or none) is not one either.

use crate::words::study::Summary;
use crate::words::{Direction, TrialState};
use std::cmp::Ordering;

/// Whether a trial can be the best of its study.
pub fn is_candidate(trial: &Summary) -> bool {
    trial.state == TrialState::Complete
        && trial.feasible
        && trial.value.is_some_and(|value| !value.as_f64().is_nan())
}

/// Whether a trial can be deployed: it can be the best, and its value is finite.
pub fn is_deployable(trial: &Summary) -> bool {
    is_candidate(trial) && trial.value.is_some_and(|value| value.finite().is_some())
}

/// Orders trials that can be the best: `Less` comes first, the best first of all.
pub fn better_first(direction: Direction, a: &Summary, b: &Summary) -> Ordering {
    let value = |trial: &Summary| trial.value.map_or(f64::NAN, crate::words::Value::as_f64);
    let by_value = match direction {
        Direction::Minimize => value(a).total_cmp(&value(b)),
        Direction::Maximize => value(b).total_cmp(&value(a)),
    };
    by_value.then(a.trial_id.cmp(&b.trial_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{TrialId, TrialNumber, Value};

    fn trial(id: i64, state: TrialState, value: Value, feasible: bool) -> Summary {
        Summary {
            trial_id: TrialId(id),
            number: TrialNumber(id),
            state,
            value: Some(value),
            feasible,
            started: None,
            completed: None,
        }
    }

    fn best(direction: Direction, trials: &[Summary]) -> Option<i64> {
        let candidates = trials.iter().filter(|trial| is_candidate(trial));
        candidates.min_by(|a, b| better_first(direction, a, b)).map(|trial| trial.trial_id.0)
    }

    #[test]
    fn the_best_is_what_optuna_says() {
        use TrialState::{Complete, Pruned};
        let finite = |id, value| trial(id, Complete, Value::Finite(value), true);
        let trials = [
            finite(1, 1.0),
            finite(2, 3.0),
            finite(3, 3.0),
            finite(4, -1.0),
            trial(5, Pruned, Value::Finite(9.0), true),
            trial(6, Complete, Value::Finite(8.0), false),
            trial(7, Complete, Value::Finite(f64::NAN), true),
        ];
        assert_eq!(best(Direction::Maximize, &trials), Some(2), "of equals the lower id");
        assert_eq!(best(Direction::Minimize, &trials), Some(4));
        let mut infinite = trials.to_vec();
        infinite.push(trial(8, Complete, Value::PositiveInfinity, true));
        infinite.push(trial(9, Complete, Value::NegativeInfinity, true));
        assert_eq!(best(Direction::Maximize, &infinite), Some(8));
        assert_eq!(best(Direction::Minimize, &infinite), Some(9));
        assert!(!is_deployable(&infinite[7]), "an infinite value is never deployed");
    }
}
