//! Candles, the bars they make, and candles as text.

use crate::words::{Span, Timestamp};
use std::fmt;

/// What one ticker did over one length of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// Price at the start, money per unit.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Price at the end.
    pub close: f64,
    /// Units traded, 0 or more.
    pub volume: f64,
}

/// All tickers over the same length of time, in the configured order.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// When it began.
    pub at: Timestamp,
    /// One per ticker.
    pub candles: Vec<Candle>,
    /// Which of them nobody reported: the close before, carried on.
    pub stale: Vec<bool>,
}

/// Length of a bar: 1m, 5m, 15m, 1h or 1d.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeframe {
    /// One minute.
    Minute,
    /// Five minutes.
    FiveMinutes,
    /// A quarter of an hour.
    Quarter,
    /// One hour.
    Hour,
    /// One day, UTC.
    Day,
}

/// Why a line is no candle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CandleFault {
    /// A price that is none, or a high below the low.
    #[error(
        "a candle's prices must be above 0, its high not below its low, its volume not below 0"
    )]
    Impossible,
    /// Not `timestamp,open,high,low,close,volume,tic`.
    #[error("a candle is `timestamp,open,high,low,close,volume,tic`, the time as RFC 3339")]
    NotACandle,
}

impl Candle {
    /// A candle of open, high, low, close and volume.
    ///
    /// # Errors
    /// [`CandleFault::Impossible`].
    pub fn new([open, high, low, close, volume]: [f64; 5]) -> Result<Self, CandleFault> {
        let numbers = [open, high, low, close, volume];
        let possible = numbers.iter().all(|number| number.is_finite())
            && low > 0.0
            && open > 0.0
            && close > 0.0
            && high >= low
            && volume >= 0.0;
        let candle = Self { open, high, low, close, volume };
        if possible { Ok(candle) } else { Err(CandleFault::Impossible) }
    }

    /// What is assumed of a time in which nobody traded: the price stood still.
    pub const fn carried_on(self) -> Self {
        let close = self.close;
        Self { open: close, high: close, low: close, close, volume: 0.0 }
    }
}

impl Bar {
    /// Closing prices, in the order of the tickers.
    pub fn closes(&self) -> Vec<f64> {
        self.candles.iter().map(|candle| candle.close).collect()
    }
}

impl Timeframe {
    /// All of them, shortest first.
    pub const ALL: [Self; 5] =
        [Self::Minute, Self::FiveMinutes, Self::Quarter, Self::Hour, Self::Day];

    /// Its length.
    pub const fn span(self) -> Span {
        match self {
            Self::Minute => Span::minutes(1),
            Self::FiveMinutes => Span::minutes(5),
            Self::Quarter => Span::minutes(15),
            Self::Hour => Span::hours(1),
            Self::Day => Span::hours(24),
        }
    }

    /// Its short name, as in `1h`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::Quarter => "15m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// The timeframe of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|frame| frame.name() == name)
    }

    /// Whether a bar can begin at `at`.
    pub const fn begins(self, at: Timestamp) -> bool {
        at.0.rem_euclid(self.span().0) == 0
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One line of a candle file.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<'a> {
    /// When the candle began.
    pub at: Timestamp,
    /// Its ticker.
    pub ticker: &'a str,
    /// What happened.
    pub candle: Candle,
    /// Whether it only carries the close before on.
    pub stale: bool,
}

/// First line of a candle file.
pub const HEADER: &str = "timestamp,open,high,low,close,volume,tic,stale\n";

impl<'a> Line<'a> {
    /// Reads `timestamp,open,high,low,close,volume,tic[,stale]`; a ninth field is refused.
    ///
    /// # Errors
    /// [`CandleFault`].
    pub fn read(line: &'a str) -> Result<Self, CandleFault> {
        let mut fields = line.trim_end_matches(['\r', '\n']).split(',');
        let mut next = || fields.next().map(str::trim);
        let at = next().and_then(time).ok_or(CandleFault::NotACandle)?;
        let mut numbers = [0.0; 5];
        for number in &mut numbers {
            *number = next().and_then(|text| text.parse().ok()).ok_or(CandleFault::NotACandle)?;
        }
        let ticker = next().filter(|name| !name.is_empty()).ok_or(CandleFault::NotACandle)?;
        let stale = match next() {
            None | Some("" | "0") => false,
            Some("1") => true,
            Some(_other) => return Err(CandleFault::NotACandle),
        };
        if next().is_some() {
            return Err(CandleFault::NotACandle);
        }
        Ok(Self { at, ticker, candle: Candle::new(numbers)?, stale })
    }
}

impl fmt::Display for Line<'_> {
    /// The line as [`Self::read`] reads it back to the last bit, without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Candle { open, high, low, close, volume } = self.candle;
        let stale = u8::from(self.stale);
        let (at, ticker) = (self.at, self.ticker);
        write!(f, "{at},{open},{high},{low},{close},{volume},{ticker},{stale}")
    }
}

/// A time with an offset, or without one in UTC, with `T` or a space between date and time.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.replacen(' ', "T", 1);
    Timestamp::parse(&text).or_else(|| Timestamp::parse(&format!("{text}Z")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_to_the_last_bit() {
        let candle = Candle::new([0.1 + 0.2, 1e5, 1e-7, 3.0, 1.0 / 3.0]).unwrap();
        let line = Line { at: Timestamp(3_600_000), ticker: "BTC/USD", candle, stale: true };
        assert_eq!(Line::read(&line.to_string()), Ok(line));
    }

    #[test]
    fn files_of_pandas_are_read_and_nonsense_is_refused() {
        let read = Line::read("2024-03-01 05:00:00+00:00,1,2,1,2,0,BTC/USD\r\n").unwrap();
        assert_eq!(read.at, Timestamp::parse("2024-03-01T05:00:00Z").unwrap());
        assert!(Line::read("2024-03-01 05:00:00,1,2,1,2,0,BTC/USD").is_ok());
        for wrong in [
            "timestamp,open,high,low,close,volume,tic",
            "2024-03-01T05:00:00Z,1,2,1,2,0",
            "2024-03-01T05:00:00Z,1,2,1,nan,0,A",
            "2024-03-01T05:00:00Z,1,1,2,1,0,A",
            "2024-03-01T05:00:00Z,1,2,1,-2,0,A",
            "2024-03-01T05:00:00Z,1,2,1,2,0,A,0,0",
        ] {
            assert!(Line::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_timeframe_knows_where_its_bars_begin() {
        assert_eq!(Timeframe::parse("15m"), Some(Timeframe::Quarter));
        assert_eq!(Timeframe::parse("2h"), None);
        assert!(Timeframe::Hour.begins(Timestamp(-7_200_000)));
        assert!(!Timeframe::Hour.begins(Timestamp(1)));
    }
}
