//! The paper trader of the demonstration: the deployed policy on synthetic candles that go on
//! after the training ones, its account in the original's CSV shape.
//!
//! It acts on closed bars only, and after a restart goes on with the cash, the holdings and the
//! bar at which it was.

use super::account::Account;
use super::candles::{Candles, TICKERS, TRAINING_BARS};
use super::policy::{NoPolicy, Policy};
use super::stop::StopSignals;
use cappuccino_core::model::torch::{self, TorchError};
use cappuccino_core::words::Timestamp;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a bar takes at speed 1.
const BAR: Duration = Duration::from_secs(1);
/// When the first bar is said to begin; the candles are synthetic and so is their calendar.
const FIRST_BAR: Timestamp = Timestamp(1_735_689_600_000);
const HOUR_MILLISECONDS: i64 = 3_600_000;

/// What the trader is told.
#[derive(Clone, Debug, Args)]
pub struct TraderArgs {
    /// The deployed model's folder
    #[arg(long)]
    pub model_dir: PathBuf,
    /// Where the account is written
    #[arg(long)]
    pub session_csv: PathBuf,
    /// Seed of the candles
    #[arg(long)]
    pub seed: u64,
    /// How much faster than life
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
}

/// Why the trader does not trade.
#[derive(Debug, thiserror::Error)]
pub enum TraderError {
    /// There is no model, or it cannot be read.
    #[error("the model {path} cannot be read: {source}; deploy another trial")]
    Missing {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is damaged.
    #[error("the model {path} is damaged: {source}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: TorchError,
    },
    /// It has another shape.
    #[error(transparent)]
    NoPolicy(#[from] NoPolicy),
    /// The account cannot be kept.
    #[error("the account cannot be kept: {0}; check the folder of the session")]
    Account(#[from] io::Error),
}

/// Where the trader was.
#[derive(Debug, Serialize, Deserialize)]
struct Session {
    next_bar: usize,
    account: Account,
}

/// Trades until it is asked to stop.
///
/// # Errors
/// [`TraderError`]: without a sound model nothing is traded.
pub fn run(args: &TraderArgs) -> Result<(), TraderError> {
    let stop = StopSignals::take()?;
    let policy = load(&args.model_dir.join("actor.pth"))?;
    let candles = Candles::new(args.seed);
    let memory = args.session_csv.with_extension("state.json");
    let mut session = resume(&memory)?;
    println!("trader ready: {} from bar {}", args.model_dir.display(), session.next_bar);
    while !stop.wait(BAR.div_f64(args.speed.max(0.01))) {
        let bar = session.next_bar;
        let prices = candles.closes(bar);
        let before = session.account.worth(&prices);
        let traded = session.account.trade(&policy.act(&candles, bar), &prices);
        let worth = session.account.worth(&prices);
        append(&args.session_csv, &row(bar, &session.account, &prices, worth - before, &traded))?;
        session.next_bar = bar + 1;
        remember(&memory, &session)?;
        println!("bar {bar}: {worth:.2} USD");
    }
    println!("asked to stop");
    Ok(())
}

/// The policy in this file; without one there is nothing to trade by.
///
/// # Errors
/// [`TraderError`].
pub fn load(path: &Path) -> Result<Policy, TraderError> {
    let missing = |source| TraderError::Missing { path: path.to_owned(), source };
    let file = File::open(path).map_err(missing)?;
    let weights = torch::read(io::BufReader::new(file))
        .map_err(|source| TraderError::Damaged { path: path.to_owned(), source })?;
    Ok(Policy::from_weights(weights)?)
}

fn resume(memory: &Path) -> Result<Session, TraderError> {
    match fs::read(memory) {
        Ok(text) => Ok(serde_json::from_slice(&text).map_err(io::Error::from)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Session { next_bar: TRAINING_BARS, account: Account::default() })
        }
        Err(error) => Err(error.into()),
    }
}

fn remember(memory: &Path, session: &Session) -> io::Result<()> {
    let temporary = memory.with_extension("tmp");
    fs::write(&temporary, serde_json::to_vec(session)?)?;
    fs::rename(&temporary, memory)
}

/// One row in the original's shape: numbers with six decimals, lines ended by CR LF.
fn row(bar: usize, account: &Account, prices: &[f64], reward: f64, traded: &[f64]) -> String {
    let hours = i64::try_from(bar).unwrap_or(0).saturating_mul(HOUR_MILLISECONDS);
    let time = Timestamp(FIRST_BAR.0.saturating_add(hours)).to_string();
    let time = time.replace(".000Z", "+00:00");
    let mut row = format!("{time},{:.6},{:.6},{reward:.6}", account.cash, account.worth(prices));
    for number in account.holdings.iter().chain(prices).chain(traded) {
        // Writing to a string cannot fail.
        let _infallible = write!(row, ",{number:.6}");
    }
    row
}

fn header() -> String {
    let columns = |kind: &str| {
        TICKERS.iter().map(|ticker| format!("{kind}_{ticker}")).collect::<Vec<_>>().join(",")
    };
    let (holdings, prices, actions) = (columns("holding"), columns("price"), columns("action"));
    format!("timestamp,cash,total_asset,reward,{holdings},{prices},{actions}")
}

fn append(path: &Path, row: &str) -> io::Result<()> {
    let new = !path.exists();
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let text = if new { format!("{}\r\n{row}\r\n", header()) } else { format!("{row}\r\n") };
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defect_missing_actor_never_trades_a_random_network() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("actor.pth");
        assert!(matches!(load(&path), Err(TraderError::Missing { .. })));
        fs::write(&path, "not a model").unwrap();
        assert!(matches!(load(&path), Err(TraderError::Damaged { .. })));
        let mut weights = cappuccino_core::model::weights::Weights::new();
        weights.insert("net.0.weight", vec![1], vec![1.0]).unwrap();
        fs::write(&path, torch::write(&weights).unwrap()).unwrap();
        assert!(matches!(load(&path), Err(TraderError::NoPolicy(_))));
    }
}
