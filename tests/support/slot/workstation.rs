//! What the world does: lives that begin, die and are asked to end; crashes and power cuts.

use super::{Exit, Fence, Life, SlotModel, State};
use crate::explore::Edge;
use cappuccino_core::words::{
    BootId, ExitStatus, Generation, Probe, ProcessReport, RevisionId, RunIdentity,
};

impl Life {
    /// Its identity: one life, one pid.
    pub(super) fn identity(&self) -> RunIdentity {
        let pid = u32::try_from(self.generation.0).unwrap();
        RunIdentity { boot: BootId(1), shim_pid: pid, pid, start_ticks: 0 }
    }
}

impl State {
    /// The newest life that left a record of any kind.
    pub(super) fn newest_life(&self) -> Option<Generation> {
        let known = self.lives.iter().filter(|life| life.known).map(|life| life.generation);
        let ended = self.exit.iter().map(|exit| match exit {
            Exit::Ended(generation, _) | Exit::NotStarted(generation) => *generation,
        });
        known.chain(ended).max()
    }
}

impl SlotModel {
    /// The generation that a report seems to be about when it arrives.
    pub(super) fn named(&self, state: &State, truth: Generation) -> Generation {
        match self.fence {
            Fence::Whole | Fence::NoLock => truth,
            Fence::NoGeneration => {
                state.world.processes.get(&self.trader).map_or(truth, |process| process.generation)
            }
        }
    }

    /// Begins a life, unless somebody holds the slot's lock; whether it did.
    pub(super) fn begin(
        &self,
        state: &mut State,
        generation: Generation,
        revision: Option<RevisionId>,
    ) -> bool {
        let is_free = state.lives.is_empty() || self.fence == Fence::NoLock;
        if is_free {
            let (known, ending, watched) = (false, false, true);
            state.lives.push(Life { generation, revision, known, ending, watched });
        }
        is_free
    }

    /// Looks for whoever lives in the slot; who is found is watched from then on.
    pub(super) fn look(&self, state: &mut State) -> ProcessReport {
        if let Some(at) = state.lives.iter().position(|life| life.known) {
            state.lives[at].watched = true;
            let life = &state.lives[at];
            let generation = self.named(state, life.generation);
            return ProcessReport::Probed(Probe::Held(generation, life.identity()));
        }
        if !state.lives.is_empty() && self.fence != Fence::NoLock {
            return ProcessReport::Probed(Probe::Unidentified("has not said who".into()));
        }
        match &state.exit {
            Some(Exit::NotStarted(generation)) => {
                let generation = self.named(state, *generation);
                ProcessReport::Probed(Probe::NotStarted(generation, "not found".into()))
            }
            Some(Exit::Ended(generation, status)) => {
                let generation = self.named(state, *generation);
                ProcessReport::Probed(Probe::Free(Some((generation, status.clone()))))
            }
            None => ProcessReport::Probed(Probe::Free(None)),
        }
    }

    /// What can become of each life.
    pub(super) fn fates(&self, state: &State) -> Vec<Edge<State>> {
        let mut edges = Vec::new();
        for (at, life) in state.lives.iter().enumerate() {
            let who = format!("life {} (revision {:?})", life.generation, life.revision);
            if life.known {
                let ends = |status: ExitStatus| Self::ended(state, at, status);
                if life.ending {
                    let next = ends(ExitStatus::Signal(15));
                    edges.push(self.edge(format!("{who} ends as asked"), true, next));
                } else {
                    let next = ends(ExitStatus::Code(1));
                    edges.extend(self.misfortune(format!("{who} dies"), next));
                }
                let next = ends(ExitStatus::Unknown);
                edges.extend(self.misfortune(format!("{who} dies with its shim"), next));
            } else {
                edges.push(self.edge(format!("{who} says who it is"), true, Self::up(state, at)));
                let next = Self::not_started(state, at);
                edges.extend(self.misfortune(format!("{who} cannot be started"), next));
            }
        }
        edges
    }

    fn up(state: &State, at: usize) -> State {
        let mut next = state.clone();
        next.lives[at].known = true;
        let life = &next.lives[at];
        if life.watched {
            next.reports.push(ProcessReport::Started(life.generation, life.identity()));
        }
        next
    }

    fn not_started(state: &State, at: usize) -> State {
        let mut next = state.clone();
        let life = next.lives.remove(at);
        next.exit = Some(Exit::NotStarted(life.generation));
        if life.watched {
            let report = ProcessReport::LaunchFailed(life.generation, "not found".into());
            next.reports.push(report);
        }
        next
    }

    fn ended(state: &State, at: usize, status: ExitStatus) -> State {
        let mut next = state.clone();
        let life = next.lives.remove(at);
        // Without an exit record the run record is left, which says that it lived.
        next.exit = Some(Exit::Ended(life.generation, status.clone()));
        if life.watched {
            next.reports.push(ProcessReport::Exited(life.generation, status));
        }
        next
    }

    /// The runner is killed, the power goes.
    pub(super) fn outages(&self, state: &State) -> Vec<Edge<State>> {
        let mut killed = state.clone();
        killed.up = false;
        killed.todo.clear();
        killed.urgent.clear();
        killed.reports.clear();
        killed.jobs.clear();
        killed.lives.iter_mut().for_each(|life| life.watched = false);
        let mut dark = killed.clone();
        for life in dark.lives.drain(..).filter(|life| life.known) {
            dark.exit = Some(Exit::Ended(life.generation, ExitStatus::Unknown));
        }
        let mut edges = Vec::new();
        if state.up {
            edges.extend(self.misfortune("the runner is killed", killed));
        }
        if state.up || !state.lives.is_empty() {
            edges.extend(self.misfortune("the power goes", dark));
        }
        edges
    }
}
