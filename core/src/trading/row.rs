//! One row of a session file in the original trader's shape: `timestamp,cash,…` and for each ticker
//! `holding_BTC/USD`, `price_BTC/USD`, `action_BTC/USD`.
//!
//! Columns are found by their names in the header, wherever they stand; unknown ones are left out.
//! Lines may end with `\r\n` (Python's csv.writer) or `\n`. Numbers are read exactly.

use crate::words::Timestamp;
use std::sync::Arc;

/// Powers of ten that a binary fraction holds exactly, as many as a short number has decimals.
const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/// Longest number, in bytes, that is read without Rust's own parser.
const SHORT: usize = 17;
/// Below this every whole number has its own binary fraction.
const EXACT: u64 = 1 << 53;

/// Which column says what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    meanings: Vec<Meaning>,
    tickers: Vec<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Time,
    Cash,
    Holding(usize),
    Price(usize),
    Action(usize),
    Other,
}

/// One row, after its trades.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The market's time.
    pub at: Timestamp,
    /// Money.
    pub cash: f64,
    /// One per ticker, in the header's order.
    pub assets: Vec<Quote>,
}

/// One ticker in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quote {
    /// Units held, 0 or more.
    pub holding: f64,
    /// Money per unit, above 0.
    pub price: f64,
    /// Units that the model wished to buy (to sell: negative), where the file tells; read only when
    /// some holding differs from the row before.
    pub action: Option<f64>,
}

/// Why a line is no header of a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A needed column is not there.
    #[error("its header has no column `{0}`; is this the trader's session file?")]
    Missing(String),
    /// No ticker is named.
    #[error("its header has no column `holding_…`; is this the trader's session file?")]
    NoTicker,
    /// One name stands twice.
    #[error("its header has two columns `{0}`; remove one")]
    Twice(String),
}

/// Why a line is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// More or fewer fields than the header has.
    #[error("a row has another number of fields than the header")]
    Fields,
    /// The time is none.
    #[error("a row's timestamp is no ISO 8601 time")]
    Time,
    /// A number is none, or not finite.
    #[error("a row has a field that is no number")]
    Number,
    /// A position below zero, or a price that is not above it.
    #[error("a row has a negative holding or a price that is not above 0")]
    Range,
}

impl Columns {
    /// Reads a header line, without its line end.
    ///
    /// # Errors
    /// [`HeaderError`]: a column that is needed is missing or stands twice.
    pub fn read(line: &[u8]) -> Result<Self, HeaderError> {
        let line = String::from_utf8_lossy(line);
        let names: Vec<&str> = line
            .trim_start_matches('\u{feff}')
            .split(',')
            .map(|name| name.trim().trim_matches('"'))
            .collect();
        let held = names.iter().filter_map(|name| name.strip_prefix("holding_"));
        let tickers: Vec<Arc<str>> = held.map(Arc::from).collect();
        if tickers.is_empty() && names.contains(&"timestamp") {
            return Err(HeaderError::NoTicker);
        }
        let meanings: Vec<Meaning> = names.iter().map(|name| meaning(name, &tickers)).collect();
        let columns = Self { meanings, tickers };
        columns.check()?;
        Ok(columns)
    }

    /// The tickers, in the order of [`Row::assets`].
    pub fn tickers(&self) -> &[Arc<str>] {
        &self.tickers
    }

    fn check(&self) -> Result<(), HeaderError> {
        let single = |wanted: Meaning, name: &dyn Fn() -> String, needed: bool| match self
            .meanings
            .iter()
            .filter(|meaning| **meaning == wanted)
            .count()
        {
            0 if needed => Err(HeaderError::Missing(name())),
            0 | 1 => Ok(()),
            _ => Err(HeaderError::Twice(name())),
        };
        single(Meaning::Time, &|| "timestamp".into(), true)?;
        single(Meaning::Cash, &|| "cash".into(), true)?;
        for (place, ticker) in self.tickers.iter().enumerate() {
            single(Meaning::Holding(place), &|| format!("holding_{ticker}"), true)?;
            single(Meaning::Price(place), &|| format!("price_{ticker}"), true)?;
            single(Meaning::Action(place), &|| format!("action_{ticker}"), false)?;
        }
        Ok(())
    }

    /// Reads a line, without its line end, into `row`, whose buffers are used again: give it the
    /// row read before, so that what did not change costs less.
    ///
    /// # Errors
    /// [`RowError`]; what `row` holds then means nothing.
    pub fn row(&self, line: &[u8], row: &mut Row) -> Result<(), RowError> {
        let outcome = self.fields(line, row).and_then(|has_moved| {
            let sound = |quote: &Quote| quote.holding >= 0.0 && quote.price > 0.0;
            if !row.assets.iter().all(sound) {
                return Err(RowError::Range);
            }
            if has_moved { self.actions(line, row) } else { Ok(()) }
        });
        if outcome.is_err() {
            row.assets.clear();
        }
        outcome
    }

    /// Everything but the actions; whether a holding differs from the row before.
    fn fields(&self, line: &[u8], row: &mut Row) -> Result<bool, RowError> {
        row.assets.resize(self.tickers.len(), Quote::default());
        let mut has_moved = false;
        let mut fields = line.split(|byte| *byte == b',');
        for meaning in &self.meanings {
            let field = fields.next().ok_or(RowError::Fields)?;
            match *meaning {
                Meaning::Other | Meaning::Action(_) => {}
                Meaning::Time => row.at = time(field).ok_or(RowError::Time)?,
                Meaning::Cash => row.cash = number(field).ok_or(RowError::Number)?,
                Meaning::Holding(place) => {
                    let holding = number(field).ok_or(RowError::Number)?;
                    quote(row, place, |quote| {
                        has_moved |= quote.holding.to_bits() != holding.to_bits();
                        (quote.holding, quote.action) = (holding, None);
                    });
                }
                Meaning::Price(place) => {
                    let price = number(field).ok_or(RowError::Number)?;
                    quote(row, place, |quote| quote.price = price);
                }
            }
        }
        if fields.next().is_some() { Err(RowError::Fields) } else { Ok(has_moved) }
    }

    fn actions(&self, line: &[u8], row: &mut Row) -> Result<(), RowError> {
        for (meaning, field) in self.meanings.iter().zip(line.split(|byte| *byte == b',')) {
            if let Meaning::Action(place) = *meaning {
                let action = number(field).ok_or(RowError::Number)?;
                quote(row, place, |quote| quote.action = Some(action));
            }
        }
        Ok(())
    }
}

fn meaning(name: &str, tickers: &[Arc<str>]) -> Meaning {
    let place = |ticker: &str| tickers.iter().position(|known| **known == *ticker);
    let of = |prefix: &str| name.strip_prefix(prefix).and_then(place);
    match name {
        "timestamp" => Meaning::Time,
        "cash" => Meaning::Cash,
        _ => of("holding_")
            .map(Meaning::Holding)
            .or_else(|| of("price_").map(Meaning::Price))
            .or_else(|| of("action_").map(Meaning::Action))
            .unwrap_or(Meaning::Other),
    }
}

fn quote(row: &mut Row, place: usize, change: impl FnOnce(&mut Quote)) {
    if let Some(quote) = row.assets.get_mut(place) {
        change(quote);
    }
}

/// A time as `isoformat()` writes it; one without an offset is UTC.
fn time(field: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(field).ok()?.trim();
    Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}Z")))
}

/// A finite number. Short ones, as `%.6f` writes them, are one exact division: a whole number below
/// 2^53 by a power of ten, which rounds once, as correct parsing does.
fn number(field: &[u8]) -> Option<f64> {
    short_number(field).or_else(|| {
        let text = std::str::from_utf8(field).ok()?.trim();
        text.parse().ok().filter(|number: &f64| number.is_finite())
    })
}

fn short_number(field: &[u8]) -> Option<f64> {
    let (negative, digits) = match field.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some(_) => (false, field),
        None => return None,
    };
    if digits.len() > SHORT {
        return None;
    }
    let (mut whole, mut decimals) = (0_u64, None);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                whole = whole * 10 + u64::from(byte - b'0');
                decimals = decimals.map(|count: usize| count + 1);
            }
            b'.' if decimals.is_none() => decimals = Some(0),
            _ => return None,
        }
    }
    if whole >= EXACT || !digits.last()?.is_ascii_digit() {
        return None;
    }
    let value = exact(whole) / POWERS.get(decimals.unwrap_or(0))?;
    Some(if negative { -value } else { value })
}

/// A whole number below 2^53 as a binary fraction: both halves and their sum are exact.
fn exact(whole: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits).unwrap_or(u32::MAX));
    half(whole >> 32) * 4_294_967_296.0 + half(whole & 0xFFFF_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &[u8] = b"timestamp,cash,total_asset,reward,holding_BTC/USD,holding_ETH/USD,\
        price_BTC/USD,price_ETH/USD,action_BTC/USD,action_ETH/USD";

    #[test]
    fn the_original_s_row_is_read_and_reordered_or_new_columns_change_nothing() {
        let (mut row, mut other) = (Row::default(), Row::default());
        let columns = Columns::read(HEADER).unwrap();
        let line = b"2025-11-17T18:00:00+00:00,900.5,1000.0,-0.1,0.001,0,99000.25,3000,0.1530,-0.2";
        columns.row(line, &mut row).unwrap();
        assert_eq!(row.at, Timestamp::parse("2025-11-17T18:00:00Z").unwrap());
        let bitcoin = Quote { holding: 0.001, price: 99_000.25, action: Some(0.153) };
        assert_eq!((row.cash, row.assets[0]), (900.5, bitcoin));
        let reordered = b"\"price_BTC/USD\",votes,cash,holding_BTC/USD,price_ETH/USD,\
            holding_ETH/USD,action_ETH/USD,timestamp,action_BTC/USD";
        let columns = Columns::read(reordered).unwrap();
        let line = b"99000.25,{},900.5,0.001,3000,0,-0.2,2025-11-17T18:00:00+00:00,0.1530";
        columns.row(line, &mut other).unwrap();
        assert_eq!(other, row);
    }

    #[test]
    fn a_header_that_is_none_says_what_is_missing() {
        let said = |line: &[u8]| Columns::read(line).unwrap_err().to_string();
        assert!(said(b"2025-11-17T18:00:00+00:00,900.5").contains("no column `timestamp`"));
        assert!(said(b"timestamp,holding_A,price_A").contains("no column `cash`"));
        assert!(said(b"timestamp,cash,holding_A").contains("no column `price_A`"));
        assert!(said(b"timestamp,cash,total_asset").contains("holding_"));
        assert!(said(b"timestamp,cash,cash,holding_A,price_A").contains("two columns `cash`"));
    }

    #[test]
    fn a_row_that_makes_no_sense_is_refused() {
        let columns = Columns::read(b"timestamp,cash,holding_A,price_A").unwrap();
        let refused = |line: &[u8]| columns.row(line, &mut Row::default()).unwrap_err();
        assert_eq!(refused(b"2025-11-17T18:00:00+00:00,1,2"), RowError::Fields);
        assert_eq!(refused(b"2025-11-17T18:00:00+00:00,1,2,3,4"), RowError::Fields);
        assert_eq!(refused(b"yesterday,1,2,3"), RowError::Time);
        assert_eq!(refused(b"2025-11-17T18:00:00+00:00,nan,2,3"), RowError::Number);
        assert_eq!(refused(b"2025-11-17T18:00:00+00:00,1,-2,3"), RowError::Range);
        assert_eq!(refused(b"2025-11-17T18:00:00+00:00,1,2,0"), RowError::Range);
    }

    proptest! {
        #[test]
        fn numbers_are_read_as_rust_reads_them(number in -1e9..1e9_f64, decimals in 0..12_usize) {
            for text in [format!("{number:.decimals$}"), format!("{number:e}"), number.to_string()] {
                let read = super::number(text.as_bytes()).unwrap();
                prop_assert_eq!(read.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
            }
        }
    }
}
