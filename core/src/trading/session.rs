//! A session file as it grows: bytes come in pieces of any size, whole lines are taken.
//!
//! The newest trades are kept, counts and sums cover everything, and memory does not grow with the
//! file.

use super::equity::Equity;
use super::ledger::{Ledger, Step, Trade};
use super::lines::{Line, Lines};
use super::market::Market;
use super::row::{Columns, HeaderError, Row};
use crate::words::Timestamp;
use std::collections::VecDeque;

/// Trades kept, the newest.
pub const TRADES_MAX: usize = 1000;
/// Longest line that is read, in bytes.
const LINE_MAX: usize = 64 << 10;

/// Everything that a session file told so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    columns: Option<Columns>,
    header_error: Option<HeaderError>,
    lines: Lines,
    file_began: bool,
    row: Row,
    book: Book,
}

/// The account of a session and its history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    /// Cash, positions, counts.
    pub ledger: Ledger,
    /// Growth and drawdown.
    pub equity: Equity,
    /// What holding would have made.
    pub market: Market,
    /// The newest trades, oldest first.
    pub trades: VecDeque<Trade>,
    /// The market's time in the newest row.
    pub newest: Option<Timestamp>,
    /// Rows taken.
    pub rows: u64,
    /// Lines left out because they make no sense.
    pub skipped: u64,
}

impl Session {
    /// Takes the next bytes of the file. A last line without its end waits for the rest.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.feed(bytes, LINE_MAX, |line| match line {
            Line::Whole(line) => self.line(line),
            Line::TooLong => self.book.skipped += 1,
        });
        self.lines = lines;
    }

    /// Another file is in the place of the one read so far. When its rows come after those, it
    /// continues the session (rotation); else it tells a session of its own.
    pub fn begin_file(&mut self) {
        self.columns = None;
        self.header_error = None;
        self.lines.clear();
        self.file_began = self.book.newest.is_some();
    }

    fn line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.columns.is_none() || begins_like_a_header(line) {
            self.header(line);
        } else if !line.is_empty() {
            self.data(line);
        }
    }

    fn header(&mut self, line: &[u8]) {
        match Columns::read(line) {
            Ok(columns) => {
                self.book.ledger.columns(columns.tickers());
                self.row.assets.clear();
                self.columns = Some(columns);
                self.header_error = None;
            }
            // Rows before any header tell nothing more; a spoilt header later hides what follows.
            Err(error) => {
                self.book.skipped += u64::from(self.header_error.is_some());
                self.columns = None;
                self.header_error.get_or_insert(error);
            }
        }
    }

    fn data(&mut self, line: &[u8]) {
        let Some(columns) = &self.columns else { return };
        if columns.row(line, &mut self.row).is_err() {
            self.book.skipped += 1;
            return;
        }
        if std::mem::take(&mut self.file_began)
            && self.book.newest.is_some_and(|newest| self.row.at <= newest)
        {
            self.book = Book { ledger: Ledger::new(columns.tickers()), ..Book::default() };
        }
        self.book.take(&self.row);
    }

    /// What the rows told.
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Why the file's rows cannot be understood.
    pub const fn header_error(&self) -> Option<&HeaderError> {
        self.header_error.as_ref()
    }
}

impl Book {
    fn take(&mut self, row: &Row) {
        let step = self.ledger.take(row);
        let worth = self.ledger.worth();
        self.market.mark(row);
        match step {
            Step::Continued => self.equity.mark(row.at, worth),
            Step::Begun => self.equity.begin_anew(row.at, worth),
        }
        for trade in self.ledger.trades() {
            if self.trades.len() == TRADES_MAX {
                self.trades.pop_front();
            }
            self.trades.push_back(trade.clone());
        }
        self.newest = Some(row.at);
        self.rows += 1;
    }
}

/// Rows begin with a time or a number; a header with a name, perhaps quoted or after a mark.
fn begins_like_a_header(line: &[u8]) -> bool {
    line.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'"' || *byte >= 0x80)
}
