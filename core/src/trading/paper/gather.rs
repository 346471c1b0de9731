//! From a feed's candles to closed bars: each bar once, in order, all tickers in the configured
//! order.
//!
//! A feed brings candles late, twice, out of order, corrected, or not at all (venues leave out the
//! candle of a time without a trade), and the newest one is usually not closed yet. A bar leaves
//! here when it is closed beyond doubt and every ticker is there, or when waiting any longer makes
//! no sense: then the close before is carried on and marked stale. What has left never changes.

use super::candle::{Bar, Candle, Line, Timeframe};
use crate::words::{Span, Timestamp};
use std::collections::BTreeMap;

/// Longest silence that is filled with stale bars; after a longer one the bars go on behind it.
const FILLED_MAX: i64 = 1000;

/// When a bar counts as closed, and how long a missing ticker is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Time after a bar's end in which venues still correct it.
    pub settle: Span,
    /// Time after that in which a missing ticker may still come.
    pub wait: Span,
}

/// What became of a candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// New.
    Taken,
    /// Already known just so.
    Duplicate,
    /// It replaces one that has not left yet.
    Revised,
    /// Its bar has left; it changes nothing.
    Late,
    /// Its time is not over.
    NotClosed,
    /// No bar begins at its time.
    Misaligned,
}

/// Candles that wait for their bar.
#[derive(Clone, Debug)]
pub struct Gatherer {
    tickers: usize,
    timeframe: Timeframe,
    patience: Patience,
    waiting: BTreeMap<Timestamp, Vec<Option<(Candle, bool)>>>,
    last: Option<Bar>,
}

impl Gatherer {
    /// Nothing has come yet.
    pub const fn new(tickers: usize, timeframe: Timeframe, patience: Patience) -> Self {
        Self { tickers, timeframe, patience, waiting: BTreeMap::new(), last: None }
    }

    /// Takes the candle that ticker number `ticker` began at `at`; the time is now `now`.
    pub fn offer(
        &mut self,
        ticker: usize,
        at: Timestamp,
        candle: Candle,
        now: Timestamp,
    ) -> Arrival {
        self.put(ticker, at, (candle, false), now)
    }

    fn put(
        &mut self,
        ticker: usize,
        at: Timestamp,
        candle: (Candle, bool),
        now: Timestamp,
    ) -> Arrival {
        if !self.timeframe.begins(at) || ticker >= self.tickers {
            return Arrival::Misaligned;
        }
        if self.last.as_ref().is_some_and(|last| at <= last.at) {
            return Arrival::Late;
        }
        if self.closed(at) > now {
            return Arrival::NotClosed;
        }
        let slots = self.waiting.entry(at).or_insert_with(|| vec![None; self.tickers]);
        let Some(slot) = slots.get_mut(ticker) else { return Arrival::Misaligned };
        match slot.replace(candle) {
            None => Arrival::Taken,
            Some(known) if known == candle => Arrival::Duplicate,
            Some(_) => Arrival::Revised,
        }
    }

    /// When the bar that began at `at` is closed beyond doubt.
    fn closed(&self, at: Timestamp) -> Timestamp {
        at.plus(self.timeframe.span()).plus(self.patience.settle)
    }

    /// The next bar, if it is due.
    pub fn next(&mut self, now: Timestamp) -> Option<Bar> {
        let due = self.due(now)?;
        let slots = self.waiting.remove(&due).unwrap_or_else(|| vec![None; self.tickers]);
        self.waiting = self.waiting.split_off(&due);
        let mut bar = Bar { at: due, candles: Vec::new(), stale: Vec::new() };
        for (ticker, slot) in slots.into_iter().enumerate() {
            let before = self.last.as_ref().and_then(|last| last.candles.get(ticker));
            let carried = || before.map(|candle| (candle.carried_on(), true));
            let (candle, stale) = slot.or_else(carried)?;
            bar.candles.push(candle);
            bar.stale.push(stale);
        }
        self.last = Some(bar.clone());
        Some(bar)
    }

    /// When the bar begins that may leave now.
    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let complete = |slots: &[Option<(Candle, bool)>]| slots.iter().all(Option::is_some);
        let Some(last) = &self.last else {
            // Nothing could be carried on into a first bar, so it is one that lacks nobody.
            return self.waiting.iter().find(|(_, slots)| complete(slots)).map(|(at, _)| *at);
        };
        let next = last.at.plus(self.timeframe.span());
        let (first, slots) = self.waiting.first_key_value()?;
        if first.since(next).0 / self.timeframe.span().0 > FILLED_MAX {
            return Some(*first);
        }
        let is_complete = *first == next && complete(slots);
        let has_waited = self.closed(next).plus(self.patience.wait) <= now;
        (is_complete || has_waited).then_some(next)
    }

    /// Goes on as if `bar` had just left.
    pub fn go_on_after(&mut self, bar: Bar) {
        self.waiting = self.waiting.split_off(&bar.at.plus(self.timeframe.span()));
        self.last = Some(bar);
    }

    /// The newest bar that has left.
    pub const fn last(&self) -> Option<&Bar> {
        self.last.as_ref()
    }

    /// How many tickers are missing from the bar that is due next, while candles of it or of a
    /// later one wait.
    pub fn missing(&self) -> usize {
        let slots = self.waiting.first_key_value().map(|(_, slots)| slots.iter());
        slots.map_or(0, |slots| slots.filter(|slot| slot.is_none()).count())
    }
}

/// The bars of a candle file, for the `tickers` in their order. Lines of other tickers and lines
/// that are no candles are left out; of two candles of one time the first counts, as whoever wrote
/// the file acted on it.
pub fn bars_of(text: &str, tickers: &[String], timeframe: Timeframe) -> Vec<Bar> {
    let none = Patience { settle: Span::ZERO, wait: Span::ZERO };
    let mut gatherer = Gatherer::new(tickers.len(), timeframe, none);
    let now = Timestamp(i64::MAX);
    for line in text.lines() {
        let Ok(line) = Line::read(line) else { continue };
        if let Some(ticker) = tickers.iter().position(|ticker| ticker == line.ticker)
            && !gatherer.knows(ticker, line.at)
        {
            gatherer.put(ticker, line.at, (line.candle, line.stale), now);
        }
    }
    std::iter::from_fn(|| gatherer.next(now)).collect()
}

impl Gatherer {
    fn knows(&self, ticker: usize, at: Timestamp) -> bool {
        self.waiting.get(&at).and_then(|slots| slots.get(ticker)).is_some_and(Option::is_some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const PATIENCE: Patience = Patience { settle: Span::minutes(1), wait: Span::minutes(10) };

    fn hour(hour: i64) -> Timestamp {
        Timestamp(hour * HOUR)
    }

    fn candle(price: f64) -> Candle {
        Candle::new([price, price + 1.0, price - 1.0, price, 5.0]).unwrap()
    }

    fn gatherer() -> Gatherer {
        let mut gatherer = Gatherer::new(2, Timeframe::Hour, PATIENCE);
        for ticker in 0..2 {
            gatherer.offer(ticker, hour(0), candle(10.0), hour(9));
        }
        assert_eq!(gatherer.next(hour(9)).unwrap().stale, [false, false]);
        gatherer
    }

    #[test]
    fn t3_a_bar_that_is_not_closed_is_not_traded() {
        let mut gatherer = gatherer();
        let closing = hour(2).plus(Span(59_999));
        assert_eq!(gatherer.offer(0, hour(1), candle(11.0), closing), Arrival::NotClosed);
        assert_eq!(
            gatherer.offer(0, hour(1), candle(12.0), hour(2).plus(Span(60_000))),
            Arrival::Taken
        );
        assert_eq!(gatherer.next(hour(2)), None, "the other ticker is awaited");
    }

    #[test]
    fn t2_a_bar_is_in_the_configured_order_however_it_arrives() {
        let mut gatherer = gatherer();
        gatherer.offer(1, hour(1), candle(2.0), hour(9));
        gatherer.offer(0, hour(1), candle(1000.0), hour(9));
        assert_eq!(gatherer.next(hour(2)).unwrap().closes(), [1000.0, 2.0]);
    }

    #[test]
    fn t4_a_missing_ticker_is_awaited_then_carried_on_and_marked() {
        let mut gatherer = gatherer();
        gatherer.offer(0, hour(1), candle(11.0), hour(9));
        let deadline = hour(2).plus(PATIENCE.settle).plus(PATIENCE.wait);
        assert_eq!(gatherer.next(deadline.plus(Span(-1))), None);
        assert_eq!(gatherer.missing(), 1);
        let bar = gatherer.next(deadline).unwrap();
        assert_eq!((bar.stale, bar.candles[1].close), (vec![false, true], 10.0));
        assert_eq!(gatherer.offer(1, hour(1), candle(12.0), hour(9)), Arrival::Late);
    }

    #[test]
    fn a_hole_in_all_tickers_is_filled_once_the_feed_speaks_again() {
        let mut gatherer = gatherer();
        assert_eq!(gatherer.next(hour(9)), None, "a silent feed is no bar");
        for ticker in 0..2 {
            gatherer.offer(ticker, hour(3), candle(11.0), hour(9));
        }
        let bars: Vec<Bar> = std::iter::from_fn(|| gatherer.next(hour(9))).collect();
        let stale: Vec<bool> = bars.iter().map(|bar| bar.stale[0]).collect();
        assert_eq!(stale, [true, true, false]);
        assert_eq!(bars.last().unwrap().at, hour(3));
    }

    #[test]
    fn a_far_future_time_costs_no_endless_filling() {
        let text = "1970-01-01T00:00:00Z,1,2,1,2,0,A\n9999-01-01T00:00:00Z,1,2,1,2,0,A\n";
        let bars = bars_of(text, &["A".to_owned()], Timeframe::Hour);
        assert_eq!(bars.len(), 2);
    }

    #[test]
    fn late_duplicate_and_revised_candles_are_told_apart() {
        let mut gatherer = gatherer();
        assert_eq!(gatherer.offer(0, hour(0), candle(9.0), hour(9)), Arrival::Late);
        assert_eq!(gatherer.offer(0, hour(1), candle(9.0), hour(9)), Arrival::Taken);
        assert_eq!(gatherer.offer(0, hour(1), candle(9.0), hour(9)), Arrival::Duplicate);
        assert_eq!(gatherer.offer(0, hour(1), candle(8.0), hour(9)), Arrival::Revised);
        assert_eq!(gatherer.offer(0, Timestamp(5), candle(8.0), hour(9)), Arrival::Misaligned);
        gatherer.offer(1, hour(1), candle(8.0), hour(9));
        assert_eq!(gatherer.next(hour(9)).unwrap().closes(), [8.0, 8.0]);
    }

    #[test]
    fn any_order_of_arrival_gives_the_same_bars() {
        let candles: Vec<(usize, i64)> = (1..6).flat_map(|at| [(0, at), (1, at)]).collect();
        let bars = |order: &dyn Fn(usize) -> usize| {
            let mut gatherer = gatherer();
            for place in 0..candles.len() {
                let (ticker, at) = candles[order(place)];
                let price = f64::from(i32::try_from(at).unwrap()) + 10.0;
                gatherer.offer(ticker, hour(at), candle(price), hour(9));
            }
            std::iter::from_fn(|| gatherer.next(hour(9))).collect::<Vec<_>>()
        };
        assert_eq!(bars(&|place| place).len(), 5);
        assert_eq!(bars(&|place| place), bars(&|place| 9 - place));
        assert_eq!(bars(&|place| place), bars(&|place| place * 7 % 10));
    }
}
