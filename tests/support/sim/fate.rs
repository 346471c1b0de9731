//! Chance, by seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A source of chance that always gives the same from the same seed.
pub struct Fate(ChaCha8Rng);

impl Fate {
    /// The fate of this seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Whether something that happens once in `n` times happens now.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.0.random_range(0..n) == 0
    }

    /// A whole number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high)
    }

    /// A waiting time in milliseconds with this mean, exponentially distributed.
    pub fn wait(&mut self, mean_ms: i64) -> i64 {
        let uniform: f64 = self.0.random_range(f64::EPSILON..1.0);
        (-uniform.ln() * mean_ms as f64) as i64 + 1
    }

    /// A number in 0..1.
    pub fn unit(&mut self) -> f64 {
        self.0.random_range(0.0..1.0)
    }
}
