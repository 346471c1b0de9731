//! What the trader is told on its command line.

use cappuccino_core::trading::paper::candle::Timeframe;
use cappuccino_core::trading::paper::gather::Patience;
use cappuccino_core::trading::paper::rules::{Fees, ForcedSale, Minimums, Rules, Timing};
use cappuccino_core::words::Span;
use clap::{ValueEnum, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

/// Bars that a session sees before it acts, at least: what the indicators and any lookback need.
const HISTORY_BARS_MIN: usize = 40;

/// Variable that names the file of lanes; set by a runner.
pub const LANES_VARIABLE: &str = "CAPPUCCINO_LANES";

/// What the trader needs to know.
#[derive(clap::Args, Clone, Debug)]
pub struct TradeArgs {
    /// Folder of the model: actor.pth and best_trial
    #[arg(long, visible_alias = "model-dir", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub model: PathBuf,
    /// What is traded, in the order that the model was trained with
    #[arg(long, value_name = "TICKER", num_args = 1.., required = true)]
    pub tickers: Vec<String>,
    /// Length of a bar: 1m, 5m, 15m, 1h or 1d
    #[arg(long, value_name = "LENGTH", default_value = "1h", value_parser = timeframe)]
    pub timeframe: Timeframe,
    /// Where bars come from: `alpaca`, or `csv:FILE` with timestamp,open,high,low,close,volume,tic
    #[arg(long, value_name = "FEED", value_parser = feed)]
    pub feed: FeedChoice,
    /// CSV file of the session; events and account are kept beside it
    #[arg(long, visible_alias = "log-file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub session: PathBuf,
    /// Folder of a model that trades beside it, with money of its own: `DIR` or `NAME=DIR`
    #[arg(long, value_name = "NAME=DIR")]
    pub shadow: Vec<String>,
    /// File that names more of them, one `NAME=DIR` a line; looked at before every bar
    #[arg(long, value_name = "FILE", env = LANES_VARIABLE, hide_env_values = true)]
    pub lanes: Option<PathBuf>,
    /// Hours of history before the first decision
    #[arg(long, value_name = "N", default_value_t = 120)]
    pub history_hours: u16,
    /// How much faster than the market a file is replayed; 0: without a pause
    #[arg(long, value_name = "FACTOR", default_value_t = 0.0, value_parser = speed)]
    pub speed: f64,
    /// End at the end of the file, instead of waiting to be stopped
    #[arg(long)]
    pub exit_at_end: bool,
    /// Repeat what the original trader did: fills of long past bars, minimums by position
    #[arg(long, value_name = "WHICH")]
    pub compat: Option<Compat>,
    /// When a decision is filled
    #[arg(long, value_name = "WHEN", default_value = "at-close")]
    pub fill: Fill,
    /// Money at the start
    #[arg(long, value_name = "MONEY", default_value_t = 1000.0, value_parser = money)]
    pub start_cash: f64,
    /// Fee of every fill, in hundredths of a percent of its worth
    #[arg(long, value_name = "BPS", default_value_t = 25.0, value_parser = bps)]
    pub fee_bps: f64,
    /// In what fees are paid
    #[arg(long, value_name = "HOW", default_value = "money")]
    pub fees: FeesChoice,
    /// Half of the distance between bid and ask, in hundredths of a percent
    #[arg(long, value_name = "BPS", default_value_t = 0.0, value_parser = bps)]
    pub half_spread_bps: f64,
    /// What else a fill is worse than the price, in hundredths of a percent
    #[arg(long, value_name = "BPS", default_value_t = 0.0, value_parser = bps)]
    pub slippage_bps: f64,
    /// Least units of a ticker's orders: `BTC/USD=0.0001`
    #[arg(long, value_name = "TICKER=UNITS", value_parser = minimum)]
    pub min_units: Vec<(String, f64)>,
    /// Do not sell 5 % of what was held for 48 bars, as the training environment does
    #[arg(long)]
    pub no_forced_sales: bool,
    /// Folder of candle files, which the next start and backtests read
    #[arg(long, value_name = "DIR", default_value = ".cappuccino/candles")]
    pub candles: PathBuf,
    /// Seconds between two questions to the venue
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = poll)]
    pub poll_seconds: f64,
    /// Seconds after a bar's end in which the venue may still correct it
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub settle_seconds: u16,
    /// Seconds after that in which a missing ticker is awaited
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub wait_seconds: u16,
    /// Address of the venue's data, if it is another than Alpaca's
    #[arg(long, value_name = "URL", env = "ALPACA_DATA_URL", hide_env_values = true)]
    pub alpaca_url: Option<String>,
}

/// Where bars come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedChoice {
    /// Alpaca's public crypto bars.
    Alpaca,
    /// A file.
    Csv(PathBuf),
}

/// Whose behaviour is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    /// The trader that this one replaces: to compare with its records, not to trade.
    Original,
}

/// In what fees are paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FeesChoice {
    /// In money, to the last digit, as in the training environment.
    Money,
    /// Of a buy in the units bought, of a sale in money rounded up to the cent, as Alpaca does.
    Alpaca,
}

/// When a decision is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fill {
    /// At the close of the bar that it was made on.
    AtClose,
    /// At the close of the next bar, as in the training environment.
    NextClose,
}

impl TradeArgs {
    /// The tickers; one without a currency is in dollars.
    pub(crate) fn full_tickers(&self) -> Vec<String> {
        self.tickers.iter().map(|name| full_ticker(name)).collect()
    }

    /// The session's rules.
    pub(super) fn rules(&self) -> Rules {
        let tickers = self.full_tickers();
        let (timing, minimums) = match (self.compat, self.fill) {
            (Some(Compat::Original), _) => (Timing::Original, Minimums::ByPosition),
            (None, Fill::AtClose) => (Timing::AtClose, Minimums::ByTicker),
            (None, Fill::NextClose) => (Timing::NextClose, Minimums::ByTicker),
        };
        let mut minimum_units = minimums.of(&tickers);
        for (ticker, units) in &self.min_units {
            let place = tickers.iter().position(|known| known == ticker);
            if let Some(minimum) = place.and_then(|place| minimum_units.get_mut(place)) {
                *minimum = *units;
            }
        }
        let standard = ForcedSale { after_bars: 48, share: 0.05 };
        Rules {
            start_cash: self.start_cash,
            fee_rate: self.fee_bps / 10_000.0,
            half_spread_bps: self.half_spread_bps,
            slippage_bps: self.slippage_bps,
            minimum_units,
            forced_sale: (!self.no_forced_sales).then_some(standard),
            timing,
            fees: match self.fees {
                FeesChoice::Money => Fees::Money,
                FeesChoice::Alpaca => Fees::Alpaca,
            },
        }
    }

    pub(super) fn patience(&self) -> Patience {
        let seconds = |seconds: u16| Span::seconds(seconds.into());
        Patience { settle: seconds(self.settle_seconds), wait: seconds(self.wait_seconds) }
    }

    pub(super) fn history(&self) -> Span {
        Span::hours(self.history_hours.into())
    }

    pub(super) fn history_bars(&self) -> usize {
        let bars = self.history().0 / self.timeframe.span().0;
        usize::try_from(bars).unwrap_or(0).max(HISTORY_BARS_MIN)
    }

    pub(super) fn poll(&self) -> Duration {
        Duration::from_secs_f64(self.poll_seconds)
    }

    pub(super) fn candles_file(&self, timeframe: Timeframe) -> PathBuf {
        self.candles.join(format!("{timeframe}.csv"))
    }
}

/// A ticker; one without a currency is in dollars.
pub(crate) fn full_ticker(name: &str) -> String {
    if name.contains('/') { name.to_owned() } else { format!("{name}/USD") }
}

fn timeframe(text: &str) -> Result<Timeframe, String> {
    Timeframe::parse(text).ok_or_else(|| "1m, 5m, 15m, 1h or 1d is due".to_owned())
}

fn feed(text: &str) -> Result<FeedChoice, String> {
    match text.split_once(':') {
        Some(("csv", path)) if !path.is_empty() => Ok(FeedChoice::Csv(path.into())),
        None if text == "alpaca" => Ok(FeedChoice::Alpaca),
        Some(_) | None => Err("`alpaca` or `csv:FILE` is due".to_owned()),
    }
}

fn within(text: &str, range: std::ops::RangeInclusive<f64>) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("a number from {} to {} is due", range.start(), range.end()))
}

fn speed(text: &str) -> Result<f64, String> {
    within(text, 0.0..=1e9)
}

fn poll(text: &str) -> Result<f64, String> {
    within(text, 0.05..=3600.0)
}

fn money(text: &str) -> Result<f64, String> {
    within(text, 1.0..=1e12)
}

fn bps(text: &str) -> Result<f64, String> {
    within(text, 0.0..=5000.0)
}

fn minimum(text: &str) -> Result<(String, f64), String> {
    let (ticker, units) = text.split_once('=').ok_or("TICKER=UNITS is due")?;
    Ok((ticker.to_owned(), within(units, 0.0..=1e12)?))
}
