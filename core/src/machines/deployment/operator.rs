//! What a person may ask of a deployment. A refusal changes nothing.

use super::step::{Turn, judge};
use super::{
    Attempt, Deployment, HOLDS_MAX, Hold, Phase, halted_alert, hostile_alert, study_alert,
};
use crate::machines::{Answer, Step, Unchanged};
use crate::words::{
    Candidate, Cause, Command, Mode, Note, Refusal, Rejection, RevisionId, Standing, TrialId,
    TrialNumber,
};

impl Turn<'_> {
    pub(super) fn asked(self, actor: &str, command: &Command) -> Answer<Deployment> {
        match command {
            Command::Deploy { candidate, reason } => self.deploy(actor, candidate, reason),
            Command::Rollback { to, hold, reason } => self.rollback(actor, *to, *hold, reason),
            Command::Hold { trial_id, number, reason } => self.hold(*trial_id, *number, reason),
            Command::Unhold { trial_id, number } => self.unhold(*trial_id, *number),
            Command::Approve => self.approve(),
            Command::Reject { reason } => self.decline_candidate(reason),
            Command::Pause { pin, reason } => self.pause(*pin, reason),
            Command::Resume => self.resume(),
            Command::Restart { .. }
            | Command::Reset { .. }
            | Command::Acknowledge { .. }
            | Command::Unacknowledge { .. }
            | Command::Silence { .. }
            | Command::Unsilence { .. } => Answer::Unchanged(Unchanged::NotConcerned),
        }
    }

    fn deploy(self, actor: &str, candidate: &Candidate, reason: &str) -> Answer<Deployment> {
        let cause = Cause::Operator(actor.to_owned(), reason.to_owned());
        match &self.deployment.slot.phase {
            Phase::RollingBack(_)
            | Phase::Draining(_)
            | Phase::Starting(_)
            | Phase::Probation(_)
            | Phase::Halting(_) => Answer::Refused(Refusal::CutoverUnderWay),
            Phase::Live { .. } if self.deployment.live_candidate() == Some(candidate) => {
                Answer::Refused(Refusal::AlreadyLive(candidate.number))
            }
            Phase::Watching
            | Phase::Live { .. }
            | Phase::Settling(_)
            | Phase::Staging(_)
            | Phase::Validating(_)
            | Phase::AwaitingApproval(_)
            | Phase::Ready(_)
            | Phase::Halted(_) => self.begin(candidate, cause).clear(halted_alert()).done(),
        }
    }

    fn rollback(
        self,
        actor: &str,
        to: Option<RevisionId>,
        hold: bool,
        reason: &str,
    ) -> Answer<Deployment> {
        let phase = &self.deployment.slot.phase;
        let live = phase.live();
        let target = match self.target(to) {
            Ok(target) => target,
            Err(refusal) => return Answer::Refused(refusal),
        };
        let cause = Cause::OperatorRollback(actor.to_owned(), reason.to_owned());
        match phase {
            Phase::Settling(attempt)
            | Phase::Staging(attempt)
            | Phase::Validating(attempt)
            | Phase::AwaitingApproval(attempt)
            | Phase::Ready(attempt) => {
                let why = Rejection::ByOperator(reason.to_owned());
                let step = self.roll_back(target, live, cause);
                let step = judge(step, attempt.revision, Standing::Rejected(why));
                self.hold_present(step, hold, reason).done()
            }
            Phase::Live { .. }
            | Phase::Starting(_)
            | Phase::Probation(_)
            | Phase::Watching
            | Phase::Halting(_)
            | Phase::Halted(_) => {
                let step = self.roll_back(target, live, cause);
                self.hold_present(step, hold, reason).clear(halted_alert()).done()
            }
            Phase::RollingBack(attempt) if attempt.revision == target || to.is_none() => {
                Answer::Unchanged(Unchanged::AlreadySo)
            }
            Phase::Draining(cutover) if cutover.to == target => {
                Answer::Unchanged(Unchanged::AlreadySo)
            }
            Phase::RollingBack(_) | Phase::Draining(_) => {
                let step = self.roll_back(target, live, cause);
                self.hold_present(step, hold, reason).done()
            }
        }
    }

    /// The model that the user sees as the present one: from the cutover on, the new one.
    fn present(self) -> Option<RevisionId> {
        let phase = &self.deployment.slot.phase;
        if let Phase::Draining(cutover) = phase { Some(cutover.to) } else { phase.live() }
    }

    fn target(self, to: Option<RevisionId>) -> Result<RevisionId, Refusal> {
        let present = self.present();
        let Some(id) = to else {
            return self.deployment.rollback_target(present).ok_or(Refusal::NoRollbackTarget);
        };
        let revision = self.deployment.revisions.get(&id).ok_or(Refusal::UnknownRevision(id))?;
        let settled = matches!(self.deployment.slot.phase, Phase::Live { .. });
        if settled && present == Some(id) {
            return Err(Refusal::AlreadyLive(revision.candidate.number));
        }
        if revision.standing.is_proven() {
            Ok(id)
        } else {
            Err(Refusal::NotDeployable { revision: id, standing: revision.standing.to_string() })
        }
    }

    /// After a rollback, the trial that was undone is left alone unless the user says otherwise.
    fn hold_present(
        self,
        mut step: Step<Deployment>,
        hold: bool,
        reason: &str,
    ) -> Step<Deployment> {
        let present = self.present().filter(|_| hold);
        let Some(revision) = present.and_then(|id| self.deployment.revisions.get(&id)) else {
            return step;
        };
        let undone = &revision.candidate;
        let (trial_id, number) = (undone.trial_id, undone.number);
        step.next.slot.holds.retain(|hold| hold.trial_id != trial_id || hold.study != undone.study);
        step.next.slot.holds.push(Hold {
            study: undone.study.clone(),
            trial_id,
            number,
            reason: reason.to_owned(),
        });
        bound_holds(&mut step.next);
        step.note(Note::TrialHeld(trial_id, number, reason.to_owned()))
    }

    fn hold(self, trial_id: TrialId, number: TrialNumber, reason: &str) -> Answer<Deployment> {
        let Some(study) = self.deployment.slot.seen.clone() else {
            return Answer::Unchanged(Unchanged::NotYet);
        };
        let mut next = self.deployment.clone();
        next.slot.holds.retain(|hold| hold.trial_id != trial_id || hold.study != study);
        next.slot.holds.push(Hold { study, trial_id, number, reason: reason.to_owned() });
        bound_holds(&mut next);
        if next == *self.deployment {
            return Answer::Unchanged(Unchanged::AlreadySo);
        }
        // A person who holds a trial back has read what was said of it.
        let step = Step::to(next).note(Note::TrialHeld(trial_id, number, reason.to_owned()));
        step.clear(hostile_alert(number)).done()
    }

    fn unhold(self, trial_id: TrialId, number: TrialNumber) -> Answer<Deployment> {
        let mut next = self.deployment.clone();
        let seen = self.deployment.slot.seen.as_ref();
        next.slot.holds.retain(|hold| hold.trial_id != trial_id || Some(&hold.study) != seen);
        for revision in next.revisions.values_mut() {
            let same =
                revision.candidate.trial_id == trial_id && Some(&revision.candidate.study) == seen;
            if same && !revision.standing.may_be_proposed() {
                let was_good = revision.standing.is_proven();
                if !revision.standing.has_passed() {
                    revision.content = None;
                }
                revision.standing = if was_good { Standing::Good } else { Standing::Superseded };
            }
        }
        if next == *self.deployment {
            return Answer::Refused(Refusal::NotHeld(number));
        }
        next.slot.declined = None;
        Step::to(next).note(Note::TrialReleased(trial_id, number)).done()
    }

    fn approve(self) -> Answer<Deployment> {
        match &self.deployment.slot.phase {
            Phase::AwaitingApproval(attempt) => self.make_ready(attempt).done(),
            Phase::Watching
            | Phase::Live { .. }
            | Phase::Settling(_)
            | Phase::Staging(_)
            | Phase::Validating(_)
            | Phase::Ready(_)
            | Phase::RollingBack(_)
            | Phase::Draining(_)
            | Phase::Starting(_)
            | Phase::Probation(_)
            | Phase::Halting(_)
            | Phase::Halted(_) => Answer::Refused(Refusal::NothingToApprove),
        }
    }

    fn decline_candidate(self, reason: &str) -> Answer<Deployment> {
        let decline = |attempt: &Attempt| {
            self.reject(attempt, Rejection::ByOperator(reason.to_owned())).done()
        };
        match &self.deployment.slot.phase {
            Phase::Settling(attempt)
            | Phase::Staging(attempt)
            | Phase::Validating(attempt)
            | Phase::AwaitingApproval(attempt)
            | Phase::Ready(attempt) => decline(attempt),
            Phase::Watching
            | Phase::Live { .. }
            | Phase::RollingBack(_)
            | Phase::Draining(_)
            | Phase::Starting(_)
            | Phase::Probation(_)
            | Phase::Halting(_)
            | Phase::Halted(_) => Answer::Refused(Refusal::NothingToApprove),
        }
    }

    fn pause(self, pin: bool, reason: &str) -> Answer<Deployment> {
        if pin && self.deployment.slot.phase.live().is_none() {
            return Answer::Refused(Refusal::NothingLive);
        }
        let reason = reason.to_owned();
        self.set_mode(if pin { Mode::Pinned(reason) } else { Mode::Paused(reason) })
    }

    /// Automatic again, on the study as it is now; a halted deployment watches again.
    fn resume(self) -> Answer<Deployment> {
        let slot = &self.deployment.slot;
        if matches!(slot.phase, Phase::Halted(_)) {
            let mut step = self.enter(Phase::Watching);
            step.next.slot.mode = Mode::Auto;
            step.next.slot.rollbacks = 0;
            step.next.slot.followed.clone_from(&slot.seen);
            return step
                .clear(halted_alert())
                .clear(study_alert())
                .note(Note::ModeChanged(Mode::Auto))
                .done();
        }
        self.set_mode(Mode::Auto)
    }

    fn set_mode(self, mode: Mode) -> Answer<Deployment> {
        let mut next = self.deployment.clone();
        let auto = mode == Mode::Auto;
        next.slot.mode = mode.clone();
        if auto {
            next.slot.followed.clone_from(&self.deployment.slot.seen);
        }
        if next == *self.deployment {
            return Answer::Unchanged(Unchanged::AlreadySo);
        }
        next.slot.declined = None;
        let step = Step::to(next).note(Note::ModeChanged(mode));
        if auto { step.clear(study_alert()).done() } else { step.done() }
    }
}

/// The oldest holds give way: the list is bounded.
fn bound_holds(deployment: &mut Deployment) {
    let surplus = deployment.slot.holds.len().saturating_sub(HOLDS_MAX);
    deployment.slot.holds.drain(..surplus);
}
