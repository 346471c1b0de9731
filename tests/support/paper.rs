//! Made-up markets for the paper trader's tests, and networks that trade in them.

use cappuccino_core::model::network::PolicyNetwork;
use cappuccino_core::model::weights::{Tensor, Weights};
use cappuccino_core::trading::paper::candle::{Bar, Candle, HEADER, Line};
use cappuccino_core::trading::paper::rules::ModelSettings;
use cappuccino_core::words::Timestamp;

/// Milliseconds of an hour.
pub const HOUR: i64 = 3_600_000;
/// When the first bar begins: 2024-03-01T00:00:00Z.
pub const START: Timestamp = Timestamp(1_709_251_200_000);

/// SplitMix64's finaliser: every bit depends on every bit.
pub fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// A number from 0 to 1 out of a seed and a place.
pub fn part(seed: u64, place: u64) -> f64 {
    (mix(mix(seed).wrapping_add(place)) >> 32) as f64 / 4_294_967_295.0
}

/// Names of made-up tickers.
pub fn tickers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("T{number}/USD")).collect()
}

/// Settings of a model that looks back at `lookback` bars.
pub fn settings(lookback: usize) -> ModelSettings {
    ModelSettings {
        lookback,
        cash_exponent: -11,
        units_exponent: -8,
        features_exponent: -14,
        reward_exponent: -9,
        action_scale: 100.0,
        cash_reserve: 0.1,
        concentration_penalty: 0.05,
    }
}

/// So many hourly bars of random walks, two percent of the candles stale.
pub fn bars(seed: u64, tickers: u64, count: u64) -> Vec<Bar> {
    let mut prices: Vec<f64> =
        (0..tickers).map(|ticker| 10_f64.powf(part(seed, ticker) * 5.0)).collect();
    let bar = |number: u64| {
        let mut bar = Bar {
            at: Timestamp(START.0 + number as i64 * HOUR),
            candles: Vec::new(),
            stale: Vec::new(),
        };
        for (price, ticker) in prices.iter_mut().zip(0..) {
            let draw = |kind: u64| part(seed ^ (number << 16), ticker * 8 + kind);
            let (open, stale) = (*price, number > 0 && draw(0) < 0.02);
            if stale {
                let flat = [open, open, open, open, 0.0];
                bar.candles.push(Candle::new(flat).unwrap());
            } else {
                *price *= 1.0 + (draw(1) - 0.5) * 0.04;
                let (high, low) = (open.max(*price), open.min(*price));
                let numbers = [open, high * (1.0 + draw(2) * 0.01), low, *price, draw(3) * 100.0];
                bar.candles.push(Candle::new(numbers).unwrap());
            }
            bar.stale.push(stale);
        }
        bar
    };
    (0..count).map(bar).collect()
}

/// The file of these bars.
pub fn candles(bars: &[Bar]) -> String {
    let mut text = HEADER.to_owned();
    for bar in bars {
        for (place, ticker) in tickers(bar.candles.len()).iter().enumerate() {
            let (candle, stale) = (bar.candles[place], bar.stale[place]);
            text += &format!("{}\n", Line { at: bar.at, ticker, candle, stale });
        }
    }
    text
}

/// The tensors of a PPO actor that looks back at `lookback` bars of `tickers` tickers.
pub fn actor(seed: u64, tickers: usize, lookback: usize, width: usize) -> Weights {
    let state = settings(lookback).state_len(tickers);
    let mut tensors = vec![("a_std_log".to_owned(), Tensor::matrix(1, vec![-0.5; tickers]))];
    let sizes = [(state, width), (width, width), (width, tickers)];
    for (layer, (inputs, outputs)) in [0, 2, 4].into_iter().zip(sizes) {
        let scale = (3.0 / inputs as f64).sqrt() * if layer == 0 { 200.0 } else { 2.0 };
        // A network that trades now this way, now that: it overlooks cash, holdings and price
        // levels, which never change their sign, and takes the small rest seriously.
        let is_level = |input: usize| input <= tickers || (input - 1 - tickers) % 11 < 4;
        let draw = |place: usize| {
            if layer == 0 && is_level(place % inputs) {
                return 0.0;
            }
            ((part(seed ^ (layer << 40), place as u64) - 0.5) * scale) as f32
        };
        let weight = (0..inputs * outputs).map(draw).collect();
        tensors.push((format!("net.{layer}.weight"), Tensor::matrix(outputs, weight)));
        tensors.push((format!("net.{layer}.bias"), Tensor::vector(vec![0.01; outputs])));
    }
    Weights { tensors }
}

/// The network of [`actor`].
pub fn network(seed: u64, tickers: usize, lookback: usize, width: usize) -> PolicyNetwork {
    PolicyNetwork::from_actor(&actor(seed, tickers, lookback, width)).unwrap()
}
