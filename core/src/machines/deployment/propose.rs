//! Which trial is taken up as a candidate, and why others are not.

use super::step::Turn;
use super::{
    Attempt, Context, Declined, Deployment, Phase, RATE_WINDOW, REVISIONS_MAX, SUPERSEDE_MAX,
    study_alert,
};
use crate::machines::{Answer, Step, Unchanged};
use crate::rules::improvement::improves;
use crate::words::{
    Candidate, Cause, Decline, DeploymentId, Effect, Mode, Note, Revision, RevisionId, Standing,
    StudyIdentity,
};

/// Whether proposing a trial can lead to anything in this phase.
pub const fn may_propose(phase: &Phase) -> bool {
    match phase {
        Phase::Watching | Phase::Live { .. } => true,
        Phase::Settling(attempt) | Phase::AwaitingApproval(attempt) => {
            attempt.superseded < SUPERSEDE_MAX && matches!(attempt.cause, Cause::Automatic)
        }
        Phase::Staging(_)
        | Phase::Validating(_)
        | Phase::Ready(_)
        | Phase::RollingBack(_)
        | Phase::Draining(_)
        | Phase::Starting(_)
        | Phase::Probation(_)
        | Phase::Halting(_)
        | Phase::Halted(_) => false,
    }
}

impl Turn<'_> {
    pub(super) fn proposed(self, candidate: &Candidate) -> Answer<Deployment> {
        let slot = &self.deployment.slot;
        if !may_propose(&slot.phase) {
            return Answer::Unchanged(Unchanged::NotYet);
        }
        if self.is_known(candidate) {
            return Answer::Unchanged(Unchanged::AlreadySo);
        }
        match acceptable(self.context, self.deployment, candidate) {
            Ok(()) => self.begin(candidate, Cause::Automatic).done(),
            Err(why) => self.decline(candidate, why),
        }
    }

    /// Whether the trial is live or being prepared already.
    fn is_known(self, candidate: &Candidate) -> bool {
        let phase = &self.deployment.slot.phase;
        let under_way = phase.under_way().map(|(_, revision)| revision);
        [phase.live(), under_way].into_iter().flatten().any(|id| {
            self.deployment.revisions.get(&id).is_some_and(|revision| {
                revision.candidate.trial_id == candidate.trial_id
                    && revision.candidate.study == candidate.study
            })
        })
    }

    /// Takes up a candidate, in place of the one that was being prepared.
    pub(super) fn begin(self, candidate: &Candidate, cause: Cause) -> Step<Deployment> {
        let phase = &self.deployment.slot.phase;
        let id = DeploymentId(self.deployment.slot.deployments.saturating_add(1));
        let revision = RevisionId(self.deployment.slot.revisions.saturating_add(1));
        let replaced = match phase {
            Phase::Settling(attempt)
            | Phase::Staging(attempt)
            | Phase::Validating(attempt)
            | Phase::AwaitingApproval(attempt)
            | Phase::Ready(attempt) => Some(attempt.clone()),
            Phase::Watching
            | Phase::Live { .. }
            | Phase::RollingBack(_)
            | Phase::Draining(_)
            | Phase::Starting(_)
            | Phase::Probation(_)
            | Phase::Halting(_)
            | Phase::Halted(_) => None,
        };
        let attempt = Attempt {
            deployment: id,
            revision,
            live: phase.live(),
            cause: cause.clone(),
            superseded: replaced.as_ref().map_or(0, |old| old.superseded.saturating_add(1)),
            since: self.now(),
        };
        let note = Note::DeploymentBegan(id, revision, candidate.clone(), cause);
        let mut step = self
            .enter(Phase::Settling(attempt))
            .note(note)
            .ask(Effect::AwaitFiles { deployment: id, revision });
        step.next.slot.deployments = id.0;
        step.next.slot.revisions = revision.0;
        step.next.slot.declined = None;
        let record = Revision {
            id: revision,
            candidate: candidate.clone(),
            created: self.now(),
            content: None,
            standing: Standing::Candidate,
        };
        step.next.revisions.insert(revision, record);
        if let Some(old) = replaced {
            step = self.supersede(step, old.revision);
        }
        forget_old(&mut step.next);
        step
    }

    fn decline(self, candidate: &Candidate, why: Decline) -> Answer<Deployment> {
        let live = self.deployment.slot.phase.live();
        let reason = Declined { trial_id: candidate.trial_id, live, why: why.clone() };
        if self.deployment.slot.declined.as_ref() == Some(&reason) {
            return Answer::Unchanged(Unchanged::AlreadySo);
        }
        let mut next = self.deployment.clone();
        next.slot.declined = Some(reason);
        Step::to(next).note(Note::CandidateDeclined(candidate.clone(), why)).done()
    }

    pub(super) fn study_seen(self, identity: &StudyIdentity) -> Answer<Deployment> {
        let slot = &self.deployment.slot;
        let mut next = self.deployment.clone();
        next.slot.seen = Some(identity.clone());
        let same = slot.followed.as_ref().is_none_or(|followed| grew_into(followed, identity));
        if same {
            next.slot.followed = Some(identity.clone());
            return if next == *self.deployment {
                Answer::Unchanged(Unchanged::AlreadySo)
            } else {
                Step::to(next).clear(study_alert()).done()
            };
        }
        if slot.seen.as_ref() == Some(identity) {
            return Answer::Unchanged(Unchanged::AlreadySo);
        }
        self.study_replaced(next, identity).done()
    }

    /// Values of two studies cannot be compared: no automatic deployment until a person agrees.
    fn study_replaced(self, mut next: Deployment, identity: &StudyIdentity) -> Step<Deployment> {
        let slot = &self.deployment.slot;
        let reason = format!("study `{}` was replaced by another", identity.name);
        let mut notes = vec![Note::StudyReplaced(identity.clone())];
        if slot.mode == Mode::Auto {
            next.slot.mode = Mode::Paused(reason.clone());
            notes.push(Note::ModeChanged(next.slot.mode.clone()));
        }
        let mut step = Step::to(next);
        if let Phase::Settling(attempt) | Phase::AwaitingApproval(attempt) = &slot.phase {
            step.next.slot.phase = self.settled(attempt.live);
            step.next.slot.generation = slot.generation.next();
            step = self.supersede(step, attempt.revision);
        }
        step.notes.extend(notes);
        step.raise(
            study_alert(),
            reason,
            "if the new study is meant, `cappuccino resume` deploys from it; \
             the live model stays until a trial of it is deployed",
        )
    }
}

/// Whether `now` is the study that `before` was: the same, or the same with its first trial.
fn grew_into(before: &StudyIdentity, now: &StudyIdentity) -> bool {
    let without_anchor = StudyIdentity { anchor: None, ..now.clone() };
    before == now || *before == without_anchor
}

/// Whether a trial may be deployed automatically now.
fn acceptable(
    context: Context<'_>,
    deployment: &Deployment,
    candidate: &Candidate,
) -> Result<(), Decline> {
    let slot = &deployment.slot;
    if slot.mode != Mode::Auto || !context.policy.auto_deploy {
        return Err(Decline::NotAutomatic);
    }
    is_held_or_tried(deployment, candidate)?;
    if slot.followed.as_ref() != Some(&candidate.study) {
        return Err(Decline::OtherStudy);
    }
    match (deployment.live_candidate(), slot.phase.live()) {
        // A person chose to go on with another study: its first trial replaces the old model.
        (Some(live), Some(_)) if live.study != candidate.study => {}
        (live, _) => improves(context.policy, live, candidate)?,
    }
    outdoes(context, deployment, candidate)?;
    within_rate(context, deployment)
}

/// Whether a person or an earlier try speaks against a trial.
pub(super) fn is_held_or_tried(
    deployment: &Deployment,
    candidate: &Candidate,
) -> Result<(), Decline> {
    if deployment.is_held(candidate) {
        return Err(Decline::Held);
    }
    let tried = deployment.revisions.values().rev().find(|revision| {
        revision.candidate.study == candidate.study
            && revision.candidate.trial_id == candidate.trial_id
            && !revision.standing.may_be_proposed()
    });
    tried.map_or(Ok(()), |revision| Err(Decline::Tried(revision.standing.clone())))
}

/// A model that traded better than trials of a higher value is replaced only by one that improves
/// on those, too: their values have shown to be worth less.
fn outdoes(
    context: Context<'_>,
    deployment: &Deployment,
    candidate: &Candidate,
) -> Result<(), Decline> {
    let outperformed = deployment.revisions.values().filter(|revision| {
        matches!(revision.standing, Standing::Outperformed(_))
            && revision.candidate.study == candidate.study
    });
    let mut values = outperformed.map(|revision| &revision.candidate);
    let better = values.find(|known| improves(context.policy, Some(known), candidate).is_err());
    better.map_or(Ok(()), |known| Err(Decline::Outdone(known.number)))
}

pub(super) fn within_rate(context: Context<'_>, deployment: &Deployment) -> Result<(), Decline> {
    let cutovers = &deployment.slot.cutovers;
    let ago = |moment| context.now.since(moment);
    if cutovers.last().is_some_and(|last| ago(*last) < context.policy.min_dwell) {
        return Err(Decline::TooSoon);
    }
    let today = cutovers.iter().filter(|moment| ago(**moment) < RATE_WINDOW).count();
    let limit = usize::try_from(context.policy.max_per_day).unwrap_or(usize::MAX);
    if today >= limit { Err(Decline::TooMany) } else { Ok(()) }
}

/// Drops surplus revisions: the oldest, but those last whose trial must not be proposed again.
/// What is live stays, and what one would go back to from it.
fn forget_old(deployment: &mut Deployment) {
    let surplus = deployment.revisions.len().saturating_sub(REVISIONS_MAX);
    let slot = &deployment.slot;
    let live = slot.phase.live();
    let named = [
        live,
        slot.phase.under_way().map(|(_, revision)| revision),
        deployment.rollback_target(live),
    ];
    let keeps_out = |revision: &Revision| {
        let is_followed = slot.followed.as_ref() == Some(&revision.candidate.study);
        is_followed && !revision.standing.may_be_proposed()
    };
    let spare = deployment.revisions.values().filter(|known| !named.contains(&Some(known.id)));
    let mut spare: Vec<(bool, RevisionId)> =
        spare.map(|revision| (keeps_out(revision), revision.id)).collect();
    spare.sort_unstable();
    for (_, id) in spare.into_iter().take(surplus) {
        deployment.revisions.remove(&id);
    }
}
