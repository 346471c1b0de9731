//! A trial that might go live, and the record of one that was considered.

use super::ids::{Digest, RevisionId, TrialId, TrialNumber};
use super::time::Moment;
use super::trial::{Direction, StudyIdentity};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A finished trial with a finite value, as proposed for deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The study it belongs to.
    pub study: StudyIdentity,
    /// Its row id.
    pub trial_id: TrialId,
    /// Its number.
    pub number: TrialNumber,
    /// Its objective value; finite.
    pub value: f64,
    /// Which way that value improves.
    pub direction: Direction,
}

/// A model that was considered for going live. Append-only but for its standing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// Its number, from 1.
    pub id: RevisionId,
    /// Where it came from.
    pub candidate: Candidate,
    /// When it was first considered.
    pub created: Moment,
    /// Content address in the model store, once its files are copied; gone again when it is free to
    /// be proposed anew without having passed the examination.
    pub content: Option<Digest>,
    /// What became of it.
    pub standing: Standing,
}

/// What became of a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Being looked at.
    Candidate,
    /// A better one came before it went live.
    Superseded,
    /// Declined before it went live.
    Rejected(Rejection),
    /// Validated, gone live, not proven yet.
    Trial,
    /// Ran through its probation; a target for rollbacks.
    Good,
    /// Failed after it went live; never goes live again unless a person insists.
    Bad(Failure),
    /// Good, but another model that traded beside it was better beyond doubt; how. A target for
    /// rollbacks, never proposed again by itself.
    Outperformed(String),
}

/// Why a revision was declined before it went live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// Its files did not appear or did not come to rest in time; what was seen.
    FilesMissing(String),
    /// The copy into the model store failed.
    StagingFailed(String),
    /// The validator said no; its sentence.
    Invalid(String),
    /// A step took longer than its deadline.
    TimedOut(String),
    /// Nobody approved in time.
    ApprovalExpired,
    /// A person said no.
    ByOperator(String),
    /// It traded beside the live model and was worse beyond doubt; how.
    TradedWorse(String),
}

/// Why a revision failed after it went live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The trader did not become ready with it.
    NeverReady(String),
    /// The trader kept ending.
    CrashLoop(String),
    /// Its stored files no longer match their digest.
    Corrupt(String),
    /// It broke a rule of the guard while it traded; the figure that says so.
    Guarded(String),
}

impl Standing {
    /// Whether automatic deployment may propose this trial again.
    pub const fn may_be_proposed(&self) -> bool {
        matches!(self, Self::Candidate | Self::Superseded | Self::Trial | Self::Good)
    }

    /// Whether its examination said yes, as far as this tells: no for what was taken back before.
    pub const fn has_passed(&self) -> bool {
        match self {
            Self::Trial | Self::Good | Self::Bad(_) | Self::Outperformed(_) => true,
            Self::Rejected(why) => {
                matches!(why, Rejection::ApprovalExpired | Rejection::TradedWorse(_))
            }
            Self::Candidate | Self::Superseded => false,
        }
    }

    /// Whether it ran through its probation: one can go back to it.
    pub const fn is_proven(&self) -> bool {
        matches!(self, Self::Good | Self::Outperformed(_))
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Candidate => f.write_str("candidate"),
            Self::Superseded => f.write_str("superseded by a better trial"),
            Self::Rejected(why) => write!(f, "rejected: {why}"),
            Self::Trial => f.write_str("on probation"),
            Self::Good => f.write_str("good"),
            Self::Bad(why) => write!(f, "bad: {why}"),
            Self::Outperformed(why) => write!(f, "outperformed: {why}"),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FilesMissing(seen) => write!(f, "its files did not settle in time: {seen}"),
            Self::StagingFailed(why) => write!(f, "copying it failed: {why}"),
            Self::Invalid(verdict) => write!(f, "validation failed: {verdict}"),
            Self::TimedOut(step) => write!(f, "{step} took too long"),
            Self::ApprovalExpired => f.write_str("nobody approved it in time"),
            Self::ByOperator(reason) => write!(f, "declined by the operator: {reason}"),
            Self::TradedWorse(why) => write!(f, "as a shadow it traded worse: {why}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverReady(why) => write!(f, "the trader did not become ready: {why}"),
            Self::CrashLoop(why) => write!(f, "the trader kept ending: {why}"),
            Self::Corrupt(why) => write!(f, "its stored files are damaged: {why}"),
            Self::Guarded(why) => write!(f, "the guard took it back: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_model_is_never_proposed_again_by_itself() {
        assert!(!Standing::Bad(Failure::CrashLoop(String::new())).may_be_proposed());
        assert!(!Standing::Rejected(Rejection::ApprovalExpired).may_be_proposed());
        assert!(Standing::Superseded.may_be_proposed());
    }
}
