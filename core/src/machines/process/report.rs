//! How a process answers what the world reports of it.

use super::step::Turn;
use super::{Believed, Goal, Phase, Process, Then, Trust};
use crate::machines::{Answer, Step, Unchanged};
use crate::rules::restart::Next;
use crate::words::{
    ExitStatus, Fault, Generation, Note, Probe, ProcessReport, RestartRule, RunIdentity,
};

impl Turn<'_> {
    pub(super) fn reported(self, report: &ProcessReport) -> Answer<Process> {
        match report {
            ProcessReport::Started(generation, identity) => self.started(*generation, identity),
            ProcessReport::LaunchFailed(generation, why) => self.launch_failed(*generation, why),
            ProcessReport::SlotTaken(generation) => self.slot_taken(*generation),
            ProcessReport::Exited(generation, status) => self.exited(*generation, status),
            ProcessReport::Probed(probe) => self.probed(probe),
            ProcessReport::Ready(generation) => self.proven(*generation),
            ProcessReport::Looked(generation, signs) => self.looked(*generation, signs),
        }
    }

    fn started(self, generation: Generation, identity: &RunIdentity) -> Answer<Process> {
        if generation != self.process.generation {
            return Answer::Unchanged(Unchanged::Late);
        }
        match self.process.phase {
            Phase::Starting { trust, .. } => {
                let note = Note::ProcessStarted(self.name(), generation, identity.pid);
                self.alive(identity, trust, false, note).done()
            }
            Phase::Unknown { trust, believed, .. } => {
                let note = Note::ProcessAdopted(self.name(), generation, identity.pid);
                self.alive(identity, trust, believed == Believed::Ready, note).done()
            }
            Phase::Running { .. } | Phase::Stopping { .. } => {
                Answer::Unchanged(Unchanged::AlreadySo)
            }
            Phase::Stopped
            | Phase::Done(_)
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Waiting { .. } => Answer::Unchanged(Unchanged::Late),
        }
    }

    /// The present life is known to run: keep it if it is the one that is wanted.
    fn alive(self, identity: &RunIdentity, trust: Trust, ready: bool, note: Note) -> Step<Process> {
        let process = self.process.clone();
        let step = if process.serves_goal() {
            let (identity, since) = (identity.clone(), self.context.now);
            let phase = Phase::Running { identity, since, ready, trust };
            self.watch_for_proof(Process { phase, ..process }, ready)
        } else {
            self.stop(process, identity, Then::FollowGoal)
        };
        step.note(note)
            .clear(self.alert("launch"))
            .clear(self.alert("down"))
            .clear(self.alert("unknown"))
    }

    fn launch_failed(self, generation: Generation, why: &str) -> Answer<Process> {
        if generation != self.process.generation {
            return Answer::Unchanged(Unchanged::Late);
        }
        match self.process.phase {
            Phase::Starting { .. } | Phase::Unknown { .. } => {
                let mut process = self.process.clone();
                process.tally.failures = process.tally.failures.saturating_add(1);
                let note = Note::LaunchFailed(self.name(), generation, why.to_owned());
                if process.goal == Goal::Down {
                    return self
                        .vacant(Process { phase: Phase::Stopped, ..process })
                        .note(note)
                        .done();
                }
                // A command that cannot be started will not start a second later either: the
                // failure counts, and the next try comes after a cooldown.
                process.failures.count(self.context.policy, self.context.now, generation);
                let text = format!("{} cannot be started: {why}", self.context.name);
                self.cool(process, why)
                    .note(note)
                    .raise(self.alert("launch"), text, "correct the command in cappuccino.toml")
                    .done()
            }
            Phase::Running { .. }
            | Phase::Stopping { .. }
            | Phase::Stopped
            | Phase::Done(_)
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Waiting { .. } => Answer::Unchanged(Unchanged::Late),
        }
    }

    fn slot_taken(self, generation: Generation) -> Answer<Process> {
        if generation != self.process.generation {
            return Answer::Unchanged(Unchanged::Late);
        }
        match self.process.phase {
            Phase::Starting { trust, .. } => {
                self.look(self.process.clone(), Believed::Refused, trust).done()
            }
            Phase::Unknown { .. } => Answer::Unchanged(Unchanged::AlreadySo),
            Phase::Running { .. }
            | Phase::Stopping { .. }
            | Phase::Stopped
            | Phase::Done(_)
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Waiting { .. } => Answer::Unchanged(Unchanged::Late),
        }
    }

    fn exited(self, generation: Generation, status: &ExitStatus) -> Answer<Process> {
        let present = generation == self.process.generation;
        match &self.process.phase {
            Phase::Starting { trust, .. }
            | Phase::Running { trust, .. }
            | Phase::Unknown { trust, .. }
                if present =>
            {
                self.ended_by_itself(*trust, status)
            }
            Phase::Stopping { then, ending, .. } if generation == *ending => {
                self.ended_as_asked(*then, *ending, status)
            }
            Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Unknown { .. }
            | Phase::Stopping { .. }
            | Phase::Stopped
            | Phase::Done(_)
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Waiting { .. } => Answer::Unchanged(Unchanged::Late),
        }
    }

    fn ended_as_asked(
        self,
        then: Then,
        ending: Generation,
        status: &ExitStatus,
    ) -> Answer<Process> {
        if let Then::Fail(fault, trust) = then
            && ending == self.process.generation
        {
            return self.ended(trust, status, Some(fault));
        }
        let (process, note) = self.account(ending, status, true);
        let step = match (then, process.goal) {
            (Then::Stay, Goal::Up(_)) => {
                Step::to(Process { phase: Phase::Stopped, ..process }).note(note)
            }
            (Then::Stay | Then::FollowGoal | Then::Fail(..), Goal::Down) => {
                self.vacant(Process { phase: Phase::Stopped, ..process }).note(note)
            }
            (Then::FollowGoal | Then::Fail(..), Goal::Up(_)) => {
                self.start(process, Trust::Full).note(note)
            }
        };
        self.over(step).done()
    }

    fn ended_by_itself(self, trust: Trust, status: &ExitStatus) -> Answer<Process> {
        self.ended(trust, status, None)
    }

    /// The present life ended for a reason of its own; `fault` is what it was ended for, if it was.
    fn ended(self, trust: Trust, status: &ExitStatus, fault: Option<Fault>) -> Answer<Process> {
        let wanted = self.process.serves_goal();
        let planned = !wanted || fault.is_some();
        let (mut process, note) = self.account(self.process.generation, status, planned);
        if !wanted {
            let step = match process.goal {
                Goal::Down => self.vacant(Process { phase: Phase::Stopped, ..process }),
                Goal::Up(_) => self.start(process, Trust::Full),
            };
            return self.over(step).note(note).done();
        }
        process.tally.failures = process.tally.failures.saturating_add(1);
        let how = match fault {
            None => status.to_string(),
            Some(fault) => format!("{fault}, {status}"),
        };
        if self.stays_down(status, fault) {
            let step = Step::to(Process { phase: Phase::Done(status.clone()), ..process });
            let text = format!("{} ended with {how} and stays down", self.context.name);
            let name = self.context.name;
            let remedy = format!("`cappuccino logs {name}` says why; then `restart {name}`");
            let step = if status.is_success() {
                step
            } else {
                step.raise(self.alert("down"), text, &remedy)
            };
            return self.over(self.tell_exhausted(step, &how)).note(note).done();
        }
        let next =
            process.failures.count(self.context.policy, self.context.now, self.process.generation);
        let step = match (next, trust) {
            (Next::Backoff(wait), Trust::Full) => {
                let phase = Phase::Backoff { since: self.context.now, wait };
                self.tell_exited(Step::to(Process { phase, ..process }), &how)
            }
            (Next::Cooldown(_), Trust::Full) | (_, Trust::HalfOpen) => self.cool(process, &how),
        };
        self.over(step).note(note).done()
    }

    fn stays_down(self, status: &ExitStatus, fault: Option<Fault>) -> bool {
        let policy = self.context.policy;
        let says_no = match (status, fault) {
            (ExitStatus::Code(code), None) => policy.no_restart_codes.contains(code),
            (ExitStatus::Code(_) | ExitStatus::Signal(_) | ExitStatus::Unknown, _) => false,
        };
        match policy.restart {
            RestartRule::Always => says_no,
            RestartRule::OnFailure => says_no || (fault.is_none() && status.is_success()),
            RestartRule::Never => true,
        }
    }

    fn probed(self, probe: &Probe) -> Answer<Process> {
        match probe {
            Probe::Free(last) => self.found_free(last.as_ref()),
            Probe::NotStarted(generation, why) => self.found_not_started(*generation, why),
            Probe::Held(generation, identity) => self.found_held(*generation, identity),
            Probe::Unidentified(why) => self.found_stranger(why),
        }
    }

    fn found_free(self, last: Option<&(Generation, ExitStatus)>) -> Answer<Process> {
        let recorded = |life: Generation| {
            last.filter(|(generation, _)| *generation == life).map(|(_, status)| status.clone())
        };
        let status = recorded(self.process.generation);
        match &self.process.phase {
            Phase::Unknown { believed: Believed::Asked, trust, .. } if status.is_none() => {
                // The start never happened: nothing ended, nothing is counted.
                self.start_if_wanted(*trust, last)
            }
            Phase::Unknown { believed: Believed::Refused, trust, .. } => {
                self.start_if_wanted(*trust, last)
            }
            Phase::Unknown { trust, .. } | Phase::Running { trust, .. } => {
                self.ended_by_itself(*trust, &status.unwrap_or(ExitStatus::Unknown))
            }
            Phase::Stopping { then, ending, .. } => {
                let status = recorded(*ending).unwrap_or(ExitStatus::Unknown);
                self.ended_as_asked(*then, *ending, &status)
            }
            Phase::Starting { .. } => Answer::Unchanged(Unchanged::NotYet),
            Phase::Stopped
            | Phase::Done(_)
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Waiting { .. } => Answer::Unchanged(Unchanged::AlreadySo),
        }
    }

    /// A start that failed: the present one, or an earlier one whose record says nothing about the
    /// present life but that its slot is free.
    fn found_not_started(self, generation: Generation, why: &str) -> Answer<Process> {
        match self.process.phase {
            Phase::Unknown { .. } if generation == self.process.generation => {
                self.launch_failed(generation, why)
            }
            Phase::Unknown { .. }
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Stopping { .. }
            | Phase::Stopped
            | Phase::Done(_)
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Waiting { .. } => self.found_free(Some(&(generation, ExitStatus::Unknown))),
        }
    }

    fn start_if_wanted(
        self,
        trust: Trust,
        last: Option<&(Generation, ExitStatus)>,
    ) -> Answer<Process> {
        let mut process = self.process.clone();
        // No number is given out twice, whatever the record says of them.
        let used = last.map_or(process.generation, |(generation, _)| *generation);
        process.generation = process.generation.max(used);
        match process.goal {
            Goal::Up(_) => self.start(process, trust),
            Goal::Down => self.vacant(Process { phase: Phase::Stopped, ..process }),
        }
        .clear(self.alert("unknown"))
        .done()
    }

    fn found_held(self, generation: Generation, identity: &RunIdentity) -> Answer<Process> {
        let refused =
            matches!(self.process.phase, Phase::Unknown { believed: Believed::Refused, .. });
        let ours = generation == self.process.generation && !refused;
        match &self.process.phase {
            Phase::Running { identity: known, .. } if ours && known == identity => {
                Answer::Unchanged(Unchanged::AlreadySo)
            }
            Phase::Unknown { trust, .. } | Phase::Starting { trust, .. } if ours => {
                let note = Note::ProcessAdopted(self.name(), generation, identity.pid);
                let was_ready =
                    matches!(self.process.phase, Phase::Unknown { believed: Believed::Ready, .. });
                self.alive(identity, *trust, was_ready, note).done()
            }
            Phase::Stopping { then, .. } => self.end_stranger(generation, identity, *then),
            Phase::Unknown { .. }
            | Phase::Starting { .. }
            | Phase::Running { .. }
            | Phase::Stopped
            | Phase::Done(_)
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Waiting { .. } => self.end_stranger(generation, identity, Then::FollowGoal),
        }
    }

    /// A life that the record does not want holds the slot: it ends before anything else starts.
    fn end_stranger(
        self,
        generation: Generation,
        identity: &RunIdentity,
        then: Then,
    ) -> Answer<Process> {
        let mut process = self.process.clone();
        process.generation = process.generation.max(generation);
        self.stop_life(process, generation, identity, then).done()
    }

    fn found_stranger(self, why: &str) -> Answer<Process> {
        match &self.process.phase {
            Phase::Unknown { .. } => Step::to(self.process.clone())
                .raise(self.alert("unknown"), why, "end that process by hand, then wait")
                .done(),
            Phase::Running { .. }
            | Phase::Starting { .. }
            | Phase::Stopping { .. }
            | Phase::Stopped
            | Phase::Done(_)
            | Phase::Backoff { .. }
            | Phase::Cooldown { .. }
            | Phase::Waiting { .. } => Answer::Unchanged(Unchanged::NotConcerned),
        }
    }
}
