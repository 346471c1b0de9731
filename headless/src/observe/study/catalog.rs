//! All trials of a study in memory, by columns: a hundred thousand trials take a few megabytes.

use cappuccino_core::rules::best::{better_first, is_candidate, is_deployable};
use cappuccino_core::words::study::{Counts, Summary};
use cappuccino_core::words::{Direction, Span, Timestamp, TrialId, TrialNumber, TrialState, Value};
use std::collections::BTreeMap;

/// Marks an absent time in a column.
const NO_TIME: i64 = i64::MIN;

/// One trial as it is put in.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its row id.
    pub trial_id: i64,
    /// Its number.
    pub number: i64,
    /// Its state.
    pub state: TrialState,
    /// Its value, if it has a sound one.
    pub value: Option<Value>,
    /// Whether its constraints are satisfied.
    pub feasible: bool,
    /// Start as stored, taken as UTC.
    pub started: Option<Timestamp>,
    /// End as stored, taken as UTC.
    pub completed: Option<Timestamp>,
}

/// The trials of one study.
#[derive(Debug, Default)]
pub struct Catalog {
    direction: Option<Direction>,
    /// The writer's offset from UTC, subtracted from stored times.
    offset: Span,
    ids: Vec<i64>,
    numbers: Vec<i64>,
    states: Vec<TrialState>,
    /// NaN where there is no value.
    values: Vec<f64>,
    feasible: Vec<bool>,
    started: Vec<i64>,
    completed: Vec<i64>,
    /// Internal values by parameter, NaN where a trial does not have it.
    params: BTreeMap<String, Vec<f64>>,
    counts: Counts,
    /// Place of the best trial and of the best deployable one.
    best: Option<usize>,
    deployable: Option<usize>,
}

impl Catalog {
    /// An empty catalog of a study that improves this way.
    pub fn new(direction: Option<Direction>) -> Self {
        Self { direction, ..Self::default() }
    }

    /// Which way the watched objective improves; none when no objective decides.
    pub const fn direction(&self) -> Option<Direction> {
        self.direction
    }

    /// How many trials there are.
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Trials by state.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Sets the writer's offset from UTC.
    pub const fn calibrate(&mut self, offset: Span) {
        self.offset = offset;
    }

    /// Adds a trial or brings a known one up to date.
    pub fn put(&mut self, row: &Row) {
        let place = match self.ids.binary_search(&row.trial_id) {
            Ok(place) => place,
            Err(place) => {
                self.insert(place, row);
                place
            }
        };
        self.set(place, row);
        self.count_anew_if_changed(place, row.state);
        self.consider(place);
    }

    fn insert(&mut self, place: usize, row: &Row) {
        self.ids.insert(place, row.trial_id);
        self.numbers.insert(place, row.number);
        // A new trial counts as waiting until its real state is set.
        self.states.insert(place, TrialState::Waiting);
        self.counts.add(TrialState::Waiting);
        self.values.insert(place, f64::NAN);
        self.feasible.insert(place, true);
        self.started.insert(place, NO_TIME);
        self.completed.insert(place, NO_TIME);
        for column in self.params.values_mut() {
            if place < column.len() {
                column.insert(place, f64::NAN);
            }
        }
        for best in [&mut self.best, &mut self.deployable] {
            *best = best.map(|at| if at >= place { at + 1 } else { at });
        }
    }

    fn set(&mut self, place: usize, row: &Row) {
        let time = |stamp: Option<Timestamp>| stamp.map_or(NO_TIME, |stamp| stamp.0);
        put(&mut self.values, place, row.value.map_or(f64::NAN, Value::as_f64));
        put(&mut self.feasible, place, row.feasible);
        put(&mut self.started, place, time(row.started));
        put(&mut self.completed, place, time(row.completed));
    }

    fn count_anew_if_changed(&mut self, place: usize, state: TrialState) {
        let Some(before) = self.states.get(place).copied() else { return };
        if before != state {
            let count = match before {
                TrialState::Running => &mut self.counts.running,
                TrialState::Complete => &mut self.counts.complete,
                TrialState::Pruned => &mut self.counts.pruned,
                TrialState::Failed => &mut self.counts.failed,
                TrialState::Waiting => &mut self.counts.waiting,
            };
            *count = count.saturating_sub(1);
            self.counts.add(state);
            put(&mut self.states, place, state);
        }
    }

    fn consider(&mut self, place: usize) {
        let (Some(direction), Some(new)) = (self.direction, self.at(place)) else { return };
        let beats = |best: Option<usize>| {
            best.and_then(|best| self.at(best))
                .is_none_or(|old| better_first(direction, &new, &old).is_lt())
        };
        let (best, deployable) = (beats(self.best), beats(self.deployable));
        if is_candidate(&new) && best {
            self.best = Some(place);
        }
        if is_deployable(&new) && deployable {
            self.deployable = Some(place);
        }
    }

    /// Sets one parameter of a known trial.
    pub fn put_param(&mut self, trial_id: i64, name: &str, internal: f64) {
        let Ok(place) = self.ids.binary_search(&trial_id) else { return };
        if !self.params.contains_key(name) {
            self.params.insert(name.to_owned(), Vec::new());
        }
        if let Some(column) = self.params.get_mut(name) {
            if column.len() <= place {
                column.resize(place + 1, f64::NAN);
            }
            put(column, place, internal);
        }
    }

    /// Internal values of a parameter, in the order of the trials; shorter than the catalog when
    /// the newest trials do not have it.
    pub fn param(&self, name: &str) -> Option<&[f64]> {
        self.params.get(name).map(Vec::as_slice)
    }

    /// The state of a trial.
    pub fn state_of(&self, trial_id: i64) -> Option<TrialState> {
        let place = self.ids.binary_search(&trial_id).ok()?;
        self.states.get(place).copied()
    }

    /// The trial with this number.
    pub fn find(&self, number: TrialNumber) -> Option<Summary> {
        let place = match self.numbers.binary_search(&number.0) {
            Ok(place) => place,
            // Numbers grow with ids unless somebody edited the database.
            Err(_) => self.numbers.iter().position(|candidate| *candidate == number.0)?,
        };
        self.at(place)
    }

    /// The best trial, as Optuna means it.
    pub fn best(&self) -> Option<Summary> {
        self.best.and_then(|place| self.at(place))
    }

    /// The best trial with a finite value, but for these.
    pub fn best_deployable_excluding(&self, excluded: &[TrialId]) -> Option<Summary> {
        let direction = self.direction?;
        let best = self.deployable.and_then(|place| self.at(place))?;
        if !excluded.contains(&best.trial_id) {
            return Some(best);
        }
        self.all()
            .filter(|trial| is_deployable(trial) && !excluded.contains(&trial.trial_id))
            .min_by(|a, b| better_first(direction, a, b))
    }

    /// At most `limit` trials, newest first.
    pub fn newest(&self, limit: usize) -> Vec<Summary> {
        (0..self.len()).rev().take(limit).filter_map(|place| self.at(place)).collect()
    }

    /// At most `limit` finished, feasible trials with a value, best first.
    pub fn best_first(&self, limit: usize) -> Vec<Summary> {
        let Some(direction) = self.direction else { return Vec::new() };
        let mut trials: Vec<Summary> = self.all().filter(is_candidate).collect();
        trials.sort_by(|a, b| better_first(direction, a, b));
        trials.truncate(limit);
        trials
    }

    /// Every trial, by row id.
    pub fn all(&self) -> impl Iterator<Item = Summary> {
        (0..self.len()).filter_map(|place| self.at(place))
    }

    fn at(&self, place: usize) -> Option<Summary> {
        let time = |column: &[i64]| {
            let stored = column.get(place).copied().filter(|time| *time != NO_TIME)?;
            Some(Timestamp(stored.saturating_sub(self.offset.0)))
        };
        let value = self.values.get(place).copied()?;
        Some(Summary {
            trial_id: TrialId(*self.ids.get(place)?),
            number: TrialNumber(*self.numbers.get(place)?),
            state: *self.states.get(place)?,
            value: super::decode::value(Some(value), None),
            feasible: *self.feasible.get(place)?,
            started: time(&self.started),
            completed: time(&self.completed),
        })
    }
}

fn put<T>(column: &mut [T], place: usize, value: T) {
    if let Some(cell) = column.get_mut(place) {
        *cell = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(trial_id: i64, state: TrialState, value: f64) -> Row {
        Row {
            trial_id,
            number: trial_id - 10,
            state,
            value: super::super::decode::value(Some(value), None),
            feasible: true,
            started: None,
            completed: None,
        }
    }

    #[test]
    fn trials_that_finish_out_of_order_are_counted_and_ranked_right() {
        let mut catalog = Catalog::new(Some(Direction::Maximize));
        for id in 10..14 {
            catalog.put(&row(id, TrialState::Running, f64::NAN));
        }
        catalog.put(&row(13, TrialState::Complete, 1.0));
        catalog.put(&row(11, TrialState::Complete, f64::INFINITY));
        catalog.put(&row(12, TrialState::Complete, 2.0));
        catalog.put(&row(10, TrialState::Failed, f64::NAN));
        assert_eq!(catalog.counts(), Counts { complete: 3, failed: 1, ..Counts::default() });
        assert_eq!(catalog.best().unwrap().trial_id, TrialId(11));
        let excluding = |ids: &[i64]| {
            let ids: Vec<TrialId> = ids.iter().copied().map(TrialId).collect();
            catalog.best_deployable_excluding(&ids).map(|trial| trial.trial_id.0)
        };
        assert_eq!(excluding(&[]), Some(12), "infinity is not deployed");
        assert_eq!(excluding(&[12]), Some(13));
        assert_eq!(excluding(&[12, 13]), None);
        assert_eq!(catalog.find(TrialNumber(2)).unwrap().trial_id, TrialId(12));
    }
}
