//! What clients send, and how they are answered.

use super::status::Status;
use crate::words::{Generation, ProcessName, RequestId, RevisionId, SilenceId, TrialNumber};
use serde::{Deserialize, Serialize};

/// Capability: several series with one question, `GET /v1/curves`.
pub const CURVES: &str = "curves";
/// What this version can do beyond the first one of the API.
pub const CAPABILITIES: [&str; 1] = [CURVES];

/// Answer to `GET /v1/hello`: who is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`super::API_VERSION`] of the runner; a client that knows another one only reads.
    pub api: u32,
    /// Version of the program.
    pub version: String,
    /// Process id of the runner.
    pub pid: u32,
    /// The workspace it owns.
    pub workspace: String,
    /// What it can do beyond the first version of the API.
    pub capabilities: Vec<String>,
}

/// Body of `POST /v1/commands`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandRequest {
    /// Chosen by the client; the same id never acts twice.
    pub id: RequestId,
    /// Who asks.
    pub actor: String,
    /// The deployment generation the client had in view; a mismatch is refused with 409.
    #[serde(default)]
    pub expected: Option<Generation>,
    /// What is asked.
    pub command: CommandBody,
}

/// What a client can ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum CommandBody {
    /// Deploy this trial of the followed study.
    Deploy {
        /// Its number.
        trial: TrialNumber,
        /// Why.
        reason: String,
    },
    /// Go back to an earlier good revision.
    Rollback {
        /// Which; the newest other good one when none is named.
        #[serde(default)]
        to: Option<RevisionId>,
        /// Whether the undone trial is held back from now on.
        hold: bool,
        /// Why.
        reason: String,
    },
    /// Hold a trial back from automatic deployment.
    Hold {
        /// Its number.
        trial: TrialNumber,
        /// Why.
        reason: String,
    },
    /// Let a trial be deployed again.
    Unhold {
        /// Its number.
        trial: TrialNumber,
    },
    /// Approve the waiting candidate.
    Approve,
    /// Decline the candidate that is being prepared.
    Reject {
        /// Why.
        reason: String,
    },
    /// No automatic deployments; with `pin`, no automatic rollback either.
    Pause {
        /// Keep the live model whatever happens.
        pin: bool,
        /// Why.
        reason: String,
    },
    /// Automatic deployments again.
    Resume,
    /// A fresh life for a process.
    Restart {
        /// Which.
        process: ProcessName,
    },
    /// Forget a process's failures.
    Reset {
        /// Which.
        process: ProcessName,
    },
    /// Look after an alert: it is not repeated any more.
    Acknowledge {
        /// Its key.
        alert: String,
        /// What is done about it.
        reason: String,
    },
    /// Look after it no longer.
    Unacknowledge {
        /// Its key.
        alert: String,
    },
    /// Do not tell some alerts for a while.
    Silence {
        /// Which: a key in which `*` stands for any characters.
        pattern: String,
        /// For how long, in seconds.
        seconds: u32,
        /// Why.
        reason: String,
    },
    /// Tell them again.
    Unsilence {
        /// Number of the silence.
        silence: SilenceId,
    },
    /// Write a backup of the state now.
    Backup,
    /// The runner goes down and the program as it is now takes over; every process runs on.
    RestartRunner,
    /// The runner goes down.
    Shutdown {
        /// Leave the processes running, to be adopted by the next runner.
        keep_processes: bool,
    },
}

/// Answer to a command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// One sentence: what happens now.
    pub text: String,
    /// The deployment's generation after it.
    pub generation: Generation,
}

/// Answer to anything that was not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What, why and the remedy: one sentence.
    pub error: String,
    /// The present state, when the client decided on an older one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Box<Status>>,
}
