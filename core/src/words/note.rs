//! What the history remembers: one note for everything a person may ask about later.
//!
//! Stored append-only and exported as JSON, so variants are only ever added at the end.

use super::alert::{Pattern, Severity, Trouble};
use super::candidate::{Candidate, Standing};
use super::figure::number;
use super::ids::{
    DeploymentId, Generation, ProcessName, RequestId, RevisionId, SilenceId, TrialId, TrialNumber,
};
use super::limits::TradesDigest;
use super::observation::Command;
use super::run::ExitStatus;
use super::supervision::Fault;
use super::time::Span;
use super::trial::StudyIdentity;
use super::verdict::Verdict;
use serde::{Deserialize, Serialize};

/// One thing worth remembering.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Note {
    /// A runner took over the workspace.
    RunnerStarted,
    /// It was asked to go down.
    RunnerStopping,
    /// The study can be read, for the first time or again.
    StudyFollowed(StudyIdentity),
    /// The study cannot be read; a sentence.
    StudyUnavailable(String),
    /// Another study is in the place of the one that deployments are compared with.
    StudyReplaced(StudyIdentity),
    /// The study's best trial was not deployed.
    CandidateDeclined(Candidate, Decline),
    /// An attempt to change the live model began.
    DeploymentBegan(DeploymentId, RevisionId, Candidate, Cause),
    /// It reached a step.
    DeploymentReached(DeploymentId, RevisionId, Stage),
    /// A revision's standing changed.
    RevisionJudged(RevisionId, TrialNumber, Standing),
    /// A revision went live, replacing another or none.
    WentLive(DeploymentId, RevisionId, Option<RevisionId>, Cause),
    /// No trader runs until a person decides; a sentence.
    Halted(String),
    /// Deployments are made by themselves, or not.
    ModeChanged(Mode),
    /// Automatic deployment leaves this trial alone.
    TrialHeld(TrialId, TrialNumber, String),
    /// It may be deployed again.
    TrialReleased(TrialId, TrialNumber),
    /// A process runs.
    ProcessStarted(ProcessName, Generation, u32),
    /// A process that was running before this runner was taken over.
    ProcessAdopted(ProcessName, Generation, u32),
    /// A process could not be started; a sentence.
    LaunchFailed(ProcessName, Generation, String),
    /// A process ended; whether that was asked for.
    ProcessExited(ProcessName, Generation, ExitStatus, bool),
    /// Its restart budget is spent; one more start is tried after this pause.
    ProcessCooling(ProcessName, Span),
    /// It ran long enough for its failures to be forgotten.
    ProcessHealthy(ProcessName, Generation),
    /// Something needs attention: key, sentence, remedy. Written by version 0.1 only.
    AlertRaised(String, String, String),
    /// It does not any more. Written by version 0.1 only.
    AlertCleared(String),
    /// An operator's request was carried out: by whom.
    Asked(RequestId, String, Command),
    /// An alert is told; for the how-manieth time, from 1.
    AlertFired(String, Trouble, u32),
    /// It would be, but for this reason it is not.
    AlertMuted(String, Trouble, String),
    /// It begins and ends over and over: so often lately. It is not told again until it is calm.
    AlertFlapping(String, Trouble, u32),
    /// It is over: how urgent it was, how long it lasted, whether that is to be told.
    AlertResolved(String, Severity, Span, bool),
    /// A silence ran out.
    SilenceEnded(SilenceId, Pattern),
    /// A record of the system that was here before: from which file, when as written there (local
    /// time), and what; a sentence.
    Imported(String, String, String),
    /// A model was examined before it might go live: what was seen.
    ModelExamined(RevisionId, TrialNumber, Verdict),
    /// The study has a better trial than ever.
    NewBest(Candidate),
    /// What was traded for a while.
    Traded(TradesDigest),
    /// A process is ended for a fault of its own; a sentence with the figures.
    ProcessCondemned(ProcessName, Generation, Fault, String),
    /// All workers failed within a short time; they pause this long together.
    WorkersPaused(Span),
    /// A process has shown that it is ready.
    ProcessReady(ProcessName, Generation),
}

/// Who or what began a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// A better trial.
    Automatic,
    /// A person: who, why.
    Operator(String, String),
    /// The live model failed: how.
    AutomaticRollback(String),
    /// A person undid a deployment: who, why.
    OperatorRollback(String, String),
    /// It traded better beside the live model: how.
    TradedBetter(String),
}

impl Cause {
    /// Whether nobody asked for it and nothing failed: a person may want to be asked first.
    pub const fn is_proposal(&self) -> bool {
        matches!(self, Self::Automatic | Self::TradedBetter(_))
    }
}

/// The steps of a deployment, as the history tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// Waiting for the model's files to come to rest.
    Settling,
    /// Copying them into the model store.
    Staging,
    /// Judging the copy.
    Validating,
    /// Waiting for a person.
    AwaitingApproval,
    /// Checking the copy once more before anything is stopped.
    Ready,
    /// Checking the rollback target before anything is stopped.
    RollingBack,
    /// Stopping the present trader.
    Draining,
    /// Starting the trader with the new model.
    Starting,
    /// Watching it.
    Probation,
}

/// Whether deployments are made by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Better trials are deployed, failing ones rolled back.
    Auto,
    /// Nothing is deployed by itself; failures are still rolled back. Why.
    Paused(String),
    /// The live model stays, whatever happens. Why.
    Pinned(String),
}

/// Why the study's best trial was not deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Decline {
    /// Automatic deployment is off.
    NotAutomatic,
    /// A person holds the trial back.
    Held,
    /// It was tried before, with this result.
    Tried(Standing),
    /// It is not better enough than the live one.
    NotBetter {
        /// Gain in the study's direction; negative is worse.
        gain: f64,
        /// Least gain that deploys.
        needed: f64,
    },
    /// The live model belongs to another study, so the values cannot be compared.
    OtherStudy,
    /// The last cutover is too recent.
    TooSoon,
    /// There were too many cutovers in the last 24 hours.
    TooMany,
    /// It is not better enough than this trial, which the live model outperformed.
    Outdone(TrialNumber),
}

impl std::fmt::Display for Decline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAutomatic => f.write_str("automatic deployment is off"),
            Self::Held => f.write_str("an operator holds it back"),
            Self::Tried(standing) => write!(f, "it was tried before: {standing}"),
            Self::NotBetter { gain, needed } => {
                let (gain, needed) = (number(*gain), number(*needed));
                write!(f, "its gain over the live model is {gain}, at least {needed} is needed")
            }
            Self::OtherStudy => f.write_str("the live model comes from another study"),
            Self::TooSoon => f.write_str("the last cutover is too recent"),
            Self::TooMany => f.write_str("there were too many cutovers in the last 24 hours"),
            Self::Outdone(trial) => write!(
                f,
                "it is not better enough than trial {trial}, and the live model trades better than that"
            ),
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Automatic => f.write_str("a better trial"),
            Self::Operator(actor, reason) => write!(f, "{actor} asked for it: {reason}"),
            Self::AutomaticRollback(why) => write!(f, "rolled back: {why}"),
            Self::OperatorRollback(actor, reason) => write!(f, "{actor} rolled back: {reason}"),
            Self::TradedBetter(why) => write!(f, "it traded better beside the live model: {why}"),
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("automatic"),
            Self::Paused(reason) => write!(f, "paused: {reason}"),
            Self::Pinned(reason) => write!(f, "pinned: {reason}"),
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Settling => "settling",
            Self::Staging => "staging",
            Self::Validating => "validating",
            Self::AwaitingApproval => "awaiting approval",
            Self::Ready => "ready",
            Self::RollingBack => "rolling back",
            Self::Draining => "draining",
            Self::Starting => "starting",
            Self::Probation => "on probation",
        })
    }
}
