//! What a backtest costs: hourly bars of seven tickers, indicators and trades included, with the
//! demonstration's network and with one as large as the trainer makes them.
//!
//! Prints the processor time for a year and for 90 days: on a busy machine the clock says nothing.

use cappuccino_core::model::network::PolicyNetwork;
use cappuccino_core::model::weights::{Tensor, Weights};
use cappuccino_core::trading::paper::backtest::Course;
use cappuccino_core::trading::paper::candle::{Bar, Candle};
use cappuccino_core::trading::paper::policy::Policy;
use cappuccino_core::trading::paper::rules::{ModelSettings, Rules};
use cappuccino_core::words::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::time::Duration;

const TICKERS: [(&str, f64); 7] = [
    ("BTC/USD", 60_000.0),
    ("ETH/USD", 3000.0),
    ("LTC/USD", 80.0),
    ("BCH/USD", 400.0),
    ("LINK/USD", 15.0),
    ("UNI/USD", 7.0),
    ("AAVE/USD", 100.0),
];
/// Bars looked back at.
const LOOKBACK: usize = 5;

fn bars(count: i64, chance: &mut ChaCha8Rng) -> Vec<Bar> {
    let mut prices = TICKERS.map(|(_, price)| price);
    let bar = |hour: i64| {
        let candle = |price: &mut f64| {
            let open = *price;
            *price *= 1.0 + chance.random_range(-0.02..0.02);
            let (high, low) = (open.max(*price) * 1.002, open.min(*price) * 0.998);
            Candle::new([open, high, low, *price, chance.random_range(0.0..500.0)]).unwrap()
        };
        let candles = prices.iter_mut().map(candle).collect();
        Bar { at: Timestamp(hour * 3_600_000), candles, stale: vec![false; TICKERS.len()] }
    };
    (0..count).map(bar).collect()
}

fn network(settings: &ModelSettings, width: usize, chance: &mut ChaCha8Rng) -> PolicyNetwork {
    let count = TICKERS.len();
    let mut tensors = vec![("a_std_log".to_owned(), Tensor::matrix(1, vec![-0.5; count]))];
    let sizes = [(settings.state_len(count), width), (width, width), (width, count)];
    for (layer, (inputs, outputs)) in [0, 2, 4].into_iter().zip(sizes) {
        let scale = (3.0 / inputs as f32).sqrt();
        let weight = (0..inputs * outputs).map(|_| chance.random_range(-scale..scale)).collect();
        tensors.push((format!("net.{layer}.weight"), Tensor::matrix(outputs, weight)));
        tensors.push((format!("net.{layer}.bias"), Tensor::vector(vec![0.0; outputs])));
    }
    PolicyNetwork::from_actor(&Weights { tensors }).unwrap()
}

/// Processor time of this process so far, as the kernel's scheduler counts it.
fn computed() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn main() {
    let mut chance = ChaCha8Rng::seed_from_u64(1);
    let tickers: Vec<String> = TICKERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let params = [("lookback", LOOKBACK as f64), ("norm_action", 1000.0)];
    let settings =
        ModelSettings::of(&params.map(|(name, number)| (name.to_owned(), number)).into()).unwrap();
    let rules = Rules::of(&tickers);
    for (name, count) in [("a year", 24 * 365), ("90 days", 24 * 90)] {
        let bars = bars(count, &mut chance);
        let start = computed();
        let course = Course::new(&bars).unwrap();
        println!("{name}: {count} bars, indicators {:.0?}", computed() - start);
        for width in [16, 256, 768, 1536] {
            let policy = Policy::Network(Arc::new(network(&settings, width, &mut chance)));
            let start = computed();
            let outcome = course.run(&policy, &settings, &rules).unwrap();
            println!(
                "  network {}×{width}×{width}×{}: {:.2?}, {} fills",
                settings.state_len(TICKERS.len()),
                TICKERS.len(),
                computed() - start,
                outcome.fills
            );
        }
    }
}
