//! `cappuccino.toml`: read, checked, and turned into what the runner trusts.
//!
//! Every mistake is an error with its place, what is allowed and the nearest right word; nothing
//! is ignored and nothing is guessed.

mod alerts;
mod check;
mod file;
mod gate;
mod guard;
mod lanes;
mod machine;
mod models;
mod notify;
mod session_path;
mod supervision;
mod template;
#[cfg(test)]
mod testing;
mod trader;

pub use check::{ConfigError, load, parse_span};
pub use notify::{Address, ChannelConfig, ChannelKind, EmailConfig, NotifyConfig, Tls};
pub use session_path::SessionPath;
pub use supervision::{Proof, ShownBy};
pub use template::TEMPLATE;

use crate::observe::machine::MachineConfig;
use crate::observe::study::source::StudySource;
use crate::trade::args::TradeArgs;
use cappuccino_core::rules::gate::GatePolicy;
use cappuccino_core::trading::paper::candle::Timeframe;
use cappuccino_core::words::{Policy, ProcessName, Span};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the machines consult.
    pub policy: Policy,
    /// Where the study is.
    pub study: StudyConfig,
    /// Where models come from.
    pub models: ModelsConfig,
    /// What a model must have earned before it goes live.
    pub gate: GateConfig,
    /// How each process is started.
    pub commands: BTreeMap<ProcessName, CommandConfig>,
    /// How the machine is looked at.
    pub machine: MachineConfig,
    /// Where the trader writes its session; nothing without a trader.
    pub session_csv: Option<SessionPath>,
    /// What the trader is told, when it is the one that is built in.
    pub built_in: Option<TradeArgs>,
    /// Daily backups to keep.
    pub backups_kept: u32,
    /// Whom to tell what needs attention.
    pub notify: NotifyConfig,
}

/// Where the study is and how often it is looked at.
#[derive(Clone, Debug)]
pub struct StudyConfig {
    /// Its SQLite database.
    pub database: PathBuf,
    /// Its name; needed when the database holds more than one.
    pub name: Option<String>,
    /// Which objective of a multi-objective study decides.
    pub objective: Option<usize>,
    /// Time between two looks.
    pub poll: Span,
    /// Time between two looks at every page of it.
    pub integrity_every: Span,
    /// Time between two heartbeats of a running trial, where the storage writes them.
    pub heartbeat_interval: Span,
}

impl StudyConfig {
    /// The study to follow.
    pub fn source(&self) -> StudySource {
        let Self { database, name, objective, .. } = self.clone();
        StudySource { database, name, objective }
    }
}

/// Where a trial's model files are.
#[derive(Clone, Debug)]
pub struct ModelsConfig {
    /// Folders to try, in order; `{number} {trial_id} {study} {timeframe}` are replaced.
    pub folders: Vec<String>,
    /// What `{timeframe}` stands for.
    pub timeframe: String,
    /// Files that a complete model has.
    pub required: Vec<String>,
    /// Largest model that is taken, in bytes.
    pub max_bytes: u64,
    /// What the trader trades, when that is known: a model must have one wish for each.
    pub tickers: Option<Vec<String>>,
}

impl ModelsConfig {
    /// How many tickers the trader trades, or why nobody knows.
    ///
    /// # Errors
    /// A sentence.
    pub fn ticker_count(&self) -> Result<usize, String> {
        let tickers = self.tickers.as_ref();
        tickers.map(Vec::len).ok_or_else(|| "models.tickers does not name them".to_owned())
    }
}

/// The backtest before a deployment.
#[derive(Clone, Debug)]
pub struct GateConfig {
    /// Candles, oldest first, as `cappuccino trade` keeps them.
    pub candles: PathBuf,
    /// What is traded, in the model's order; without it there is no backtest.
    pub tickers: Option<Vec<String>>,
    /// Length of a bar.
    pub timeframe: Timeframe,
    /// Days that are traded, the newest.
    pub days: u32,
    /// Whether a model that could not be backtested is refused.
    pub required: bool,
    /// What it must show.
    pub policy: GatePolicy,
}

impl GateConfig {
    /// Bars that are traded.
    pub fn bars(&self) -> usize {
        let bars = Span::hours(24).times(self.days.into()).0 / self.timeframe.span().0;
        usize::try_from(bars).unwrap_or(usize::MAX)
    }

    /// Bars below which a backtest says nothing: a seventh of what is wanted.
    pub fn min_bars(&self) -> usize {
        (self.bars() / 7).max(1)
    }
}

/// How one process is started.
#[derive(Clone, Debug)]
pub struct CommandConfig {
    /// Program and arguments; `{instance}` is replaced, and for the trader
    /// `{model_dir} {trial} {number} {session_csv} {log}`.
    pub command: Vec<String>,
    /// Which instance this is, from 1.
    pub instance: u32,
    /// How it shows that it is ready and alive.
    pub shown_by: ShownBy,
    /// Working folder.
    pub directory: PathBuf,
    /// Variables on top of the runner's own.
    pub environment: BTreeMap<String, String>,
    /// Signal that asks it to end.
    pub stop_signal: i32,
    /// Size at which its log is cut, in bytes.
    pub log_cap_bytes: u64,
}
