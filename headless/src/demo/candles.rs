//! Synthetic hourly candles: seeded, endless, and nobody's market.
//!
//! Each ticker follows a slow cycle with noise, so there is something to learn and something to
//! be wrong about.

/// Names of the synthetic tickers.
pub const TICKERS: [&str; 3] = ["SYN-A/USD", "SYN-B/USD", "SYN-C/USD"];
/// Bars on which the workers train; the trader goes on from there.
pub const TRAINING_BARS: usize = 1500;

/// Closing prices of every ticker, by bar.
#[derive(Clone, Debug)]
pub struct Candles {
    seed: u64,
}

impl Candles {
    /// The candles of this seed: the same for every process of a demonstration.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Closing prices of bar number `bar`, one per ticker.
    pub fn closes(&self, bar: usize) -> [f64; TICKERS.len()] {
        let mut closes = [0.0; TICKERS.len()];
        for (ticker, close) in (0_u64..).zip(closes.iter_mut()) {
            *close = self.close(ticker, bar);
        }
        closes
    }

    fn close(&self, ticker: u64, bar: usize) -> f64 {
        let time = as_f64(bar);
        let base = [40_000.0, 2_500.0, 80.0].get(index(ticker)).copied().unwrap_or(100.0);
        let period = as_f64(60 + 35 * index(ticker));
        let shift = unit(hash(self.seed, ticker, u64::MAX)) * std::f64::consts::TAU;
        let cycle = (time / period * std::f64::consts::TAU + shift).sin() * 0.08;
        let slow = (time / 700.0 + shift).sin() * 0.10;
        let noise = (unit(hash(self.seed, ticker, bar as u64)) - 0.5) * 0.01;
        base * (1.0 + cycle + slow + noise)
    }
}

fn index(ticker: u64) -> usize {
    usize::try_from(ticker).unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "bars are far below 2^52")]
fn as_f64(number: usize) -> f64 {
    number as f64
}

/// SplitMix64 over the three coordinates: chance without state, so any bar can be had directly.
fn hash(seed: u64, ticker: u64, bar: u64) -> u64 {
    let mut z = seed
        .wrapping_add(ticker.wrapping_mul(0x9E37_79B9_7F4A_7C15))
        .wrapping_add(bar.wrapping_mul(0xD1B5_4A32_D192_ED03));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}
