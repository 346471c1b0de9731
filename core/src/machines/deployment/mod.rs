//! The machine `deployment`: owns *which model* is live. It tells the trader's process what to
//! run; it never starts or stops anything itself.
//!
//! ```text
//! Watching/Live ──better trial──▶ Settling ▶ Staging ▶ Validating ▶ [AwaitingApproval] ▶ Ready
//!      ▲   ▲                         the live trader is untouched; any of them may end here │
//!      │   └─────────────────────────────── declined, superseded, timed out ◀───────────────┤
//!      │                                                                                    ▼
//!      └──proven── Probation ◀──ready── Starting ◀──slot vacant── Draining ◀──intact────────┘
//!                      │ fails             │ fails                   ▲
//!                      └────────▶ RollingBack (target verified first)┘
//!                                     │ nothing to go back to, or budget spent
//!                                     ▼
//!                                  Halting ──slot vacant──▶ Halted (until a person decides)
//! ```
//!
//! A rollback is a new deployment, never an edit. Whatever state it is in, it names at most the
//! revision that is live and the one that is to be.
//!
//! Beside the live model others may trade; one that does it better beyond doubt is proposed like a
//! better trial, one that does it worse ends.

mod cutover;
mod operator;
mod propose;
mod rivals;
mod step;

pub use propose::may_propose;
pub use rivals::{PREVIOUS, lane_name};
pub use step::step;

use super::alert;
use crate::words::{
    Candidate, Cause, Command, Decline, DeploymentId, DeploymentPolicy, DeploymentReport,
    Generation, Mode, Moment, Revision, RevisionId, Span, Stage, StudyIdentity, TrialId,
    TrialNumber,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often in a row a candidate may be replaced by a better one before it goes through: a study
/// that improves every few seconds must still deploy sometimes.
pub const SUPERSEDE_MAX: u8 = 3;
/// How long a stored model may take to be checked.
pub const VERIFY_DEADLINE: Span = Span::minutes(2);
/// Window of the limit on automatic cutovers.
pub const RATE_WINDOW: Span = Span::hours(24);
/// Revisions kept in the state; older ones that cannot matter live on in the history.
pub const REVISIONS_MAX: usize = 200;
/// Trials that can be held back at one time.
pub const HOLDS_MAX: usize = 500;

/// Everything that decides which model is live.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// All of it that fits one row.
    pub slot: Slot,
    /// The models that were considered, by number.
    pub revisions: BTreeMap<RevisionId, Revision>,
}

/// The state but for the revisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// Whether deployments are made by themselves.
    pub mode: Mode,
    /// Where it is.
    pub phase: Phase,
    /// Grows with every change of phase; what a client compares.
    pub generation: Generation,
    /// Attempts so far.
    pub deployments: u64,
    /// Revisions so far.
    pub revisions: u64,
    /// The study whose values are compared; set by the first study, changed by a person only.
    pub followed: Option<StudyIdentity>,
    /// The study that was seen last.
    pub seen: Option<StudyIdentity>,
    /// Trials that automatic deployment leaves alone.
    pub holds: Vec<Hold>,
    /// Automatic rollbacks since a model last proved itself.
    pub rollbacks: u32,
    /// Cutovers of the last day, oldest first, whoever caused them.
    pub cutovers: Vec<Moment>,
    /// The last decline that was noted, so that it is noted once.
    pub declined: Option<Declined>,
}

/// A decline of the best trial, beside a certain live model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declined {
    /// Which trial.
    pub trial_id: TrialId,
    /// What was live: after a cutover the same decline is news again.
    pub live: Option<RevisionId>,
    /// Why.
    pub why: Decline,
}

/// A trial that automatic deployment leaves alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// In which study.
    pub study: StudyIdentity,
    /// Its row id.
    pub trial_id: TrialId,
    /// Its number.
    pub number: TrialNumber,
    /// Why.
    pub reason: String,
}

/// Where a deployment is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing is live, nothing is under way.
    Watching,
    /// A proven model is live, nothing is under way.
    Live {
        /// Which.
        revision: RevisionId,
        /// Since when.
        since: Moment,
    },
    /// The files of a candidate are awaited.
    Settling(Attempt),
    /// They are copied.
    Staging(Attempt),
    /// The copy is judged.
    Validating(Attempt),
    /// A person is asked.
    AwaitingApproval(Attempt),
    /// The copy is checked once more.
    Ready(Attempt),
    /// The target of a rollback is checked; the present trader runs on.
    RollingBack(Attempt),
    /// The present trader is being stopped.
    Draining(Cutover),
    /// The trader is started with the new model.
    Starting(Cutover),
    /// It runs and is watched.
    Probation(Cutover),
    /// The trader is being stopped for good; why.
    Halting(String),
    /// No trader runs until a person decides; why.
    Halted(String),
}

/// A deployment before its cutover: nothing that trades has been touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number.
    pub deployment: DeploymentId,
    /// The model to go live.
    pub revision: RevisionId,
    /// The model that is live meanwhile.
    pub live: Option<RevisionId>,
    /// Why it began.
    pub cause: Cause,
    /// Candidates in a row that it replaced.
    pub superseded: u8,
    /// When this step began.
    pub since: Moment,
}

/// A deployment from its cutover on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cutover {
    /// Its number.
    pub deployment: DeploymentId,
    /// The model that was live.
    pub from: Option<RevisionId>,
    /// The model that goes live.
    pub to: RevisionId,
    /// Why it began.
    pub cause: Cause,
    /// Lives of the trader that ended with the new model.
    pub ends: u32,
    /// When this step began.
    pub since: Moment,
}

/// What a deployment can be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The study is this one.
    StudySeen(StudyIdentity),
    /// The study's best deployable trial.
    Proposed(Candidate),
    /// A step ended.
    Reported(DeploymentId, DeploymentReport),
    /// The trader runs, with this model, and is ready.
    TraderReady(Option<RevisionId>),
    /// A life of the trader ended by itself; it will be restarted.
    TraderExited(Option<RevisionId>, String),
    /// The trader's restart budget is spent.
    TraderExhausted(Option<RevisionId>, String),
    /// The trading of this model broke a rule of the guard; which, with the figure.
    GuardTripped(RevisionId, String),
    /// This shadow traded worse than the live model, beyond doubt; the figures.
    RivalWorse(RevisionId, String),
    /// This model traded better beside that live one, beyond doubt; the figures.
    RivalBetter(RevisionId, RevisionId, String),
    /// No trader lives, and none will be started.
    TraderVacant,
    /// A person asks.
    Asked {
        /// Who.
        actor: String,
        /// What.
        command: Command,
    },
    /// Time passed.
    Tick,
}

/// What a step needs to know besides state and event.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The policy.
    pub policy: &'a DeploymentPolicy,
    /// The present.
    pub now: Moment,
}

impl Default for Deployment {
    fn default() -> Self {
        let slot = Slot {
            mode: Mode::Auto,
            phase: Phase::Watching,
            generation: Generation(0),
            deployments: 0,
            revisions: 0,
            followed: None,
            seen: None,
            holds: Vec::new(),
            rollbacks: 0,
            cutovers: Vec::new(),
            declined: None,
        };
        Self { slot, revisions: BTreeMap::new() }
    }
}

impl Phase {
    /// The model that trades or was trading last in this phase.
    pub const fn live(&self) -> Option<RevisionId> {
        match self {
            Self::Watching | Self::Halting(_) | Self::Halted(_) => None,
            Self::Live { revision, .. } => Some(*revision),
            Self::Settling(attempt)
            | Self::Staging(attempt)
            | Self::Validating(attempt)
            | Self::AwaitingApproval(attempt)
            | Self::Ready(attempt)
            | Self::RollingBack(attempt) => attempt.live,
            Self::Draining(cutover) => cutover.from,
            Self::Starting(cutover) | Self::Probation(cutover) => Some(cutover.to),
        }
    }

    /// The attempt under way, and the model it wants live.
    pub const fn under_way(&self) -> Option<(DeploymentId, RevisionId)> {
        match self {
            Self::Watching | Self::Live { .. } | Self::Halting(_) | Self::Halted(_) => None,
            Self::Settling(attempt)
            | Self::Staging(attempt)
            | Self::Validating(attempt)
            | Self::AwaitingApproval(attempt)
            | Self::Ready(attempt)
            | Self::RollingBack(attempt) => Some((attempt.deployment, attempt.revision)),
            Self::Draining(cutover) | Self::Starting(cutover) | Self::Probation(cutover) => {
                Some((cutover.deployment, cutover.to))
            }
        }
    }

    /// The step, as the history tells it; none when nothing is under way.
    pub const fn stage(&self) -> Option<Stage> {
        match self {
            Self::Watching | Self::Live { .. } | Self::Halting(_) | Self::Halted(_) => None,
            Self::Settling(_) => Some(Stage::Settling),
            Self::Staging(_) => Some(Stage::Staging),
            Self::Validating(_) => Some(Stage::Validating),
            Self::AwaitingApproval(_) => Some(Stage::AwaitingApproval),
            Self::Ready(_) => Some(Stage::Ready),
            Self::RollingBack(_) => Some(Stage::RollingBack),
            Self::Draining(_) => Some(Stage::Draining),
            Self::Starting(_) => Some(Stage::Starting),
            Self::Probation(_) => Some(Stage::Probation),
        }
    }

    /// The phase in one or two words.
    pub fn name(&self) -> String {
        match (self, self.stage()) {
            (_, Some(stage)) => stage.to_string(),
            (Self::Live { .. }, None) => "live".to_owned(),
            (Self::Halting(_), None) => "halting".to_owned(),
            (Self::Halted(_), None) => "halted".to_owned(),
            (_, None) => "watching".to_owned(),
        }
    }
}

impl Deployment {
    /// The candidate behind the live model.
    pub fn live_candidate(&self) -> Option<&Candidate> {
        self.slot.phase.live().and_then(|id| self.revisions.get(&id)).map(|r| &r.candidate)
    }

    /// Trials of `study` that must not be proposed: held, rejected or failed.
    pub fn excluded(&self, study: &StudyIdentity) -> Vec<TrialId> {
        let held = self.slot.holds.iter().filter(|hold| hold.study == *study);
        let failed = self.revisions.values().filter(|revision| {
            revision.candidate.study == *study && !revision.standing.may_be_proposed()
        });
        held.map(|hold| hold.trial_id)
            .chain(failed.map(|revision| revision.candidate.trial_id))
            .collect()
    }

    /// The newest proven revision other than `but`, for a rollback.
    pub fn rollback_target(&self, but: Option<RevisionId>) -> Option<RevisionId> {
        self.newest_proven(&[but])
    }

    /// The model before the live one, that it is compared with: nothing speaks against its trial.
    pub fn previous(&self) -> Option<RevisionId> {
        let target = self.rollback_target(Some(self.slot.phase.live()?))?;
        let known = self.revisions.get(&target)?;
        (!self.is_held(&known.candidate)).then_some(target)
    }

    /// The newest proven revision that none of `but` is. One that a person holds back is gone back
    /// to only where there is no other.
    fn newest_proven(&self, but: &[Option<RevisionId>]) -> Option<RevisionId> {
        let proven = || {
            let newest = self.revisions.values().rev();
            newest.filter(|known| known.standing.is_proven() && !but.contains(&Some(known.id)))
        };
        let wanted = proven().find(|known| !self.is_held(&known.candidate));
        wanted.or_else(|| proven().next()).map(|known| known.id)
    }

    fn is_held(&self, candidate: &Candidate) -> bool {
        self.slot
            .holds
            .iter()
            .any(|hold| hold.study == candidate.study && hold.trial_id == candidate.trial_id)
    }

    /// Time until a tick can matter; `None` when none ever does.
    pub fn deadline(&self, policy: &DeploymentPolicy, now: Moment) -> Option<Span> {
        let (since, wait) = match &self.slot.phase {
            // Draining and halting wait for the process, which has deadlines of its own.
            Phase::Watching
            | Phase::Live { .. }
            | Phase::Draining(_)
            | Phase::Halting(_)
            | Phase::Halted(_) => return None,
            Phase::Settling(attempt) => (attempt.since, policy.settle_deadline),
            Phase::Staging(attempt) => (attempt.since, policy.staging_deadline),
            Phase::Validating(attempt) => (attempt.since, policy.validation_deadline),
            Phase::AwaitingApproval(attempt) => (attempt.since, policy.approval_deadline),
            Phase::Ready(attempt) | Phase::RollingBack(attempt) => (attempt.since, VERIFY_DEADLINE),
            Phase::Starting(cutover) => (cutover.since, policy.start_deadline),
            Phase::Probation(cutover) => (cutover.since, policy.probation),
        };
        Some(wait.minus(now.since(since)))
    }
}

fn halted_alert() -> alert::Key {
    alert::Key("deployment/halted".into())
}

fn study_alert() -> alert::Key {
    alert::Key("deployment/study-replaced".into())
}

/// Each model is a finding of its own: who has looked into one knows nothing of the next.
fn hostile_alert(number: TrialNumber) -> alert::Key {
    alert::Key(format!("deployment/hostile-model/{number}"))
}

fn rollback_alert() -> alert::Key {
    alert::Key("deployment/rolled-back".into())
}
