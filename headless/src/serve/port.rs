//! What the window may see of the runner, and how it asks. The runner owns everything behind it.

use crate::notify::Board;
use cappuccino_core::api::{
    Accepted, CommandRequest, Foresight, Hello, LanesView, ParamView, PnlView, Status, TradeView,
    TrialChart, TrialView,
};
use cappuccino_core::store::{Reader, SampleReader};
use cappuccino_core::words::{Refusal, RevisionId, TrialNumber};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// Requests that may wait for the runner's loop; more are answered "busy".
pub const ASKS_MAX: usize = 64;

/// Everything a session needs; cheap to clone.
#[derive(Clone)]
pub struct Port {
    /// Who the runner is.
    pub hello: Arc<Hello>,
    /// The latest picture; changes with every commit and every look at the study.
    pub status: watch::Receiver<Arc<Status>>,
    /// The store's reader; replaced when the runner reopens its file.
    pub reader: watch::Receiver<Reader>,
    /// The study's trials, as far as they are read.
    pub trials: Arc<dyn Trials>,
    /// What was measured over time; none while it is not recorded.
    pub samples: watch::Receiver<Option<SampleReader>>,
    /// The trader's sessions, as far as they are read.
    pub trading: Arc<dyn Trading>,
    /// The folder of the processes' output.
    pub logs: Arc<PathBuf>,
    /// How the notification channels do.
    pub notifications: Arc<Board>,
    /// The way to the runner's loop.
    pub asks: mpsc::Sender<Ask>,
}

/// One request on its way to the runner's loop.
#[derive(Debug)]
pub struct Ask {
    /// What is asked.
    pub request: CommandRequest,
    /// Where the answer goes, and what is wanted; a client that went away is no error.
    pub reply: Reply,
}

/// The way back to a client.
#[derive(Debug)]
pub enum Reply {
    /// The request is carried out.
    Act(oneshot::Sender<Result<Accepted, AskError>>),
    /// The client wants to know what it would lead to; nothing is done.
    Foresee(oneshot::Sender<Result<Foresight, AskError>>),
}

/// Why the runner did not carry out a request.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The machines declined; the present state goes with it when the client's was stale.
    #[error("{0}")]
    Refused(Refusal),
    /// The study has no such trial, or none that can be deployed.
    #[error("{0}")]
    Trial(String),
    /// The state could not be written; nothing was done.
    #[error("{0}")]
    Store(String),
}

/// Read access to the study's trials.
pub trait Trials: Send + Sync {
    /// At most `limit` trials, newest first, or best first.
    fn list(&self, order: Order, limit: usize) -> Vec<TrialView>;

    /// One trial by its number.
    fn find(&self, number: TrialNumber) -> Option<TrialView>;

    /// The hyperparameters of a trial; nothing when there is no such trial. Reads the database.
    ///
    /// # Errors
    /// A sentence: it cannot be read.
    fn params(&self, number: TrialNumber) -> Result<Option<Vec<ParamView>>, String>;

    /// The whole study in about `dots` dots.
    fn chart(&self, dots: usize) -> TrialChart;
}

/// Read access to the trader's sessions.
pub trait Trading: Send + Sync {
    /// At most `limit` trades, newest first; of one revision, or of all.
    fn trades(&self, revision: Option<RevisionId>, limit: usize) -> Vec<TradeView>;

    /// What each revision earned, newest first.
    fn pnl(&self) -> Vec<PnlView>;

    /// What trades beside a revision, by default the one that trades, with equity in at most so
    /// many buckets; nothing when no such session is known.
    fn lanes(&self, revision: Option<RevisionId>, buckets: usize) -> Option<LanesView>;
}

/// Order of a list of trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    Newest,
    /// Best value first; only finished, feasible trials with a value.
    Best,
}
