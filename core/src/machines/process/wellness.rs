//! How a process answers what is seen of its health: readiness, signs of life, memory.

use super::step::Turn;
use super::{Phase, Process, Then, Trust};
use crate::machines::{Answer, Step, Unchanged};
use crate::rules::wellness::{Memory, Pulse, bytes, memory, pulse};
use crate::words::{Effect, Fault, Generation, Moment, Note, Readiness, RunIdentity, Signs};

impl Turn<'_> {
    /// Whether a life that has been running since `since` should have become ready.
    pub(super) fn is_due(self, since: Moment) -> bool {
        let (Readiness::After(wait) | Readiness::Proven { deadline: wait }) =
            self.context.policy.ready;
        self.context.now.since(since) >= wait
    }

    /// Asks for a watch, when readiness has to be proven and is not.
    pub(super) fn watch_for_proof(self, process: Process, ready: bool) -> Step<Process> {
        let (name, generation) = (self.name(), process.generation);
        match self.context.policy.ready {
            Readiness::Proven { .. } if !ready => {
                Step::to(process).ask(Effect::AwaitReady { process: name, generation })
            }
            Readiness::Proven { .. } | Readiness::After(_) => Step::to(process),
        }
    }

    /// The proof was seen.
    pub(super) fn proven(self, generation: Generation) -> Answer<Process> {
        if generation != self.process.generation {
            return Answer::Unchanged(Unchanged::Late);
        }
        match self.process.phase {
            Phase::Running { ready: false, .. } => {
                let note = Note::ProcessReady(self.name(), generation);
                self.ready(self.process.clone()).note(note).done()
            }
            Phase::Running { ready: true, .. } => Answer::Unchanged(Unchanged::AlreadySo),
            Phase::Stopped
            | Phase::Done(_)
            | Phase::Starting { .. }
            | Phase::Stopping { .. }
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Unknown { .. }
            | Phase::Waiting { .. } => Answer::Unchanged(Unchanged::NotConcerned),
        }
    }

    /// The time to become ready is over.
    pub(super) fn time_to_be_ready(
        self,
        process: Process,
        identity: &RunIdentity,
        trust: Trust,
    ) -> Answer<Process> {
        match self.context.policy.ready {
            Readiness::After(_) => self.ready(process).done(),
            Readiness::Proven { deadline } => {
                let why = format!("no sign of readiness within {deadline}");
                self.condemn(identity, trust, Fault::NotReady, why).done()
            }
        }
    }

    /// What a look at the living process says.
    pub(super) fn looked(self, generation: Generation, signs: &Signs) -> Answer<Process> {
        if generation != self.process.generation {
            return Answer::Unchanged(Unchanged::Late);
        }
        match &self.process.phase {
            Phase::Running { identity, trust, .. } => self.judge(identity, *trust, signs),
            Phase::Stopped
            | Phase::Done(_)
            | Phase::Starting { .. }
            | Phase::Stopping { .. }
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Unknown { .. }
            | Phase::Waiting { .. } => Answer::Unchanged(Unchanged::NotConcerned),
        }
    }

    fn judge(self, identity: &RunIdentity, trust: Trust, signs: &Signs) -> Answer<Process> {
        let policy = self.context.policy;
        let limit = policy.memory_limit_bytes;
        let usage = || {
            let (used, most) = (signs.memory_bytes.unwrap_or(0), limit.unwrap_or(0));
            format!("{} of {} that it may", bytes(used), bytes(most))
        };
        let room = memory(limit, signs.memory_bytes);
        let step = Step::to(self.process.clone());
        let step = match room {
            Memory::Over => return self.condemn(identity, trust, Fault::Memory, usage()).done(),
            Memory::Near => {
                let most = bytes(limit.unwrap_or(0));
                let text = format!(
                    "{} and all it started use 90 % or more of the {most} that they may",
                    self.context.name
                );
                let remedy = "at the limit it is restarted: lower its batch or buffer size, or \
                              raise `memory_limit` in cappuccino.toml";
                step.raise(self.alert("memory"), text, remedy)
            }
            Memory::Fine => step.clear(self.alert("memory")),
            Memory::Between | Memory::Unknown => step,
        };
        match pulse(&policy.liveness, signs) {
            Pulse::Gone(why) => self.condemn(identity, trust, Fault::Hung, why),
            Pulse::Quiet(why) => {
                let text = format!("{} is quiet: {why}", self.context.name);
                let remedy = "nothing is done about it yet; see `cappuccino logs`, and \
                              `cappuccino restart` if it hangs";
                step.raise(self.alert("quiet"), text, remedy)
            }
            Pulse::Well => step.clear(self.alert("quiet")),
        }
        .done()
    }

    /// Ends the present life for a fault of its own; its end will count as a failure.
    fn condemn(
        self,
        identity: &RunIdentity,
        trust: Trust,
        fault: Fault,
        why: String,
    ) -> Step<Process> {
        let note = Note::ProcessCondemned(self.name(), self.process.generation, fault, why);
        self.stop(self.process.clone(), identity, Then::Fail(fault, trust)).note(note)
    }
}
