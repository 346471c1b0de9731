//! A small trading policy in the shape of the original's actor: three layers, ReLU, tanh.

use super::candles::{Candles, TICKERS};
use cappuccino_core::model::weights::{Tensor, Weights, WeightsError};
use rand::{Rng, RngExt};

/// Bars of which the policy sees the return.
pub const LOOKBACK: usize = 8;
/// Inputs: the recent returns of every ticker.
pub const INPUTS: usize = LOOKBACK * TICKERS.len();
/// Width of the hidden layers.
pub const HIDDEN: usize = 16;

/// Layers by name, with outputs and inputs.
const LAYERS: [(&str, usize, usize); 3] =
    [("net.0", HIDDEN, INPUTS), ("net.2", HIDDEN, HIDDEN), ("net.4", TICKERS.len(), HIDDEN)];

/// What a policy wants of each ticker: −1 sells all, 1 buys all it may.
pub type Action = [f32; TICKERS.len()];

/// The weights of a policy, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    weights: Weights,
}

/// Weights that are no policy of this shape.
#[derive(Debug, thiserror::Error)]
#[error("tensor `{name}` is not as expected ({what}); deploy a model that the workers wrote")]
pub struct NoPolicy {
    /// Which tensor.
    pub name: String,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Policy {
    /// A policy with small random weights.
    ///
    /// # Errors
    /// Never in practice: the shapes are constants.
    pub fn random(rng: &mut impl Rng) -> Result<Self, WeightsError> {
        let mut weights = Weights::new();
        for (name, outputs, inputs) in LAYERS {
            let mut draw = |count: usize, scale: f32| -> Vec<f32> {
                (0..count).map(|_| rng.random_range(-scale..scale)).collect()
            };
            weights.insert(
                format!("{name}.weight"),
                vec![outputs, inputs],
                draw(outputs * inputs, 0.3),
            )?;
            weights.insert(format!("{name}.bias"), vec![outputs], draw(outputs, 0.1))?;
        }
        Ok(Self { weights })
    }

    /// A neighbour of this policy: every weight moved a little.
    ///
    /// # Errors
    /// Never in practice: the shapes are constants.
    pub fn mutated(&self, rng: &mut impl Rng, step: f32) -> Result<Self, WeightsError> {
        let mut weights = Weights::new();
        for tensor in self.weights.tensors() {
            let data = tensor.data.iter().map(|w| w + rng.random_range(-step..step)).collect();
            weights.insert(tensor.name.clone(), tensor.shape.clone(), data)?;
        }
        Ok(Self { weights })
    }

    /// The policy with these weights.
    ///
    /// # Errors
    /// [`NoPolicy`]: a tensor is missing, has another shape, or holds something else than numbers.
    pub fn from_weights(weights: Weights) -> Result<Self, NoPolicy> {
        for (layer, outputs, inputs) in LAYERS {
            check(&weights, &format!("{layer}.weight"), &[outputs, inputs])?;
            check(&weights, &format!("{layer}.bias"), &[outputs])?;
        }
        Ok(Self { weights })
    }

    /// The weights, to be written.
    pub const fn weights(&self) -> &Weights {
        &self.weights
    }

    /// What the policy wants after bar `bar` has closed.
    pub fn act(&self, candles: &Candles, bar: usize) -> Action {
        let mut values = observation(candles, bar);
        for (place, (layer, _, _)) in LAYERS.iter().enumerate() {
            values = self.layer(layer, &values);
            if place + 1 < LAYERS.len() {
                for value in &mut values {
                    *value = value.max(0.0);
                }
            }
        }
        let mut action = [0.0; TICKERS.len()];
        for (wanted, value) in action.iter_mut().zip(values) {
            *wanted = value.tanh();
        }
        action
    }

    fn layer(&self, name: &str, inputs: &[f32]) -> Vec<f32> {
        let tensor = |suffix: &str| self.weights.get(&format!("{name}.{suffix}"));
        let (Some(weight), Some(bias)) = (tensor("weight"), tensor("bias")) else {
            return Vec::new();
        };
        let dot = |row: &[f32]| row.iter().zip(inputs).map(|(w, x)| w * x).sum::<f32>();
        weight
            .data
            .chunks_exact(inputs.len())
            .zip(&bias.data)
            .map(|(row, b)| dot(row) + b)
            .collect()
    }
}

fn check(weights: &Weights, name: &str, shape: &[usize]) -> Result<(), NoPolicy> {
    let wrong = |what| NoPolicy { name: name.to_owned(), what };
    let tensor: &Tensor = weights.get(name).ok_or_else(|| wrong("it is missing"))?;
    if tensor.shape != shape {
        return Err(wrong("it has another shape"));
    }
    let finite = tensor.data.iter().all(|weight| weight.is_finite());
    if finite { Ok(()) } else { Err(wrong("a weight is not a finite number")) }
}

/// Recent returns of every ticker, scaled to about one.
fn observation(candles: &Candles, bar: usize) -> Vec<f32> {
    let mut inputs = Vec::with_capacity(INPUTS);
    for back in 0..LOOKBACK {
        let now = candles.closes(bar.saturating_sub(back));
        let before = candles.closes(bar.saturating_sub(back + 1));
        #[expect(clippy::cast_possible_truncation, reason = "returns need no more than f32")]
        inputs.extend(
            now.iter().zip(before).map(|(now, before)| ((now / before - 1.0) * 50.0) as f32),
        );
    }
    inputs
}
