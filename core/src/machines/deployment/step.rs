//! How a deployment answers each event, in each phase; the steps before the cutover.

use super::{Attempt, Context, Deployment, Event, Phase, hostile_alert};
use crate::machines::{Answer, Step, Unchanged};
use crate::words::{
    DeploymentId, DeploymentReport, Digest, Effect, Failure, Moment, Note, Outcome, Rejection,
    RevisionId, Standing, Verdict,
};

/// The answer of `deployment` to `event`.
pub fn step(context: Context<'_>, deployment: &Deployment, event: &Event) -> Answer<Deployment> {
    let turn = Turn { context, deployment };
    match event {
        Event::StudySeen(identity) => turn.study_seen(identity),
        Event::Proposed(candidate) => turn.proposed(candidate),
        Event::Reported(id, report) => turn.reported(*id, report),
        Event::TraderReady(revision) => turn.trader_ready(*revision),
        Event::TraderExited(revision, how) => turn.trader_exited(*revision, how),
        Event::TraderExhausted(revision, how) => {
            turn.live_failed(*revision, Failure::CrashLoop(how.clone()))
        }
        Event::GuardTripped(revision, how) => {
            turn.live_failed(Some(*revision), Failure::Guarded(how.clone()))
        }
        Event::RivalWorse(rival, why) => turn.rival_worse(*rival, why),
        Event::RivalBetter(rival, live, why) => turn.rival_better(*rival, *live, why),
        Event::TraderVacant => turn.trader_vacant(),
        Event::Asked { actor, command } => turn.asked(actor, command),
        Event::Tick => turn.tick(),
    }
}

/// One event being answered.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) context: Context<'a>,
    pub(super) deployment: &'a Deployment,
}

impl Turn<'_> {
    fn reported(self, id: DeploymentId, report: &DeploymentReport) -> Answer<Deployment> {
        let phase = &self.deployment.slot.phase;
        if phase.under_way().is_none_or(|(present, _)| present != id) {
            return Answer::Unchanged(Unchanged::Late);
        }
        match (phase, report) {
            (Phase::Settling(attempt), DeploymentReport::FilesSettled) => {
                self.stage(attempt).done()
            }
            (Phase::Staging(attempt), DeploymentReport::Staged(content)) => {
                self.validate(attempt, *content).done()
            }
            (Phase::Staging(attempt), DeploymentReport::StagingFailed(why)) => {
                self.reject(attempt, Rejection::StagingFailed(why.clone())).done()
            }
            (Phase::Validating(attempt), DeploymentReport::Validated(verdict)) => {
                self.examined(attempt, verdict).done()
            }
            (Phase::Ready(attempt), DeploymentReport::Verified(Err(why))) => {
                self.reject(attempt, Rejection::Invalid(why.clone())).done()
            }
            (
                Phase::Ready(attempt) | Phase::RollingBack(attempt),
                DeploymentReport::Verified(Ok(())),
            ) => self.drain(attempt).done(),
            (Phase::RollingBack(attempt), DeploymentReport::Verified(Err(why))) => {
                self.target_unfit(attempt, why).done()
            }
            (
                Phase::Watching
                | Phase::Live { .. }
                | Phase::Settling(_)
                | Phase::Staging(_)
                | Phase::Validating(_)
                | Phase::AwaitingApproval(_)
                | Phase::Ready(_)
                | Phase::RollingBack(_)
                | Phase::Draining(_)
                | Phase::Starting(_)
                | Phase::Probation(_)
                | Phase::Halting(_)
                | Phase::Halted(_),
                DeploymentReport::FilesSettled
                | DeploymentReport::Staged(_)
                | DeploymentReport::StagingFailed(_)
                | DeploymentReport::Validated(_)
                | DeploymentReport::Verified(_),
            ) => Answer::Unchanged(Unchanged::Late),
        }
    }

    fn tick(self) -> Answer<Deployment> {
        let (policy, now) = (self.context.policy, self.context.now);
        if self.deployment.deadline(policy, now).is_none_or(|left| left.0 > 0) {
            return Answer::Unchanged(Unchanged::NotYet);
        }
        match &self.deployment.slot.phase {
            Phase::Settling(attempt) => {
                let waited = now.since(attempt.since);
                let why = format!(
                    "nothing complete and at rest after {waited}; the runner's log says what was missing"
                );
                self.reject(attempt, Rejection::FilesMissing(why)).done()
            }
            Phase::Staging(attempt) => self.time_out(attempt, "staging").done(),
            Phase::Validating(attempt) => self.time_out(attempt, "validation").done(),
            Phase::AwaitingApproval(attempt) => {
                self.reject(attempt, Rejection::ApprovalExpired).done()
            }
            Phase::Ready(attempt) => self.time_out(attempt, "the last check").done(),
            Phase::RollingBack(attempt) => {
                self.target_unfit(attempt, "checking it took too long").done()
            }
            Phase::Starting(cutover) => self.never_ready(cutover).done(),
            Phase::Probation(cutover) => self.proven(cutover).done(),
            Phase::Watching
            | Phase::Live { .. }
            | Phase::Draining(_)
            | Phase::Halting(_)
            | Phase::Halted(_) => Answer::Unchanged(Unchanged::NotYet),
        }
    }

    fn stage(self, attempt: &Attempt) -> Step<Deployment> {
        let (deployment, revision) = (attempt.deployment, attempt.revision);
        self.enter(Phase::Staging(self.anew(attempt))).ask(Effect::Stage { deployment, revision })
    }

    fn validate(self, attempt: &Attempt, content: Digest) -> Step<Deployment> {
        let (deployment, revision) = (attempt.deployment, attempt.revision);
        let mut step = self
            .enter(Phase::Validating(self.anew(attempt)))
            .ask(Effect::Validate { deployment, revision });
        if let Some(revision) = step.next.revisions.get_mut(&revision) {
            revision.content = Some(content);
        }
        step
    }

    /// The model was examined; a hostile one is more than a bad one.
    fn examined(self, attempt: &Attempt, verdict: &Verdict) -> Step<Deployment> {
        let id = attempt.revision;
        let objection = verdict.objection();
        let mut step = match &objection {
            None => self.passed(attempt),
            Some(why) => self.reject(attempt, Rejection::Invalid(why.clone())),
        };
        let Some(revision) = self.deployment.revisions.get(&id) else { return step };
        let number = revision.candidate.number;
        step.notes.insert(0, Note::ModelExamined(id, number, verdict.clone()));
        match objection {
            Some(what) if verdict.outcome() == Outcome::Hostile => step.raise(
                hostile_alert(number),
                format!("the model of trial {number} would run code when opened: {what}"),
                &format!(
                    "it was refused and nothing of it was run; find out who wrote the trial's \
                     files, load none of them, then say so with `cappuccino hold {number}`"
                ),
            ),
            Some(_) | None => step,
        }
    }

    /// The examination has nothing to object.
    fn passed(self, attempt: &Attempt) -> Step<Deployment> {
        if self.context.policy.require_approval && attempt.cause.is_proposal() {
            self.enter(Phase::AwaitingApproval(self.anew(attempt)))
        } else {
            self.make_ready(attempt)
        }
    }

    pub(super) fn make_ready(self, attempt: &Attempt) -> Step<Deployment> {
        let (deployment, revision) = (attempt.deployment, attempt.revision);
        self.enter(Phase::Ready(self.anew(attempt))).ask(Effect::Verify { deployment, revision })
    }

    fn time_out(self, attempt: &Attempt, step: &str) -> Step<Deployment> {
        self.reject(attempt, Rejection::TimedOut(step.to_owned()))
    }

    /// Ends an attempt before its cutover: what was live stays live.
    pub(super) fn reject(self, attempt: &Attempt, why: Rejection) -> Step<Deployment> {
        let step = self.enter(self.settled(attempt.live));
        judge(step, attempt.revision, Standing::Rejected(why))
    }

    /// Another attempt, or none, takes the place of this one. A copy that has not passed its
    /// examination is nothing to trade.
    pub(super) fn supersede(self, mut step: Step<Deployment>, id: RevisionId) -> Step<Deployment> {
        if matches!(self.deployment.slot.phase, Phase::Validating(_))
            && let Some(revision) = step.next.revisions.get_mut(&id)
        {
            revision.content = None;
        }
        judge(step, id, Standing::Superseded)
    }

    /// The phase in which nothing is under way.
    pub(super) fn settled(self, live: Option<RevisionId>) -> Phase {
        live.map_or(Phase::Watching, |revision| Phase::Live { revision, since: self.context.now })
    }

    /// The attempt at the beginning of its next step.
    pub(super) fn anew(self, attempt: &Attempt) -> Attempt {
        Attempt { since: self.context.now, ..attempt.clone() }
    }

    /// A change of phase: the generation grows, the history tells the step.
    pub(super) fn enter(self, phase: Phase) -> Step<Deployment> {
        let mut next = self.deployment.clone();
        next.slot.generation = next.slot.generation.next();
        let note = match (phase.under_way(), phase.stage()) {
            (Some((deployment, revision)), Some(stage)) => {
                Some(Note::DeploymentReached(deployment, revision, stage))
            }
            (Some(_) | None, None) | (None, Some(_)) => None,
        };
        next.slot.phase = phase;
        let step = Step::to(next);
        match note {
            Some(note) => step.note(note),
            None => step,
        }
    }

    pub(super) const fn now(self) -> Moment {
        self.context.now
    }
}

/// Gives a revision a new standing, and notes it.
pub(super) fn judge(
    mut step: Step<Deployment>,
    id: RevisionId,
    standing: Standing,
) -> Step<Deployment> {
    if let Some(revision) = step.next.revisions.get_mut(&id)
        && revision.standing != standing
    {
        revision.standing = standing.clone();
        let number = revision.candidate.number;
        step.notes.push(Note::RevisionJudged(id, number, standing));
    }
    step
}
