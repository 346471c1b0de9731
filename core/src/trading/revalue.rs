//! What a session would have made had every trade been filled at the price of its own row: the
//! original trader filled at the price of an earlier bar and valued the result at the newest, so
//! that what it reports contains moves that nobody could have earned.

use super::row::{Columns, HeaderError, Row};

/// The original's fee, on both sides of a trade.
const FEE: f64 = 0.0025;
/// Holdings are written with six decimals.
const ROUNDING: f64 = 1e-6;

/// A session, as reported and as corrected.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Revaluation {
    /// Rows understood.
    pub rows: u64,
    /// Lines left out because they make no sense.
    pub skipped: u64,
    /// Changes of a holding.
    pub trades: u64,
    /// Growth as the rows report it, as a fraction; none before two rows.
    pub reported: Option<f64>,
    /// Growth with every change of a holding paid at its row's price and a fee of 0.25 %.
    pub corrected: Option<f64>,
}

/// Values the session in `text`.
///
/// # Errors
/// [`HeaderError`]: it is no session file.
pub fn revalue(text: &[u8]) -> Result<Revaluation, HeaderError> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let columns = Columns::read(lines.next().unwrap_or_default())?;
    let mut found = Revaluation::default();
    let (mut row, mut book) = (Row::default(), None);
    for line in lines.filter(|line| !line.is_empty()) {
        if columns.row(line, &mut row).is_err() {
            found.skipped += 1;
            continue;
        }
        found.rows += 1;
        let book = book.get_or_insert_with(|| Book::new(&row));
        found.trades += book.take(&row);
        if found.rows > 1 && book.start > 0.0 {
            found.reported = Some((row.cash + worth(&row)) / book.start - 1.0);
            found.corrected = Some((book.cash + worth(&row)) / book.start - 1.0);
        }
    }
    Ok(found)
}

/// The corrected account.
struct Book {
    start: f64,
    cash: f64,
    held: Vec<f64>,
}

impl Book {
    /// An account with what the first row has.
    fn new(row: &Row) -> Self {
        let held: Vec<f64> = row.assets.iter().map(|quote| quote.holding).collect();
        Self { start: row.cash + worth(row), cash: row.cash, held }
    }

    /// Follows the row's holdings; how many changed.
    fn take(&mut self, row: &Row) -> u64 {
        let mut trades = 0;
        for (held, quote) in self.held.iter_mut().zip(&row.assets) {
            let change = quote.holding - *held;
            if change.abs() > ROUNDING {
                trades += 1;
                self.cash -= quote.price * (change + change.abs() * FEE);
            }
            *held = quote.holding;
        }
        trades
    }
}

/// What a row's holdings are worth at its prices.
fn worth(row: &Row) -> f64 {
    row.assets.iter().map(|quote| quote.holding * quote.price).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bought at 100 by the report, one bar after the price had risen to 120.
    const STALE: &str = "timestamp,cash,total_asset,reward,holding_A/USD,price_A/USD,action_A/USD\r\n\
        2025-11-17T18:00:00+00:00,1000.000000,1000.000000,0,0.000000,100.000000,0\r\n\
        2025-11-17T19:00:00+00:00,498.750000,1098.750000,0,5.000000,120.000000,5\r\n\
        torn\r\n\
        2025-11-17T20:00:00+00:00,498.750000,1098.750000,0,5.000000,120.000000,0\r\n";

    #[test]
    fn a_gain_that_nobody_could_have_earned_is_corrected() {
        let found = revalue(STALE.as_bytes()).unwrap();
        assert_eq!((found.rows, found.skipped, found.trades), (3, 1, 1));
        assert!((found.reported.unwrap() - 0.09875).abs() < 1e-12, "{found:?}");
        assert!((found.corrected.unwrap() + 0.0015).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn a_file_of_something_else_is_named() {
        assert!(revalue(b"epoch,loss\n1,2\n").is_err());
    }
}
