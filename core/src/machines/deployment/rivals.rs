//! Who trades beside the live model, and what a comparison with it leads to.

use super::propose::{is_held_or_tried, within_rate};
use super::step::{Turn, judge};
use super::{Deployment, Phase};
use crate::machines::{Answer, Step, Unchanged};
use crate::words::{
    Candidate, Cause, Decline, Mode, Promote, Rejection, Revision, RevisionId, Standing, TrialId,
};
use std::collections::BTreeSet;

/// Name of the lane of the model that would be gone back to.
pub const PREVIOUS: &str = "previous";

/// What the lane of a shadow is called.
pub fn lane_name(revision: RevisionId) -> String {
    format!("revision-{revision}")
}

impl Deployment {
    /// The models that should trade beside the live one: by the name of their lane.
    ///
    /// Besides the model before, the newest that passed the examination and are not live. They
    /// follow from what is on record, so nothing else must be kept to know them after a restart.
    pub fn company(&self, shadows: u32) -> Vec<(String, RevisionId)> {
        let Some(live) = self.slot.phase.live() else { return Vec::new() };
        let previous = self.previous();
        let mut taken: BTreeSet<TrialId> = [Some(live), previous]
            .into_iter()
            .flatten()
            .filter_map(|id| self.revisions.get(&id).map(|known| known.candidate.trial_id))
            .collect();
        let limit = usize::try_from(shadows).unwrap_or(usize::MAX);
        let shadows = self
            .revisions
            .values()
            .rev()
            .filter(|revision| self.may_shadow(revision))
            .filter(|revision| taken.insert(revision.candidate.trial_id))
            .take(limit);
        let shadows: Vec<RevisionId> = shadows.map(|revision| revision.id).collect();
        let before = previous.map(|id| (PREVIOUS.to_owned(), id));
        before.into_iter().chain(shadows.into_iter().map(|id| (lane_name(id), id))).collect()
    }

    /// Whether a model that trades beside the live one may take its place, however it trades. Who
    /// may not has no lane as a shadow, and nobody is told that it is better.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn may_replace(&self, candidate: &Candidate) -> Result<(), Decline> {
        is_held_or_tried(self, candidate)?;
        let is_followed = self.slot.followed.as_ref() == Some(&candidate.study);
        if is_followed { Ok(()) } else { Err(Decline::OtherStudy) }
    }

    /// Whether a model passed its examination, is not under way, and nothing speaks against its
    /// trial.
    fn may_shadow(&self, revision: &Revision) -> bool {
        let has_passed = matches!(revision.standing, Standing::Good | Standing::Superseded)
            && revision.content.is_some();
        let under_way = self.slot.phase.under_way().map(|(_, id)| id);
        has_passed
            && under_way != Some(revision.id)
            && self.may_replace(&revision.candidate).is_ok()
    }
}

impl Turn<'_> {
    /// A shadow traded worse than the live model, beyond doubt: its lane ends.
    pub(super) fn rival_worse(self, id: RevisionId, why: &str) -> Answer<Deployment> {
        let Some(revision) = self.shadow(id) else { return Answer::Unchanged(Unchanged::Late) };
        let standing = if revision.standing.is_proven() {
            Standing::Outperformed(why.to_owned())
        } else {
            Standing::Rejected(Rejection::TradedWorse(why.to_owned()))
        };
        judge(Step::to(self.deployment.clone()), id, standing).done()
    }

    /// A model beside the live one traded better, beyond doubt: proposed like a better trial.
    pub(super) fn rival_better(
        self,
        id: RevisionId,
        live: RevisionId,
        why: &str,
    ) -> Answer<Deployment> {
        let slot = &self.deployment.slot;
        let policy = self.context.policy;
        if !matches!(slot.phase, Phase::Live { revision, .. } if revision == live) {
            return Answer::Unchanged(Unchanged::NotYet);
        }
        let Some(revision) = self.deployment.revisions.get(&id).filter(|_| id != live) else {
            return Answer::Unchanged(Unchanged::Late);
        };
        let candidate = &revision.candidate;
        let is_automatic =
            policy.lanes.promote == Promote::Auto && policy.auto_deploy && slot.mode == Mode::Auto;
        let may = is_automatic
            && self.deployment.may_replace(candidate).is_ok()
            && within_rate(self.context, self.deployment).is_ok();
        if !may {
            return Answer::Unchanged(Unchanged::NotYet);
        }
        self.begin(candidate, Cause::TradedBetter(why.to_owned())).done()
    }

    /// The shadow of that number, while it is one.
    fn shadow(&self, id: RevisionId) -> Option<&Revision> {
        let company = self.deployment.company(self.context.policy.lanes.shadows);
        let is_shadow = company.iter().any(|(lane, known)| *known == id && lane != PREVIOUS);
        self.deployment.revisions.get(&id).filter(|_| is_shadow)
    }
}
