//! The moves a process can make: start, stop, look, cool down; and whom it tells.

use super::step::Turn;
use super::{Believed, Goal, Phase, Process, Then, Trust, process_alert};
use crate::machines::{Answer, Step, Tell, Unchanged, alert, deployment};
use crate::rules::restart::Failures;
use crate::words::{
    Effect, ExitStatus, Generation, Note, ProcessName, RevisionId, Role, RunIdentity,
};

impl Turn<'_> {
    pub(super) fn ready(self, mut process: Process) -> Step<Process> {
        if let Phase::Running { ready, .. } = &mut process.phase {
            *ready = true;
        }
        let revision = process.runs;
        self.tell_deployment(Step::to(process), |_| deployment::Event::TraderReady(revision))
    }

    pub(super) fn healthy(self, mut process: Process) -> Step<Process> {
        process.failures = Failures::default();
        if let Phase::Running { trust, .. } = &mut process.phase {
            *trust = Trust::Full;
        }
        let note = Note::ProcessHealthy(self.name(), process.generation);
        Step::to(process).clear(self.alert("cooling")).note(note)
    }

    /// Starts the next life, or waits for what it is started after.
    pub(super) fn start(self, mut process: Process, trust: Trust) -> Step<Process> {
        if self.context.waits_for.is_some() {
            process.phase = Phase::Waiting { since: self.context.now, trust };
            return Step::to(process);
        }
        process.generation = process.generation.next();
        process.tally.starts = process.tally.starts.saturating_add(1);
        process.runs = match process.goal {
            Goal::Up(revision) => revision,
            Goal::Down => None,
        };
        process.phase = Phase::Starting { since: self.context.now, trust };
        let effect = Effect::Launch {
            process: self.name(),
            generation: process.generation,
            revision: process.runs,
        };
        Step::to(process).ask(effect)
    }

    pub(super) fn stop(
        self,
        process: Process,
        identity: &RunIdentity,
        then: Then,
    ) -> Step<Process> {
        let present = process.generation;
        self.stop_life(process, present, identity, then)
    }

    pub(super) fn stop_life(
        self,
        mut process: Process,
        ending: Generation,
        identity: &RunIdentity,
        then: Then,
    ) -> Step<Process> {
        let (identity, since) = (identity.clone(), self.context.now);
        let effect =
            Effect::Stop { process: self.name(), generation: ending, identity: identity.clone() };
        process.phase = Phase::Stopping { identity, ending, since, then };
        Step::to(process).ask(effect)
    }

    /// The present stop with another sequel; any other phase as it is.
    pub(super) fn stopping(self, sequel: Then) -> Phase {
        let mut phase = self.process.phase.clone();
        if let Phase::Stopping { then, .. } = &mut phase {
            *then = sequel;
        }
        phase
    }

    pub(super) fn look(
        self,
        mut process: Process,
        believed: Believed,
        trust: Trust,
    ) -> Step<Process> {
        process.phase = Phase::Unknown { since: self.context.now, believed, trust };
        Step::to(process).ask(Effect::Probe { process: self.name() })
    }

    pub(super) fn cool(self, mut process: Process, how: &str) -> Step<Process> {
        let wait = process.failures.cooldown(self.context.policy);
        process.phase = Phase::Cooldown { since: self.context.now, wait };
        let text = format!("{} keeps failing (last: {how})", self.context.name);
        let remedy = "read its log with `cappuccino logs`; after the cause is gone, \
                      `cappuccino reset` starts it at once";
        let step = Step::to(process)
            .raise(self.alert("cooling"), text, remedy)
            .note(Note::ProcessCooling(self.name(), wait));
        self.tell_exhausted(step, how)
    }

    /// Records an end of the present life, asked for or not.
    pub(super) fn account(
        self,
        generation: Generation,
        status: &ExitStatus,
        planned: bool,
    ) -> (Process, Note) {
        let mut process = self.process.clone();
        process.tally.last_exit = Some((generation, status.clone(), self.context.now));
        (process, Note::ProcessExited(self.name(), generation, status.clone(), planned))
    }

    /// What was wrong with the life that ended matters no more.
    pub(super) fn over(self, step: Step<Process>) -> Step<Process> {
        ["stuck", "quiet", "memory"]
            .into_iter()
            .fold(step, |step, what| step.clear(self.alert(what)))
    }

    /// Nobody wants it any more: that it is down is as it should be.
    pub(super) fn vacant(self, process: Process) -> Step<Process> {
        let step = Step::to(process).clear(self.alert("down"));
        self.tell_deployment(step, |_| deployment::Event::TraderVacant)
    }

    pub(super) fn tell_exited(self, step: Step<Process>, how: &str) -> Step<Process> {
        let how = how.to_owned();
        self.tell_deployment(step, |runs| deployment::Event::TraderExited(runs, how))
    }

    pub(super) fn tell_exhausted(self, step: Step<Process>, how: &str) -> Step<Process> {
        let how = how.to_owned();
        self.tell_deployment(step, |runs| deployment::Event::TraderExhausted(runs, how))
    }

    pub(super) fn tell_deployment(
        self,
        step: Step<Process>,
        event: impl FnOnce(Option<RevisionId>) -> deployment::Event,
    ) -> Step<Process> {
        match self.context.policy.role {
            Role::Trader => {
                let event = event(self.process.runs);
                step.tell(Tell::Deployment(event))
            }
            Role::Worker | Role::Other => step,
        }
    }

    /// The same place, perhaps with other wishes.
    pub(super) fn settle(self, process: Process) -> Answer<Process> {
        if process == *self.process {
            Answer::Unchanged(Unchanged::AlreadySo)
        } else {
            Step::to(process).done()
        }
    }

    pub(super) fn name(self) -> ProcessName {
        self.context.name.clone()
    }

    pub(super) fn alert(self, what: &str) -> alert::Key {
        process_alert(self.context.name, what)
    }
}
