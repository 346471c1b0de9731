//! What can stop one of the demonstration's programs.

use cappuccino_core::model::torch::TorchFault;
use cappuccino_core::model::weights::WeightsFault;
use cappuccino_core::trading::paper::backtest::BacktestFault;
use cappuccino_core::trading::paper::rules::SettingsFault;
use std::io;
use std::path::{Path, PathBuf};

/// Why a program of the demonstration ended.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The model cannot be used; the trader would otherwise have to trade a random network.
    #[error("cannot use the model `{path}`: {fault}; nothing is traded without a sound model")]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: ModelFault,
    },
    /// A file or folder.
    #[error("cannot {action} `{path}`: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The study's database.
    #[error("the study database `{path}`: {source}")]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The trial was finished by someone else, as a supervisor may do with one it believes dead.
    #[error("trial {number} is no longer running: someone else finished it")]
    TrialTaken {
        /// Its number.
        number: i64,
    },
    /// Weights that cannot be written.
    #[error("cannot pack the weights: {0}")]
    Pack(#[source] TorchFault),
    /// Settings that make no sense.
    #[error("the demonstration's settings: {0}; please report this")]
    Settings(#[source] SettingsFault),
    /// Weights that are no network.
    #[error("the policy is no network any more: {0}")]
    Weights(#[source] WeightsFault),
    /// A policy that cannot be tried.
    #[error("the backtest: {0}")]
    Backtest(#[source] BacktestFault),
    /// The system would not announce signals, or the clock is before 1970.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// What is wrong with a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelFault {
    /// It cannot be opened.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// It is no sound file of weights.
    #[error("{0}")]
    Torch(#[from] TorchFault),
    /// It describes another network.
    #[error("{0}")]
    Weights(#[from] WeightsFault),
}

impl DemoError {
    /// The exit code of the program: 2 when the model is missing or invalid, otherwise 1.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Model { .. } => 2,
            Self::File { .. }
            | Self::Database { .. }
            | Self::TrialTaken { .. }
            | Self::Pack(_)
            | Self::Settings(_)
            | Self::Weights(_)
            | Self::Backtest(_)
            | Self::System { .. } => 1,
        }
    }

    /// For `map_err` around a file operation.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }
}
