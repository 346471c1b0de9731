//! Is this trial better enough than the live one to replace it?
//!
//! The gain is signed and taken in the study's direction: the ancestor took its absolute value
//! and so deployed a worse model whenever it was worse by enough.

use crate::words::{Candidate, Decline, DeploymentPolicy, Direction};

/// Gain of `new` over `live` in the study's direction; positive is better.
pub fn gain(direction: Direction, live: f64, new: f64) -> f64 {
    match direction {
        Direction::Maximize => new - live,
        Direction::Minimize => live - new,
    }
}

/// Whether `new` improves on `live` by what the policy asks for. Without a live model every
/// finite value does.
///
/// # Errors
/// [`Decline::OtherStudy`] when the values cannot be compared, [`Decline::NotBetter`] with the
/// gain and what was needed.
pub fn improves(
    policy: &DeploymentPolicy,
    live: Option<&Candidate>,
    new: &Candidate,
) -> Result<(), Decline> {
    let Some(live) = live else { return Ok(()) };
    if live.study != new.study || live.direction != new.direction {
        return Err(Decline::OtherStudy);
    }
    let gain = gain(new.direction, live.value, new.value);
    let relative = live.value.abs() * policy.min_improvement_percent / 100.0;
    let needed = relative.max(policy.min_improvement_absolute);
    if gain > 0.0 && gain >= needed { Ok(()) } else { Err(Decline::NotBetter { gain, needed }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{StudyIdentity, TrialId, TrialNumber};

    fn candidate(value: f64, direction: Direction) -> Candidate {
        let study = StudyIdentity {
            name: "s".into(),
            study_id: 1,
            directions: vec![direction],
            anchor: None,
        };
        Candidate { study, trial_id: TrialId(1), number: TrialNumber(0), value, direction }
    }

    fn check(direction: Direction, live: f64, new: f64, deploys: bool) {
        let policy = DeploymentPolicy::default();
        let live = candidate(live, direction);
        let verdict = improves(&policy, Some(&live), &candidate(new, direction));
        assert_eq!(verdict.is_ok(), deploys, "{direction}: {} -> {new}: {verdict:?}", live.value);
    }

    #[test]
    fn defect_wrong_direction_a_smaller_value_never_wins_a_maximizing_study() {
        check(Direction::Maximize, 1.0, 0.5, false);
        check(Direction::Maximize, 1.0, 1.5, true);
        check(Direction::Minimize, 1.0, 0.5, true);
        check(Direction::Minimize, 1.0, 1.5, false);
    }

    #[test]
    fn defect_abs_threshold_a_worse_model_is_never_an_improvement() {
        for (live, worse) in [(1.0, -5.0), (-1.0, -2.0), (0.0, -0.1), (100.0, 98.0)] {
            check(Direction::Maximize, live, worse, false);
            check(Direction::Minimize, worse, live, false);
        }
    }

    #[test]
    fn the_threshold_is_relative_to_the_live_value() {
        check(Direction::Maximize, 100.0, 100.9, false);
        check(Direction::Maximize, 100.0, 101.0, true);
        check(Direction::Maximize, -100.0, -99.5, false);
        check(Direction::Maximize, -100.0, -98.9, true);
        check(Direction::Maximize, 0.0, f64::MIN_POSITIVE, true);
        check(Direction::Maximize, 0.0, 0.0, false);
    }

    #[test]
    fn values_of_two_studies_are_never_compared() {
        let live = candidate(1.0, Direction::Maximize);
        let mut new = candidate(9.0, Direction::Maximize);
        new.study.study_id = 2;
        let policy = DeploymentPolicy::default();
        assert_eq!(improves(&policy, Some(&live), &new), Err(Decline::OtherStudy));
        assert_eq!(improves(&policy, None, &new), Ok(()));
    }
}
