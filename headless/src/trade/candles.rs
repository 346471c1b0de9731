//! The file of candles that were acted on: what a restart begins with, and what backtests read.
//!
//! One file per timeframe, one line per candle, only ever appended to. Of two lines about the same
//! candle the first counts, because it was acted on.

use super::error::TradeError;
use cappuccino_core::trading::paper::candle::{Bar, HEADER, Line, Timeframe};
use cappuccino_core::trading::paper::gather::bars_of;
use cappuccino_core::words::Timestamp;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// An open file of candles.
pub struct Candles {
    path: PathBuf,
    file: File,
    known: BTreeSet<(Timestamp, String)>,
}

impl Candles {
    /// Opens the file, or begins it. A last line that was torn by a crash is ended.
    ///
    /// # Errors
    /// [`TradeError::File`].
    pub fn open(path: &Path) -> Result<Self, TradeError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(TradeError::file("make", folder))?;
        }
        let file = OpenOptions::new().create(true).append(true).read(true).open(path);
        let mut file = file.map_err(TradeError::file("open", path))?;
        let text = text(path)?;
        if text.is_empty() {
            file.write_all(HEADER.as_bytes()).map_err(TradeError::file("append to", path))?;
        } else if !text.ends_with('\n') {
            file.write_all(b"\n").map_err(TradeError::file("append to", path))?;
        }
        let lines = text.lines().filter_map(|line| Line::read(line).ok());
        let known = lines.map(|line| (line.at, line.ticker.to_owned())).collect();
        Ok(Self { path: path.to_owned(), file, known })
    }

    /// Adds a bar's candles, those that are not there yet, and waits until the disk has them.
    ///
    /// # Errors
    /// [`TradeError::File`].
    pub fn append(&mut self, tickers: &[String], bar: &Bar) -> Result<(), TradeError> {
        let mut text = String::new();
        for ((ticker, candle), stale) in tickers.iter().zip(&bar.candles).zip(&bar.stale) {
            if self.known.insert((bar.at, ticker.clone())) {
                let line = Line { at: bar.at, ticker, candle: *candle, stale: *stale };
                text.push_str(&line.to_string());
                text.push('\n');
            }
        }
        let appended = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        appended.map_err(TradeError::file("append to", &self.path))
    }

    /// The bars of these tickers from `first` to `last`.
    ///
    /// # Errors
    /// [`TradeError::File`].
    pub fn bars(
        &self,
        tickers: &[String],
        timeframe: Timeframe,
        first: Timestamp,
        last: Timestamp,
    ) -> Result<Vec<Bar>, TradeError> {
        let mut bars = read(&self.path, tickers, timeframe)?;
        bars.retain(|bar| (first..=last).contains(&bar.at));
        Ok(bars)
    }
}

/// All bars of these tickers in a candle file, oldest first; none when there is no file. For
/// backtests: the file is `.cappuccino/candles/1h.csv` and so on.
///
/// # Errors
/// [`TradeError::File`].
pub fn read(path: &Path, tickers: &[String], timeframe: Timeframe) -> Result<Vec<Bar>, TradeError> {
    Ok(bars_of(&text(path)?, tickers, timeframe))
}

fn text(path: &Path) -> Result<String, TradeError> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(TradeError::file("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cappuccino_core::trading::paper::candle::Candle;

    fn bar(hour: i64, price: f64) -> Bar {
        let candle = Candle::new([price; 5]).unwrap();
        let at = Timestamp(hour * 3_600_000);
        Bar { at, candles: vec![candle, candle], stale: vec![false, hour == 1] }
    }

    #[test]
    fn bars_come_back_and_what_was_acted_on_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("candles/1h.csv");
        let names = ["A/USD", "B/USD"].map(str::to_owned);
        let mut candles = Candles::open(&path).unwrap();
        candles.append(&names, &bar(0, 10.0)).unwrap();
        candles.append(&names, &bar(1, 11.0)).unwrap();
        let torn = fs::read_to_string(&path).unwrap() + "1970-01-01T02:00";
        fs::write(&path, torn).unwrap();
        let mut candles = Candles::open(&path).unwrap();
        candles.append(&names, &bar(1, 99.0)).unwrap();
        candles.append(&names, &bar(2, 12.0)).unwrap();
        let known = vec![bar(0, 10.0), bar(1, 11.0), bar(2, 12.0)];
        assert_eq!(read(&path, &names, Timeframe::Hour).unwrap(), known);
        let some = candles.bars(&names, Timeframe::Hour, known[1].at, known[1].at).unwrap();
        assert_eq!(some, known[1..2]);
    }
}
