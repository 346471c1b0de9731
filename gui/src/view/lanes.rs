//! What each process did over time, and which model was live, from the lines of the history.

use crate::model::Model;
use crate::widgets::glyph::Sign;
use cappuccino_core::store::Entry;
use cappuccino_core::words::{Note, ProcessName, RevisionId, Stage, Timestamp, Trouble};
use std::collections::BTreeMap;

/// One row of states over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Whose.
    pub name: String,
    /// Its states, oldest first, without overlap.
    pub spans: Vec<LaneSpan>,
    /// Single moments worth a mark.
    pub marks: Vec<LaneMark>,
}

/// One state that lasted.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneSpan {
    /// Since when.
    pub from: Timestamp,
    /// Until when; none while it lasts.
    pub to: Option<Timestamp>,
    /// How it is.
    pub sign: Sign,
    /// In words.
    pub text: String,
}

/// One moment.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneMark {
    /// When.
    pub at: Timestamp,
    /// How it is meant.
    pub sign: Sign,
    /// In words.
    pub text: String,
}

impl Lane {
    fn named(name: String) -> Self {
        Self { name, spans: Vec::new(), marks: Vec::new() }
    }

    fn begin(&mut self, at: Timestamp, sign: Sign, text: String) {
        self.end(at);
        self.spans.push(LaneSpan { from: at, to: None, sign, text });
    }

    fn end(&mut self, at: Timestamp) {
        if let Some(last) = self.spans.last_mut() {
            last.to.get_or_insert(at);
        }
    }

    fn mark(&mut self, at: Timestamp, sign: Sign, text: String) {
        self.marks.push(LaneMark { at, sign, text });
    }
}

/// The lanes: the live model first, then the processes by name.
pub fn lanes(model: &Model, now: Timestamp) -> Vec<Lane> {
    let mut live = Lane::named("live model".to_owned());
    let mut processes: BTreeMap<ProcessName, Lane> = BTreeMap::new();
    for process in model.status.iter().flat_map(|status| &status.processes) {
        let name = process.name.clone();
        processes.insert(name.clone(), Lane::named(name.to_string()));
    }
    let trials = trial_numbers(model);
    for entry in &model.history {
        deployment(&mut live, entry, &trials);
        one_process(&mut processes, entry);
    }
    present(&mut live, &mut processes, model, now);
    let mut lanes = vec![live];
    lanes.extend(processes.into_values());
    lanes
}

/// Trial of each revision, as far as known.
fn trial_numbers(model: &Model) -> BTreeMap<RevisionId, String> {
    let mut numbers = BTreeMap::new();
    for entry in &model.history {
        if let Note::DeploymentBegan(_, revision, candidate, _) = &entry.note {
            numbers.insert(*revision, candidate.number.to_string());
        }
    }
    for revision in model.status.iter().flat_map(|status| &status.deployment.revisions) {
        numbers.insert(revision.id, revision.trial.to_string());
    }
    numbers
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most lines are about something else")]
fn deployment(lane: &mut Lane, entry: &Entry, trials: &BTreeMap<RevisionId, String>) {
    let at = entry.at;
    let trial = |revision: &RevisionId| {
        let known = trials.get(revision).cloned();
        known.map_or_else(|| format!("revision {revision}"), |number| format!("trial {number}"))
    };
    match &entry.note {
        Note::WentLive(_, revision, _, cause) => {
            lane.begin(at, Sign::Good, trial(revision));
            lane.mark(at, Sign::Good, format!("{} went live: {cause}", trial(revision)));
        }
        Note::DeploymentReached(_, revision, Stage::Draining) => {
            lane.begin(at, Sign::Warning, format!("switching to {}", trial(revision)));
        }
        Note::Halted(why) => lane.begin(at, Sign::Critical, format!("halted: {why}")),
        Note::AlertRaised(_, text, _) => lane.mark(at, Sign::Warning, format!("alert: {text}")),
        Note::AlertFired(_, Trouble { text, .. }, 1) => {
            lane.mark(at, Sign::Warning, format!("alert: {text}"));
        }
        _ => {}
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most lines are about something else")]
fn one_process(lanes: &mut BTreeMap<ProcessName, Lane>, entry: &Entry) {
    let at = entry.at;
    let mut on = |name: &ProcessName, work: &dyn Fn(&mut Lane)| {
        // A process that is no longer configured has no lane.
        if let Some(lane) = lanes.get_mut(name) {
            work(lane);
        }
    };
    match &entry.note {
        Note::ProcessStarted(name, life, pid) => on(name, &|lane| {
            lane.begin(at, Sign::Good, format!("runs (life {life}, pid {pid})"));
        }),
        Note::ProcessAdopted(name, life, pid) => on(name, &|lane| {
            if lane.spans.last().is_none_or(|last| last.to.is_some()) {
                lane.begin(at, Sign::Good, format!("runs (life {life}, pid {pid})"));
            }
        }),
        Note::ProcessExited(name, _, status, true) => on(name, &|lane| {
            lane.begin(at, Sign::Idle, format!("stopped as asked, with {status}"));
        }),
        Note::ProcessExited(name, life, status, false) => on(name, &|lane| {
            lane.begin(at, Sign::Warning, format!("down after {status}"));
            lane.mark(at, Sign::Critical, format!("life {life} ended by itself: {status}"));
        }),
        Note::LaunchFailed(name, _, why) => on(name, &|lane| {
            lane.begin(at, Sign::Critical, format!("could not start: {why}"));
        }),
        Note::ProcessCooling(name, pause) => on(name, &|lane| {
            lane.begin(at, Sign::Critical, format!("restarts spent; one more try after {pause}"));
        }),
        _ => {}
    }
}

/// The history may begin in the middle: the present closes the gap.
fn present(
    live: &mut Lane,
    processes: &mut BTreeMap<ProcessName, Lane>,
    model: &Model,
    now: Timestamp,
) {
    let Some(status) = &model.status else { return };
    let earliest = model.history.front().map_or(now, |entry| entry.at);
    if live.spans.is_empty()
        && let Some(revision) = &status.deployment.live
    {
        live.begin(earliest, Sign::Good, format!("trial {}", revision.trial));
    }
    for process in &status.processes {
        let Some(lane) = processes.get_mut(&process.name) else { continue };
        if lane.spans.is_empty() && process.pid.is_some() {
            let since = process.since.unwrap_or(earliest);
            lane.begin(since, Sign::Good, format!("runs (life {})", process.generation));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    #[test]
    fn lanes_follow_the_history_without_overlaps() {
        let model = demo::model(demo::Scene::Live, demo::NOON);
        let lanes = lanes(&model, demo::NOON);
        let names: Vec<&str> = lanes.iter().map(|lane| lane.name.as_str()).collect();
        assert_eq!(names, ["live model", "trader", "worker-1", "worker-2", "worker-3"]);
        for lane in &lanes {
            assert!(!lane.spans.is_empty(), "{} is empty", lane.name);
            for pair in lane.spans.windows(2) {
                assert!(pair[0].to.is_some_and(|to| to <= pair[1].from), "{pair:?} overlap");
            }
        }
        assert!(lanes[0].spans.last().unwrap().to.is_none(), "the live model lasts");
        let worker = &lanes[3];
        assert!(worker.marks.iter().any(|mark| mark.text.contains("signal 9")));
    }
}
