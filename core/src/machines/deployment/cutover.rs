//! From the cutover on: draining, starting, probation, and the way back.

use super::step::{Turn, judge};
use super::{Attempt, Cutover, Deployment, Phase, RATE_WINDOW, halted_alert, rollback_alert};
use crate::machines::{Answer, Step, Tell, Unchanged, process};
use crate::words::{
    Cause, DeploymentId, Effect, Failure, Mode, Note, OnFailure, RevisionId, Standing,
};

impl Turn<'_> {
    /// Begins the cutover: the present trader goes down first.
    pub(super) fn drain(self, attempt: &Attempt) -> Step<Deployment> {
        let cutover = Cutover {
            deployment: attempt.deployment,
            from: attempt.live,
            to: attempt.revision,
            cause: attempt.cause.clone(),
            ends: 0,
            since: self.now(),
        };
        let mut step = self
            .enter(Phase::Draining(cutover))
            .tell(Tell::Trader(process::Event::Want(process::Goal::Down)));
        // Whoever caused it: after a rollback, too, the next automatic cutover waits its dwell.
        let cutovers = &mut step.next.slot.cutovers;
        cutovers.retain(|moment| self.now().since(*moment) < RATE_WINDOW);
        cutovers.push(self.now());
        step
    }

    pub(super) fn trader_vacant(self) -> Answer<Deployment> {
        match &self.deployment.slot.phase {
            Phase::Draining(cutover) => self.start(cutover).done(),
            Phase::Halting(why) => self.halted(why).done(),
            Phase::Watching | Phase::Halted(_) => Answer::Unchanged(Unchanged::AlreadySo),
            Phase::Live { .. }
            | Phase::Settling(_)
            | Phase::Staging(_)
            | Phase::Validating(_)
            | Phase::AwaitingApproval(_)
            | Phase::Ready(_)
            | Phase::RollingBack(_)
            | Phase::Starting(_)
            | Phase::Probation(_) => Answer::Unchanged(Unchanged::NotConcerned),
        }
    }

    fn start(self, cutover: &Cutover) -> Step<Deployment> {
        let goal = process::Goal::Up(Some(cutover.to));
        let cutover = Cutover { since: self.now(), ..cutover.clone() };
        self.enter(Phase::Starting(cutover)).tell(Tell::Trader(process::Event::Want(goal)))
    }

    pub(super) fn trader_ready(self, revision: Option<RevisionId>) -> Answer<Deployment> {
        match &self.deployment.slot.phase {
            Phase::Starting(cutover) if revision == Some(cutover.to) => {
                let good = self.is_proven(cutover.to);
                if good { self.proven(cutover).done() } else { self.probation(cutover).done() }
            }
            Phase::Starting(_) => Answer::Unchanged(Unchanged::Late),
            Phase::Watching
            | Phase::Live { .. }
            | Phase::Settling(_)
            | Phase::Staging(_)
            | Phase::Validating(_)
            | Phase::AwaitingApproval(_)
            | Phase::Ready(_)
            | Phase::RollingBack(_)
            | Phase::Draining(_)
            | Phase::Probation(_)
            | Phase::Halting(_)
            | Phase::Halted(_) => Answer::Unchanged(Unchanged::NotConcerned),
        }
    }

    fn probation(self, cutover: &Cutover) -> Step<Deployment> {
        let cutover = Cutover { since: self.now(), ..cutover.clone() };
        let note = went_live(&cutover);
        let step = self.enter(Phase::Probation(cutover.clone())).note(note);
        let step = judge(step, cutover.to, Standing::Trial);
        // What it replaced must not come back by its value alone: the trading said otherwise.
        match (&cutover.cause, cutover.from) {
            (Cause::TradedBetter(why), Some(from)) if self.is_proven(from) => {
                judge(step, from, Standing::Outperformed(why.clone()))
            }
            (_, _) => step,
        }
    }

    /// The new model has shown that it runs: it is good, and what failed before is forgiven.
    pub(super) fn proven(self, cutover: &Cutover) -> Step<Deployment> {
        let was_good = self.is_proven(cutover.to);
        let mut step = self.enter(Phase::Live { revision: cutover.to, since: self.now() });
        if was_good {
            step = step.note(went_live(cutover));
        } else {
            step.next.slot.rollbacks = 0;
            step = step.clear(rollback_alert());
        }
        judge(step, cutover.to, Standing::Good).clear(halted_alert())
    }

    pub(super) fn trader_exited(
        self,
        revision: Option<RevisionId>,
        how: &str,
    ) -> Answer<Deployment> {
        match &self.deployment.slot.phase {
            Phase::Starting(cutover) | Phase::Probation(cutover)
                if revision != Some(cutover.to) =>
            {
                Answer::Unchanged(Unchanged::Late)
            }
            Phase::Starting(cutover) => {
                let why = Failure::NeverReady(how.to_owned());
                self.count_end(cutover, Phase::Starting, why).done()
            }
            Phase::Probation(cutover) => {
                let why = Failure::CrashLoop(how.to_owned());
                self.count_end(cutover, Phase::Probation, why).done()
            }
            Phase::Watching
            | Phase::Live { .. }
            | Phase::Settling(_)
            | Phase::Staging(_)
            | Phase::Validating(_)
            | Phase::AwaitingApproval(_)
            | Phase::Ready(_)
            | Phase::RollingBack(_)
            | Phase::Draining(_)
            | Phase::Halting(_)
            | Phase::Halted(_) => Answer::Unchanged(Unchanged::NotConcerned),
        }
    }

    fn count_end(
        self,
        cutover: &Cutover,
        phase: impl FnOnce(Cutover) -> Phase,
        why: Failure,
    ) -> Step<Deployment> {
        let ends = cutover.ends.saturating_add(1);
        if ends >= self.context.policy.start_attempts {
            return self.failed(cutover.to, why);
        }
        let mut next = self.deployment.clone();
        next.slot.phase = phase(Cutover { ends, ..cutover.clone() });
        Step::to(next)
    }

    pub(super) fn never_ready(self, cutover: &Cutover) -> Step<Deployment> {
        let waited = self.now().since(cutover.since);
        self.failed(cutover.to, Failure::NeverReady(format!("not ready after {waited}")))
    }

    /// The model that trades will not do: its trader gave up, or the guard does not let it go on.
    pub(super) fn live_failed(
        self,
        revision: Option<RevisionId>,
        why: Failure,
    ) -> Answer<Deployment> {
        let slot = &self.deployment.slot;
        let Some(live) = slot.phase.live().filter(|live| Some(*live) == revision) else {
            return Answer::Unchanged(Unchanged::Late);
        };
        let is_new = matches!(slot.phase, Phase::Starting(_) | Phase::Probation(_));
        // Pinned: the user wants this model whatever happens; its process cools and retries.
        // Judged bad already: what follows has followed; the user's resume or deploy goes on.
        if !is_new && (matches!(slot.mode, Mode::Pinned(_)) || self.is_bad(live)) {
            return Answer::Unchanged(Unchanged::AlreadySo);
        }
        match &slot.phase {
            Phase::Starting(_) | Phase::Probation(_) | Phase::Live { .. } => {
                self.failed(live, why).done()
            }
            Phase::Settling(attempt)
            | Phase::Staging(attempt)
            | Phase::Validating(attempt)
            | Phase::AwaitingApproval(attempt)
            | Phase::Ready(attempt) => {
                // Going back is quicker than going on; the candidate will be proposed again.
                self.supersede(self.failed(live, why), attempt.revision).done()
            }
            Phase::RollingBack(_) | Phase::Draining(_) => {
                Answer::Unchanged(Unchanged::NotConcerned)
            }
            Phase::Watching | Phase::Halting(_) | Phase::Halted(_) => {
                Answer::Unchanged(Unchanged::Late)
            }
        }
    }

    /// A model failed after it went live.
    pub(super) fn failed(self, revision: RevisionId, why: Failure) -> Step<Deployment> {
        let text = format!("revision {revision} failed: {why}");
        let step = match self.context.policy.on_failure {
            OnFailure::Rollback => self.roll_back_automatically(revision, &text),
            OnFailure::Freeze => self.freeze(revision, &text),
            OnFailure::Stop => self.halt(&text),
        };
        judge(step, revision, Standing::Bad(why))
    }

    fn roll_back_automatically(self, failed: RevisionId, text: &str) -> Step<Deployment> {
        let spent = self.deployment.slot.rollbacks >= self.context.policy.rollback_budget;
        match self.deployment.rollback_target(Some(failed)) {
            Some(target) if !spent => {
                let cause = Cause::AutomaticRollback(text.to_owned());
                let mut step = self.roll_back(target, Some(failed), cause);
                step.next.slot.rollbacks = self.deployment.slot.rollbacks.saturating_add(1);
                step.raise(rollback_alert(), text, "look at its log; `cappuccino why` tells more")
            }
            Some(_) => self.halt(&format!("{text}; the rollback budget is spent")),
            None => self.halt(&format!("{text}; there is no good revision to go back to")),
        }
    }

    /// Begins a rollback: the target is checked while the present trader runs on.
    pub(super) fn roll_back(
        self,
        target: RevisionId,
        live: Option<RevisionId>,
        cause: Cause,
    ) -> Step<Deployment> {
        let deployment = DeploymentId(self.deployment.slot.deployments.saturating_add(1));
        let attempt = Attempt {
            deployment,
            revision: target,
            live,
            cause: cause.clone(),
            superseded: 0,
            since: self.now(),
        };
        let mut step = self
            .enter(Phase::RollingBack(attempt))
            .ask(Effect::Verify { deployment, revision: target });
        step.next.slot.deployments = deployment.0;
        if let Some(revision) = self.deployment.revisions.get(&target) {
            let candidate = revision.candidate.clone();
            step = step.note(Note::DeploymentBegan(deployment, target, candidate, cause));
        }
        step
    }

    /// The rollback target is damaged: the next good one, or none.
    pub(super) fn target_unfit(self, attempt: &Attempt, why: &str) -> Step<Deployment> {
        let unfit = attempt.revision;
        let next_target = self.deployment.newest_proven(&[Some(unfit), attempt.live]);
        let live = attempt.live.filter(|live| *live != unfit);
        let live_is_good = live.is_some_and(|live| self.is_proven(live));
        let text = format!("revision {unfit} cannot be rolled back to: {why}");
        let step = match next_target {
            Some(target) => self.roll_back(target, attempt.live, attempt.cause.clone()),
            // The rollback may have begun while the trader was on its way down.
            None if live_is_good => self
                .enter(self.settled(live))
                .tell(Tell::Trader(process::Event::Want(process::Goal::Up(live))))
                .raise(
                    rollback_alert(),
                    text.as_str(),
                    "the live model stays; deploy another trial with `cappuccino deploy`",
                ),
            None => self.halt(&text),
        };
        judge(step, unfit, Standing::Bad(Failure::Corrupt(why.to_owned())))
    }

    fn freeze(self, revision: RevisionId, text: &str) -> Step<Deployment> {
        let mut step = self.enter(Phase::Live { revision, since: self.now() });
        step.next.slot.mode = Mode::Paused(text.to_owned());
        let note = Note::ModeChanged(step.next.slot.mode.clone());
        step.note(note).raise(rollback_alert(), text, "roll back or deploy, then resume")
    }

    pub(super) fn halt(self, why: &str) -> Step<Deployment> {
        self.enter(Phase::Halting(why.to_owned()))
            .tell(Tell::Trader(process::Event::Want(process::Goal::Down)))
    }

    fn halted(self, why: &str) -> Step<Deployment> {
        self.enter(Phase::Halted(why.to_owned())).note(Note::Halted(why.to_owned())).raise(
            halted_alert(),
            format!("nothing trades: {why}"),
            "`cappuccino deploy TRIAL` or `cappuccino rollback --to REVISION` starts again",
        )
    }

    fn is_bad(self, id: RevisionId) -> bool {
        let known = self.deployment.revisions.get(&id);
        known.is_some_and(|known| matches!(known.standing, Standing::Bad(_)))
    }

    fn is_proven(self, id: RevisionId) -> bool {
        self.deployment.revisions.get(&id).is_some_and(|known| known.standing.is_proven())
    }
}

fn went_live(cutover: &Cutover) -> Note {
    Note::WentLive(cutover.deployment, cutover.to, cutover.from, cutover.cause.clone())
}
