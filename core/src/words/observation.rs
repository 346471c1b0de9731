//! Everything the world can tell the engine: what was seen, how effects went, what people ask.

use super::alert::Pattern;
use super::candidate::Candidate;
use super::ids::{
    DeploymentId, Digest, Generation, ProcessName, RequestId, RevisionId, SilenceId, TrialId,
    TrialNumber,
};
use super::run::{ExitStatus, RunIdentity};
use super::supervision::Signs;
use super::time::Span;
use super::trading::Trading;
use super::trial::StudyIdentity;
use super::verdict::Verdict;
use super::vitals::Vitals;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing that happened outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// The runner came up, after whatever; the newest life of each slot that left a record on
    /// disk. It can be newer than our own record of it, when that is an old backup.
    Booted(BTreeMap<ProcessName, Generation>),
    /// The runner is going down; every process is to be stopped first.
    ShuttingDown,
    /// Time passed; some deadline may be over.
    Tick,
    /// The study was looked at.
    Study(StudyReport),
    /// A process did something.
    Process(ProcessName, ProcessReport),
    /// A step of a deployment ended.
    Deployment(DeploymentId, DeploymentReport),
    /// The machine was looked at.
    Vitals(Vitals),
    /// The session of the model that trades was looked at.
    Trading(Trading),
    /// Every page of the study's database was looked at: it is whole, or a sentence.
    StudyChecked(Result<(), String>),
    /// How every configured channel to the user does, by name.
    Channels(BTreeMap<String, ChannelHealth>),
    /// Running trials that nobody works on any more, and what helps.
    Zombies(Vec<TrialNumber>, String),
    /// Somebody asks for something.
    Asked(Request),
}

/// How a channel to the user does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ChannelHealth {
    /// It tries, or is about to: too little to say.
    #[default]
    Undecided,
    /// Nothing was tried since the runner came up, and nothing waits. What was wrong with it before
    /// may be mended, so it is not held against it.
    Untried,
    /// What it told last arrived.
    Works,
    /// It does not get through; a sentence.
    Fails(String),
}

/// What the study observer saw.
#[derive(Clone, Debug, PartialEq)]
pub enum StudyReport {
    /// The study is there.
    Seen {
        /// Which study it is.
        identity: StudyIdentity,
        /// Its best deployable trial, held and failed ones left out.
        best: Option<Candidate>,
    },
    /// The study cannot be followed now; a sentence with the remedy.
    Unavailable(String),
}

/// What a process did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessReport {
    /// It runs.
    Started(Generation, RunIdentity),
    /// It could not be started; a sentence with the remedy.
    LaunchFailed(Generation, String),
    /// It could not be started because its slot is taken by a living process.
    SlotTaken(Generation),
    /// It ended.
    Exited(Generation, ExitStatus),
    /// Somebody looked for it.
    Probed(Probe),
    /// The proof that it is ready was seen.
    Ready(Generation),
    /// Somebody looked how it is.
    Looked(Generation, Signs),
}

/// What looking for a process found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Nobody lives in its slot; the last life that left a record.
    Free(Option<(Generation, ExitStatus)>),
    /// Nobody lives in its slot, and this life could not be started; a sentence with the remedy.
    NotStarted(Generation, String),
    /// This life holds the slot; its end will be reported.
    Held(Generation, RunIdentity),
    /// The slot is taken, but by whom cannot be proven; a sentence.
    Unidentified(String),
}

/// How a step of a deployment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentReport {
    /// The files are there and at rest.
    FilesSettled,
    /// The files are in the model store under this address.
    Staged(Digest),
    /// They could not be copied; a sentence.
    StagingFailed(String),
    /// The model was examined: what was seen.
    Validated(Verdict),
    /// The stored files of the rollback target were checked: intact, or a sentence.
    Verified(Result<(), String>),
}

/// A request of an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Asking twice with one id acts once.
    pub id: RequestId,
    /// Who asks (a user name, `gui`, `cli`).
    pub actor: String,
    /// The deployment generation that the client had in view, when it matters.
    pub expected: Option<Generation>,
    /// What is asked.
    pub command: Command,
}

/// What an operator can ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Deploy this trial, better or not.
    Deploy {
        /// Which.
        candidate: Candidate,
        /// Why.
        reason: String,
    },
    /// Go back to an earlier revision.
    Rollback {
        /// Which; the newest other good one when none is named.
        to: Option<RevisionId>,
        /// Whether automatic deployment must leave the present trial alone from now on.
        hold: bool,
        /// Why.
        reason: String,
    },
    /// Never deploy this trial automatically.
    Hold {
        /// Row id.
        trial_id: TrialId,
        /// Number.
        number: TrialNumber,
        /// Why.
        reason: String,
    },
    /// Forget holds, rejections and failures of this trial.
    Unhold {
        /// Row id.
        trial_id: TrialId,
        /// Number.
        number: TrialNumber,
    },
    /// Approve what waits for approval.
    Approve,
    /// Decline the candidate that is being prepared.
    Reject {
        /// Why.
        reason: String,
    },
    /// No automatic deployments.
    Pause {
        /// No automatic rollback either.
        pin: bool,
        /// Why.
        reason: String,
    },
    /// Automatic deployments again, on the study as it is now.
    Resume,
    /// Stop and start a process.
    Restart {
        /// Which.
        process: ProcessName,
    },
    /// Forget a process's failures and start it if it should run.
    Reset {
        /// Which.
        process: ProcessName,
    },
    /// Somebody looks after an alert: it is not repeated any more.
    Acknowledge {
        /// Its key.
        alert: String,
        /// What is done about it.
        reason: String,
    },
    /// Nobody does after all.
    Unacknowledge {
        /// Its key.
        alert: String,
    },
    /// Some alerts are not told for a while.
    Silence {
        /// Which.
        pattern: Pattern,
        /// For how long.
        lasts: Span,
        /// Why.
        reason: String,
    },
    /// They are told again.
    Unsilence {
        /// Which silence.
        silence: SilenceId,
    },
}
