//! Made-up markets and settings for this folder's tests.

use super::candle::{Bar, Candle};
use super::policy::mix;
use super::rules::ModelSettings;
use crate::words::Timestamp;

pub(super) const HOUR: i64 = 3_600_000;

pub(super) fn settings() -> ModelSettings {
    ModelSettings {
        lookback: 2,
        cash_exponent: -11,
        units_exponent: -8,
        features_exponent: -14,
        reward_exponent: -9,
        action_scale: 1000.0,
        cash_reserve: 0.1,
        concentration_penalty: 0.05,
    }
}

pub(super) fn tickers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("T{number}/USD")).collect()
}

/// A number from 0 to 1 out of a seed and a place.
pub(super) fn part(seed: u64, place: u64) -> f64 {
    f64::from(u32::try_from(mix(mix(seed).wrapping_add(place)) >> 32).unwrap())
        / f64::from(u32::MAX)
}

/// So many hourly bars of a random walk, some of them stale.
pub(super) fn bars(seed: u64, tickers: u64, count: u64) -> Vec<Bar> {
    let mut prices: Vec<f64> =
        (0..tickers).map(|ticker| 10_f64.powf(part(seed, ticker) * 5.0)).collect();
    let bar = |number: u64| {
        let mut candles = Vec::new();
        let mut stale = Vec::new();
        for (price, ticker) in prices.iter_mut().zip(0..) {
            let draw = |kind: u64| part(seed ^ (number << 8), ticker * 8 + kind);
            let open = *price;
            stale.push(number > 0 && draw(0) < 0.02);
            if stale.last() == Some(&false) {
                *price *= 1.0 + (draw(1) - 0.5) * 0.04;
            }
            let (high, low) = (open.max(*price), open.min(*price));
            let numbers = [open, high * (1.0 + draw(2) * 0.01), low, *price, draw(3) * 100.0];
            candles.push(Candle::new(numbers).unwrap());
        }
        let at = Timestamp(1_700_000_000_000 / HOUR * HOUR + i64::try_from(number).unwrap() * HOUR);
        Bar { at, candles, stale }
    };
    (0..count).map(bar).collect()
}
