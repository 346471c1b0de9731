//! What a policy sees of the market: eleven numbers per ticker, from closed bars alone.

use super::candles::{Bar, TICKER_COUNT};

/// Numbers per ticker.
pub const PER_TICKER: usize = 11;
/// Bars that must have closed before anything can be seen.
pub const WARM_UP: usize = 97;
/// Horizons of the returns, in bars.
const HORIZONS: [usize; 8] = [1, 2, 3, 6, 12, 24, 48, 96];

/// What there is to see after the last of `history`; `None` while the market is too young.
pub fn observe(history: &[Bar]) -> Option<Vec<f32>> {
    let window = history.get(history.len().checked_sub(WARM_UP)?..)?;
    let mut seen = Vec::with_capacity(PER_TICKER * TICKER_COUNT);
    for ticker in 0..TICKER_COUNT {
        observe_ticker(window, ticker, &mut seen)?;
    }
    Some(seen)
}

fn observe_ticker(window: &[Bar], ticker: usize, seen: &mut Vec<f32>) -> Option<()> {
    let candle = |ago: usize| window.iter().rev().nth(ago)?.candles.get(ticker).copied();
    let now = candle(0)?;
    for horizon in HORIZONS {
        let scale = 100.0 / f64::from(u32::try_from(horizon).ok()?).sqrt();
        seen.push(narrow((now.close / candle(horizon)?.close).ln() * scale));
    }
    let day: Vec<f64> = (0..24).map_while(candle).map(|candle| candle.close).collect();
    let mean = day.iter().sum::<f64>() / 24.0;
    seen.push(narrow((now.close / mean - 1.0) * 50.0));
    seen.push(narrow((now.high - now.low) / now.close * 100.0));
    seen.push(narrow((now.volume / candle(1)?.volume).ln()));
    Some(())
}

/// The nearest number that a network computes with.
#[expect(clippy::cast_possible_truncation, reason = "rounding to the nearest f32 is what is meant")]
pub const fn narrow(number: f64) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::super::candles::Market;
    use super::*;

    #[test]
    fn nothing_is_seen_too_early_and_nothing_of_the_future() {
        let bars: Vec<Bar> = Market::new(1).take(200).collect();
        assert_eq!(observe(&bars[..WARM_UP - 1]), None);
        let seen = observe(&bars[..150]).unwrap();
        assert_eq!(seen.len(), PER_TICKER * TICKER_COUNT);
        assert!(seen.iter().all(|number| number.is_finite() && number.abs() < 20.0));
        let mut other_future = bars.clone();
        other_future[150].candles[0].close *= 2.0;
        assert_eq!(observe(&other_future[..150]), Some(seen));
    }
}
