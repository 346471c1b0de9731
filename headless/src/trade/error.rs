//! What ends the trader.

use cappuccino_core::model::frozen_trial::FrozenTrialFault;
use cappuccino_core::model::torch::TorchFault;
use cappuccino_core::model::weights::WeightsFault;
use cappuccino_core::trading::paper::desk::ResumeFault;
use cappuccino_core::trading::paper::indicators::IndicatorFault;
use cappuccino_core::trading::paper::rules::SettingsFault;
use cappuccino_core::words::Timestamp;
use std::io;
use std::path::{Path, PathBuf};

/// Why the trader ended.
#[derive(Debug, thiserror::Error)]
pub enum TradeError {
    /// A model that cannot be used. A trader that went on would trade a random network.
    #[error(
        "the model in {folder} cannot be used: {fault}; nothing is traded without a sound model"
    )]
    Model {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong.
        fault: ModelFault,
    },
    /// A file or folder.
    #[error("cannot {action} {path}: {source}; check the disk's space and the folder's rights")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A session file of somebody else.
    #[error(
        "{0} exists, but no session of this trader belongs to it; name another file, or move it away"
    )]
    ForeignSession(PathBuf),
    /// Another trader writes it.
    #[error("another trader writes the session {0}; stop that one, or name another file")]
    Busy(PathBuf),
    /// Rows that were written are gone.
    #[error(
        "{path} is shorter than the session remembers; restore it, or move it and its `.state.json` away"
    )]
    Shortened {
        /// The file.
        path: PathBuf,
    },
    /// The memory of the session is damaged.
    #[error("the session in {path} cannot be read: {why}; restore it, or move it and its CSV away")]
    Damaged {
        /// The state file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The session cannot go on like this.
    #[error(transparent)]
    Resume(#[from] ResumeFault),
    /// The champion's network gave no answer.
    #[error("the model gave no answer at {at}: {why}; deploy another one")]
    NoAnswer {
        /// The bar.
        at: Timestamp,
        /// Why.
        why: String,
    },
    /// A candle that the indicators cannot take.
    #[error(transparent)]
    Indicators(#[from] IndicatorFault),
    /// The feed will never give bars.
    #[error("{0}")]
    Feed(String),
    /// An argument that fits nothing else.
    #[error("{0}")]
    Argument(String),
    /// The system would not announce signals.
    #[error("{0}")]
    Signals(String),
}

/// What is wrong with a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelFault {
    /// A file that is missing or cannot be read.
    #[error("{name}: {source}")]
    File {
        /// Its name.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The weights' file.
    #[error("actor.pth: {0}")]
    Torch(#[from] TorchFault),
    /// The tensors.
    #[error("actor.pth: {0}")]
    Weights(#[from] WeightsFault),
    /// The trial's file.
    #[error("best_trial: {0}")]
    Trial(#[from] FrozenTrialFault),
    /// The trial's parameters.
    #[error("best_trial: {0}")]
    Settings(#[from] SettingsFault),
    /// A network for another number of tickers.
    #[error("it trades {model} tickers, {named} are named")]
    Tickers {
        /// Of the model.
        model: usize,
        /// On the command line.
        named: usize,
    },
    /// A network for another state.
    #[error(
        "its network takes {network} numbers, its trial's lookback of {lookback} bars makes {state}"
    )]
    State {
        /// What the network takes.
        network: usize,
        /// The trial's lookback.
        lookback: usize,
        /// What that makes.
        state: usize,
    },
}

impl TradeError {
    /// Turns what the system said into an error about `path`.
    pub(super) fn file(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// Whether it lies in how the trader was called, not in what happened.
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Model { .. } | Self::Argument(_) | Self::Resume(_))
    }
}
