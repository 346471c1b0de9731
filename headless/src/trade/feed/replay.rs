//! Bars of a file, for replays at any speed.

use crate::trade::candles;
use crate::trade::error::TradeError;
use crate::trade::trader::Trader;
use cappuccino_core::trading::paper::candle::Bar;
use cappuccino_core::words::Timestamp;
use std::path::{Path, PathBuf};

/// A file's bars.
pub struct Replay {
    path: PathBuf,
    bars: Vec<Bar>,
}

impl Replay {
    /// Reads the whole file.
    pub(in crate::trade) fn open(path: &Path, trader: &Trader) -> Result<Self, TradeError> {
        if !path.is_file() {
            let path = path.display();
            return Err(TradeError::Feed(format!(
                "there is no file {path}; name one after `csv:`"
            )));
        }
        let bars = candles::read(path, trader.tickers(), trader.timeframe())?;
        if bars.is_empty() {
            return Err(TradeError::Feed(format!(
                "{} has no {} bar that all of {} share; name tickers and timeframe as in the file",
                path.display(),
                trader.timeframe(),
                trader.tickers().join(" ")
            )));
        }
        Ok(Self { path: path.to_owned(), bars })
    }

    /// The bars that a session has seen already, and those that are to come: a new session first
    /// sees `history` of them.
    pub(in crate::trade) fn split(
        &self,
        span: (Option<Timestamp>, Option<Timestamp>),
        history: usize,
    ) -> Result<(&[Bar], &[Bar]), TradeError> {
        let (Some(first), Some(last)) = span else {
            return Ok(self.bars.split_at(history.min(self.bars.len())));
        };
        let place = |at: Timestamp| self.bars.binary_search_by_key(&at, |bar| bar.at).ok();
        let seen = place(first).zip(place(last)).and_then(|(first, last)| {
            Some((self.bars.get(first..=last)?, self.bars.get(last + 1..)?))
        });
        seen.ok_or_else(|| {
            let path = self.path.display();
            TradeError::Feed(format!(
                "{path} lacks bars that the session has traded, from {first} to {last}; name the \
                 file that it began with"
            ))
        })
    }
}
