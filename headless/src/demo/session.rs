//! A paper-trading session on disk: rows in the CSV shape of the original trader, and the account
//! beside it, so that a restarted trader goes on with its money and positions.

use super::backtest::Account;
use super::candles::{TICKER_COUNT, TICKERS};
use super::error::DemoError;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// What survives a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionState {
    /// Seed of the market that the account trades in.
    pub seed: u64,
    /// Bars traded so far.
    pub bars: usize,
    /// Length of the CSV in bytes; what lies beyond was not remembered and happens again.
    pub csv_bytes: u64,
    /// Cash and positions.
    pub account: Account,
    /// Worth and prices at the end of the last row.
    pub last: Option<Valuation>,
}

/// What the account was worth, at which prices.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Valuation {
    /// Dollars.
    pub worth: f64,
    /// Dollars per unit of each ticker.
    pub prices: [f64; TICKER_COUNT],
}

/// One row of the CSV.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRow {
    /// Opening time of the bar, in seconds since 1970, UTC.
    pub opened_s: i64,
    /// Worth after the trades, and the closing prices.
    pub now: Valuation,
    /// Growth over the bar beyond that of holding every ticker equally.
    pub reward: f64,
    /// Units bought (sold: negative).
    pub traded: [f64; TICKER_COUNT],
}

/// An open session.
pub struct Session {
    csv_path: PathBuf,
    state_path: PathBuf,
    csv: File,
    /// The account, and how far it came.
    pub state: SessionState,
}

impl Session {
    /// Opens or goes on with the session in the CSV file at `path`.
    ///
    /// # Errors
    /// [`DemoError::Account`] when the account beside it is damaged or belongs to the market of
    /// another seed; [`DemoError::File`].
    pub fn open(path: &Path, seed: u64) -> Result<Self, DemoError> {
        let state_path = path.with_extension("state.json");
        let remembered = load(&state_path, seed)?;
        let mut open = OpenOptions::new();
        let csv = open.create(true).append(true).open(path);
        let csv = csv.map_err(DemoError::file("open", path))?;
        let length = csv.metadata().map_err(DemoError::file("open", path))?.len();
        let state = match remembered {
            Some(state) => {
                if length > state.csv_bytes {
                    csv.set_len(state.csv_bytes).map_err(DemoError::file("shorten", path))?;
                }
                SessionState { csv_bytes: length.min(state.csv_bytes), ..state }
            }
            None => SessionState { seed, csv_bytes: length, ..SessionState::default() },
        };
        Ok(Self { csv_path: path.to_owned(), state_path, csv, state })
    }

    /// Appends a row and remembers the account as it stands after it.
    ///
    /// # Errors
    /// [`DemoError::File`].
    pub fn append(&mut self, row: &SessionRow) -> Result<(), DemoError> {
        let mut text = if self.state.csv_bytes == 0 { header() } else { String::new() };
        text.push_str(&line(row, &self.state.account));
        let append = DemoError::file("append to", &self.csv_path);
        self.csv.write_all(text.as_bytes()).map_err(append)?;
        self.state.csv_bytes += u64::try_from(text.len()).unwrap_or(0);
        self.state.bars += 1;
        self.state.last = Some(row.now);
        self.save().map_err(DemoError::file("save", &self.state_path))
    }

    fn save(&self) -> io::Result<()> {
        let draft = self.state_path.with_extension("json.tmp");
        let mut file = File::create(&draft)?;
        file.write_all(&serde_json::to_vec_pretty(&self.state)?)?;
        file.sync_data()?;
        fs::rename(draft, &self.state_path)
    }
}

fn load(path: &Path, seed: u64) -> Result<Option<SessionState>, DemoError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DemoError::file("read", path)(error)),
    };
    let damaged = |source| DemoError::Account { path: path.to_owned(), source };
    let state: SessionState = serde_json::from_slice(&text).map_err(damaged)?;
    if state.seed == seed {
        return Ok(Some(state));
    }
    let why = format!("it trades in the market of seed {}, not {seed}", state.seed);
    Err(damaged(serde::de::Error::custom(why)))
}

fn header() -> String {
    let mut columns = ["timestamp", "cash", "total_asset", "reward"].map(str::to_owned).to_vec();
    for kind in ["holding", "price", "action"] {
        columns.extend(TICKERS.map(|ticker| format!("{kind}_{ticker}")));
    }
    columns.join(",") + "\r\n"
}

fn line(row: &SessionRow, account: &Account) -> String {
    let opened = jiff::Timestamp::from_second(row.opened_s).unwrap_or_default();
    let mut columns = vec![opened.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()];
    let money = [account.cash, row.now.worth, row.reward];
    let tickers = [account.holdings, row.now.prices, row.traded];
    let numbers = money.iter().chain(tickers.iter().flatten());
    columns.extend(numbers.map(|number| format!("{number:.6}")));
    columns.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(opened_s: i64) -> SessionRow {
        let now = Valuation { worth: 1000.0, prices: [100.0, 40.0] };
        SessionRow { opened_s, now, reward: -0.25, traded: [0.0, 0.5] }
    }

    #[test]
    fn rows_have_the_shape_of_the_original_trader() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.csv");
        Session::open(&path, 1).unwrap().append(&row(1_763_402_400)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "timestamp,cash,total_asset,reward,holding_SYNTHA/USD,holding_SYNTHB/USD,\
             price_SYNTHA/USD,price_SYNTHB/USD,action_SYNTHA/USD,action_SYNTHB/USD\r\n\
             2025-11-17T18:00:00+00:00,1000.000000,1000.000000,-0.250000,0.000000,0.000000,\
             100.000000,40.000000,0.000000,0.500000\r\n"
        );
    }

    #[test]
    fn a_row_whose_account_was_not_remembered_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.csv");
        let mut session = Session::open(&path, 1).unwrap();
        session.append(&row(0)).unwrap();
        let remembered = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{remembered}1970-01-01T01:00:00+00:00,1")).unwrap();
        let session = Session::open(&path, 1).unwrap();
        assert_eq!(session.state.bars, 1);
        assert_eq!(fs::read_to_string(&path).unwrap(), remembered);
    }

    #[test]
    fn an_account_that_is_damaged_or_of_another_market_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.csv");
        Session::open(&path, 1).unwrap().append(&row(0)).unwrap();
        assert!(matches!(Session::open(&path, 2), Err(DemoError::Account { .. })));
        fs::write(path.with_extension("state.json"), "{").unwrap();
        assert!(matches!(Session::open(&path, 1), Err(DemoError::Account { .. })));
    }
}
