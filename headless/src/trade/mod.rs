//! The built-in paper trader, `cappuccino trade`: a process like any other, which trades one model
//! (and any number beside it) on closed bars, on paper.
//!
//! What it decides is in `cappuccino_core::trading::paper`; here are its files, its feeds, and the
//! loop.

pub mod args;
pub mod candles;
mod company;
mod error;
pub mod feed;
pub(crate) mod model;
mod record;
mod trader;

pub use error::TradeError;

use crate::stop::Stop;
use args::{FeedChoice, TradeArgs};
use cappuccino_core::trading::paper::candle::{Bar, Timeframe};
use cappuccino_core::trading::paper::gather::Gatherer;
use cappuccino_core::words::Timestamp;
use feed::alpaca::Alpaca;
use feed::replay::Replay;
use std::time::Duration;
use trader::Trader;

/// Trades until SIGTERM or SIGINT.
///
/// # Errors
/// [`TradeError`]: a model that cannot be used, before anything is traded; a session or feed that
/// cannot go on.
pub fn run(args: &TradeArgs) -> Result<(), TradeError> {
    let deaf = |error| TradeError::Signals(format!("cannot listen for signals: {error}"));
    let stop = Stop::on_signals().map_err(deaf)?;
    let mut trader = Trader::open(args)?;
    say(&trader.ready());
    match &args.feed {
        FeedChoice::Csv(path) => {
            let feed = Replay::open(path, &trader)?;
            replay(args, &mut trader, &feed, &stop)?;
        }
        FeedChoice::Alpaca => follow(args, &mut trader, &stop)?,
    }
    say(&format!("trader stopped after {} bars", trader.rows()));
    Ok(())
}

/// Trades the bars of a file, at its own speed.
fn replay(
    args: &TradeArgs,
    trader: &mut Trader,
    feed: &Replay,
    stop: &Stop,
) -> Result<(), TradeError> {
    let (seen, rest) = feed.split(trader.span(), args.history_bars())?;
    trader.catch_up(seen)?;
    let pause = feed::pause(trader.timeframe(), args.speed);
    for bar in rest {
        if stop.wait(pause) {
            return Ok(());
        }
        trader.take(bar, true)?;
    }
    say("the feed has no more bars");
    // A program that ended would be started again, and end again.
    while !args.exit_at_end && !stop.wait(Duration::from_hours(1)) {}
    Ok(())
}

/// Trades the bars of a venue as they close.
fn follow(args: &TradeArgs, trader: &mut Trader, stop: &Stop) -> Result<(), TradeError> {
    let (timeframe, tickers) = (trader.timeframe(), trader.tickers().to_vec());
    let mut feed = Alpaca::new(args.alpaca_url.as_deref(), tickers.clone(), timeframe)?;
    let mut candles = candles::Candles::open(&args.candles_file(timeframe))?;
    let mut gatherer = Gatherer::new(tickers.len(), timeframe, args.patience());
    // Its first answer tells the venue's time.
    feed.poll(feed.now(), &mut gatherer, stop)?;
    let mut since = Timestamp(feed.now().0 - args.history().0);
    if let (Some(first), Some(last)) = trader.span() {
        let known = candles.bars(&tickers, timeframe, first, last)?;
        let bars = if is_whole(&known, timeframe, first, last) {
            known
        } else {
            say("the candle file lacks bars of this session; they are fetched again");
            feed.bars(first, last, stop)?
        };
        trader.catch_up(&bars)?;
        if let Some(bar) = bars.last() {
            gatherer.go_on_after(bar.clone());
        }
        since = last;
    }
    while !stop.is_asked() {
        feed.poll(since, &mut gatherer, stop)?;
        let now = feed.now();
        let bars: Vec<Bar> = std::iter::from_fn(|| gatherer.next(now)).collect();
        for (bar, later) in bars.iter().zip((0..bars.len()).rev()) {
            candles.append(&tickers, bar)?;
            // Nobody can trade at a close that has long been followed by another.
            let until = bar.at.plus(timeframe.span().times(2)).plus(args.patience().settle);
            let is_fresh = now <= until.plus(args.patience().wait);
            trader.take(bar, later == 0 && is_fresh)?;
            since = bar.at;
        }
        if stop.wait(args.poll()) {
            break;
        }
    }
    Ok(())
}

/// Whether these are all bars from `first` to `last`.
fn is_whole(bars: &[Bar], timeframe: Timeframe, first: Timestamp, last: Timestamp) -> bool {
    let ends = bars.first().map(|bar| bar.at) == Some(first)
        && bars.last().map(|bar| bar.at) == Some(last);
    let count = last.since(first).0 / timeframe.span().0 + 1;
    ends && i64::try_from(bars.len()).is_ok_and(|found| found == count)
}

/// A line for the process's log.
fn say(line: &str) {
    use std::io::Write;
    // A log that nobody reads any more must not stop the trading.
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}
