//! Which running trials are nobody's any more: their worker was killed, and Optuna goes on calling
//! them running.

use crate::words::{Span, TrialNumber};

/// How many heartbeat intervals, or longest usual durations, may pass.
const PATIENCE: i64 = 3;

/// A trial that the study calls running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunningTrial {
    /// Its number.
    pub number: TrialNumber,
    /// How long it has been seen running.
    pub seen_for: Span,
    /// Whether the worker that it names has ended; nothing when it names none that can be looked
    /// for.
    pub worker_ended: Option<bool>,
    /// Age of its last heartbeat, if it has one.
    pub heartbeat_age: Option<Span>,
}

/// What running trials are compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usual {
    /// Time between two heartbeats.
    pub heartbeat_interval: Span,
    /// What 99 of 100 trials do not exceed; nothing while few have finished.
    pub duration_p99: Option<Span>,
    /// Workers that live now.
    pub workers: usize,
}

/// The trials that nobody works on, by number.
pub fn zombies(running: &[RunningTrial], usual: &Usual) -> Vec<TrialNumber> {
    let mut found = Vec::new();
    let mut unsaid: Vec<&RunningTrial> = Vec::new();
    let mut at_work = 0_usize;
    for trial in running {
        let is_dead = match (trial.worker_ended, trial.heartbeat_age) {
            (Some(ended), _) => Some(ended),
            (None, Some(age)) => Some(age > usual.heartbeat_interval.times(PATIENCE)),
            (None, None) => None,
        };
        match is_dead {
            Some(true) => found.push(trial.number),
            Some(false) => at_work = at_work.saturating_add(1),
            None => unsaid.push(trial),
        }
    }
    // Of those that say nothing of themselves, as many are too many as there are workers missing;
    // the longest ones first, and only after a time that no trial takes.
    let too_many = unsaid.len().saturating_sub(usual.workers.saturating_sub(at_work));
    unsaid.sort_by_key(|trial| std::cmp::Reverse(trial.seen_for));
    let is_late = |trial: &&&RunningTrial| {
        usual.duration_p99.is_some_and(|usual| trial.seen_for > usual.times(PATIENCE))
    };
    found.extend(unsaid.iter().take(too_many).filter(is_late).map(|trial| trial.number));
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(number: i64, minutes: i64) -> RunningTrial {
        let seen_for = Span::minutes(minutes);
        let number = TrialNumber(number);
        RunningTrial { number, seen_for, worker_ended: None, heartbeat_age: None }
    }

    fn found(running: &[RunningTrial], workers: usize) -> Vec<i64> {
        let duration_p99 = Some(Span::minutes(10));
        let heartbeat_interval = Span::minutes(1);
        let usual = Usual { heartbeat_interval, duration_p99, workers };
        zombies(running, &usual).into_iter().map(|number| number.0).collect()
    }

    #[test]
    fn a_trial_that_names_its_worker_is_judged_by_it_alone() {
        let says = |number, ended| RunningTrial { worker_ended: Some(ended), ..trial(number, 999) };
        assert_eq!(found(&[says(2, true), says(1, false)], 0), [2]);
    }

    #[test]
    fn a_heartbeat_is_believed_for_three_intervals() {
        let beat = |seconds| {
            let heartbeat_age = Some(Span::seconds(seconds));
            RunningTrial { heartbeat_age, ..trial(1, 999) }
        };
        assert_eq!(found(&[beat(180)], 0), [0_i64; 0]);
        assert_eq!(found(&[beat(181)], 9), [1]);
    }

    #[test]
    fn a_trial_that_says_nothing_is_a_zombie_only_beyond_workers_and_time() {
        let running = [trial(1, 31), trial(2, 500), trial(3, 20)];
        assert_eq!(found(&running, 3), [0_i64; 0], "as many as there are workers");
        assert_eq!(found(&running, 2), [2], "the longest one");
        assert_eq!(found(&running, 0), [1, 2], "the third may just be slow");
        let usual = Usual { duration_p99: None, ..Usual::default() };
        assert!(zombies(&running, &usual).is_empty(), "nobody knows how long is long");
    }
}
