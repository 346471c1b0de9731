//! What exists outside the runner: lives behind slot locks, exit records, clocks, a study, files.

use cappuccino_core::words::{
    BootId, Candidate, Direction, ExitStatus, Generation, Moment, ProcessName, RevisionId,
    RunIdentity, Span, StudyIdentity, Timestamp, TrialId, TrialNumber,
};
use std::collections::{BTreeMap, BTreeSet};

/// A process that lives.
#[derive(Clone, Debug, PartialEq)]
pub struct Life {
    pub generation: Generation,
    pub revision: Option<RevisionId>,
    pub identity: RunIdentity,
}

/// The machine and everything on it but the runner.
#[derive(Clone, Debug)]
pub struct Workstation {
    /// True time in milliseconds since the simulation began.
    pub elapsed: i64,
    /// What the wall clock adds to it: steps of NTP and of people.
    pub wall_offset: i64,
    /// Which boot it is, and when it began.
    pub boot: u128,
    pub booted_at: i64,
    /// Who holds each slot's lock. One lock, one life: the kernel's promise.
    pub lives: BTreeMap<ProcessName, Life>,
    /// The record the last life of each slot left behind.
    pub exits: BTreeMap<ProcessName, (Generation, ExitStatus)>,
    pub next_pid: u32,
    /// The study as Optuna has it.
    pub study: StudyIdentity,
    pub study_there: bool,
    pub best: Option<Candidate>,
    pub next_trial: i64,
    /// Models in the store that are intact, and those whose validation would fail.
    pub stored: BTreeSet<RevisionId>,
    pub validated: BTreeSet<RevisionId>,
    /// Trials whose model makes the trader end soon.
    pub cursed: BTreeSet<TrialId>,
}

impl Workstation {
    pub fn new() -> Self {
        Self {
            elapsed: 0,
            wall_offset: 1_760_000_000_000,
            boot: 1,
            booted_at: 0,
            lives: BTreeMap::new(),
            exits: BTreeMap::new(),
            next_pid: 100,
            study: study(1),
            study_there: true,
            best: None,
            next_trial: 0,
            stored: BTreeSet::new(),
            validated: BTreeSet::new(),
            cursed: BTreeSet::new(),
        }
    }

    pub fn now(&self) -> Moment {
        Moment {
            wall: Timestamp(self.elapsed + self.wall_offset),
            boot: BootId(self.boot),
            uptime: Span(self.elapsed - self.booted_at),
        }
    }

    /// Starts a life unless the slot's lock is held.
    pub fn launch(
        &mut self,
        name: &ProcessName,
        generation: Generation,
        revision: Option<RevisionId>,
    ) -> Option<Life> {
        if self.lives.contains_key(name) {
            return None;
        }
        self.next_pid += 2;
        let identity = RunIdentity {
            boot: BootId(self.boot),
            shim_pid: self.next_pid,
            pid: self.next_pid + 1,
            start_ticks: self.elapsed as u64,
        };
        let life = Life { generation, revision, identity };
        self.lives.insert(name.clone(), life.clone());
        Some(life)
    }

    /// Ends a life; its shim leaves a record, unless it is gone too.
    pub fn end(&mut self, name: &ProcessName, status: ExitStatus, recorded: bool) -> Option<Life> {
        let life = self.lives.remove(name)?;
        if recorded {
            self.exits.insert(name.clone(), (life.generation, status));
        }
        Some(life)
    }

    /// The power goes: nobody lives, no record is written, a new boot begins.
    pub fn power_cut(&mut self) -> Vec<(ProcessName, Life)> {
        let dead = std::mem::take(&mut self.lives).into_iter().collect();
        self.boot += 1;
        self.booted_at = self.elapsed;
        dead
    }

    /// The study is deleted and made again: SQLite hands out the same ids.
    pub fn recreate_study(&mut self) {
        let anchor = self.study.anchor.clone();
        self.study = study(1);
        self.study.anchor = anchor.map(|mut anchor| {
            anchor.datetime_start.push('x');
            anchor
        });
        self.best = None;
        self.next_trial = 0;
    }

    /// A trial finishes with this value.
    pub fn finish_trial(&mut self, value: f64) -> Candidate {
        let trial_id = TrialId(self.next_trial + 1);
        let number = TrialNumber(self.next_trial);
        self.next_trial += 1;
        if self.study.anchor.is_none() {
            self.study.anchor = Some(cappuccino_core::words::trial::Anchor {
                trial_id,
                datetime_start: format!("started {}", self.elapsed),
            });
        }
        let study = self.study.clone();
        Candidate { study, trial_id, number, value, direction: Direction::Maximize }
    }
}

impl Default for Workstation {
    fn default() -> Self {
        Self::new()
    }
}

fn study(id: i64) -> StudyIdentity {
    StudyIdentity {
        name: "sim".into(),
        study_id: id,
        directions: vec![Direction::Maximize],
        anchor: None,
    }
}
