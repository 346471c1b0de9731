//! A policy network of the shape that ElegantRL's PPO trains: three layers, ReLU, ReLU, tanh.

use super::candles::{TICKER_COUNT, bell};
use cappuccino_core::model::network::PolicyNetwork;
use cappuccino_core::model::weights::{Tensor, Weights, WeightsFault};
use cappuccino_core::trading::paper::indicators::FEATURES;
use rand_chacha::ChaCha8Rng;

/// Numbers going in: cash, a holding of each ticker, and what the market shows.
pub const INPUTS: usize = 1 + TICKER_COUNT + FEATURES * TICKER_COUNT;
/// Width of the hidden layers.
pub const WIDTH: usize = 16;
const LAYER_NAMES: [&str; 3] = ["net.0", "net.2", "net.4"];

/// A network that maps an observation to one wish per ticker.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    layers: [Layer; 3],
}

/// `y = W x + b`, with `W` row by row.
#[derive(Clone, Debug, PartialEq)]
struct Layer {
    inputs: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Policy {
    /// A network that knows nothing yet.
    pub fn random(chance: &mut ChaCha8Rng) -> Self {
        let sizes = [(INPUTS, WIDTH), (WIDTH, WIDTH), (WIDTH, TICKER_COUNT)];
        Self { layers: sizes.map(|(inputs, outputs)| Layer::random(inputs, outputs, chance)) }
    }

    /// A neighbour: every number moved by about `step`.
    pub fn mutated(&self, step: f64, chance: &mut ChaCha8Rng) -> Self {
        let mut child = self.clone();
        for layer in &mut child.layers {
            for number in layer.weight.iter_mut().chain(&mut layer.bias) {
                *number += narrow(step * bell(chance));
            }
        }
        child
    }

    /// The network that decides.
    ///
    /// # Errors
    /// [`WeightsFault`] when a number grew beyond all bounds.
    pub fn network(&self) -> Result<PolicyNetwork, WeightsFault> {
        PolicyNetwork::from_actor(&self.actor())
    }

    /// The tensors of `actor.pth`.
    pub fn actor(&self) -> Weights {
        let mut tensors =
            vec![("a_std_log".to_owned(), Tensor::matrix(1, vec![-0.5; TICKER_COUNT]))];
        self.put_layers(&mut tensors, None);
        Weights { tensors }
    }

    /// The tensors of `critic.pth`. Hill climbing trains no critic, but whoever deploys expects
    /// the pair: it shares the hidden layers and values a state by the sum of the wishes.
    pub fn critic(&self) -> Weights {
        let [_, _, last] = &self.layers;
        let mut sum = vec![0.0; last.inputs];
        for row in last.weight.chunks(last.inputs) {
            sum.iter_mut().zip(row).for_each(|(sum, weight)| *sum += weight);
        }
        let head = Layer { inputs: last.inputs, weight: sum, bias: vec![last.bias.iter().sum()] };
        let mut tensors = Vec::new();
        self.put_layers(&mut tensors, Some(&head));
        Weights { tensors }
    }

    fn put_layers(&self, tensors: &mut Vec<(String, Tensor)>, head: Option<&Layer>) {
        let [first, second, last] = &self.layers;
        for (name, layer) in LAYER_NAMES.iter().zip([first, second, head.unwrap_or(last)]) {
            tensors.push((
                format!("{name}.weight"),
                Tensor::matrix(layer.bias.len(), layer.weight.clone()),
            ));
            tensors.push((format!("{name}.bias"), Tensor::vector(layer.bias.clone())));
        }
    }

    /// The network that `actor.pth` describes.
    ///
    /// # Errors
    /// [`WeightsFault`] when a tensor is missing, misshapen or not finite.
    pub fn from_actor(weights: &Weights) -> Result<Self, WeightsFault> {
        let [first, second, last] = LAYER_NAMES;
        let first = Layer::read(weights, first, INPUTS)?;
        let second = Layer::read(weights, second, first.bias.len())?;
        let last = Layer::read(weights, last, second.bias.len())?;
        if last.bias.len() == TICKER_COUNT {
            Ok(Self { layers: [first, second, last] })
        } else {
            let found = vec![last.bias.len()];
            let wanted = format!("[{TICKER_COUNT}], one number per ticker");
            Err(WeightsFault::Shape { name: "net.4.bias".into(), found, wanted })
        }
    }
}

impl Layer {
    fn random(inputs: usize, outputs: usize, chance: &mut ChaCha8Rng) -> Self {
        let fan_in = u32::try_from(inputs).unwrap_or(u32::MAX);
        let scale = 1.0 / f64::from(fan_in).sqrt();
        let weight = (0..inputs * outputs).map(|_index| narrow(scale * bell(chance))).collect();
        Self { inputs, weight, bias: vec![0.0; outputs] }
    }

    fn read(weights: &Weights, name: &str, inputs: usize) -> Result<Self, WeightsFault> {
        let (weight_name, bias_name) = (format!("{name}.weight"), format!("{name}.bias"));
        let (weight, bias) = (weights.get(&weight_name)?, weights.get(&bias_name)?);
        let outputs = bias.values().len();
        if bias.shape() != [outputs] || outputs == 0 {
            let found = bias.shape().to_vec();
            return Err(WeightsFault::Shape { name: bias_name, found, wanted: "a vector".into() });
        }
        if weight.shape() != [outputs, inputs] {
            let (found, wanted) = (weight.shape().to_vec(), format!("[{outputs}, {inputs}]"));
            return Err(WeightsFault::Shape { name: weight_name, found, wanted });
        }
        Ok(Self { inputs, weight: weight.values().to_vec(), bias: bias.values().to_vec() })
    }
}

/// The nearest number that a network computes with.
#[expect(clippy::cast_possible_truncation, reason = "rounding to the nearest f32 is what is meant")]
const fn narrow(number: f64) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn policy() -> Policy {
        Policy::random(&mut ChaCha8Rng::seed_from_u64(3))
    }

    #[test]
    fn a_policy_survives_its_file_and_wishes_within_bounds() {
        let back = Policy::from_actor(&policy().actor()).unwrap();
        assert_eq!(back, policy());
        let network = back.network().unwrap();
        let wishes = network.forward(&[0.5; INPUTS]).unwrap();
        assert_eq!(wishes.len(), TICKER_COUNT);
        assert!(wishes.iter().all(|wish| wish.abs() <= 1.0));
        assert_ne!(wishes, network.forward(&[-0.5; INPUTS]).unwrap());
    }

    #[test]
    fn a_foreign_network_is_refused_with_what_is_wrong() {
        let mut weights = policy().actor();
        weights.tensors.retain(|(name, _)| name != "net.2.bias");
        assert_eq!(Policy::from_actor(&weights), Err(WeightsFault::Missing("net.2.bias".into())));
        let mut weights = policy().actor();
        weights.tensors[1].1 = Tensor::matrix(WIDTH, vec![0.1; WIDTH * 7]);
        assert!(matches!(Policy::from_actor(&weights), Err(WeightsFault::Shape { .. })));
        let mut weights = policy().actor();
        weights.tensors[2].1 = Tensor::vector(vec![f32::NAN; WIDTH]);
        assert!(matches!(Policy::from_actor(&weights), Err(WeightsFault::NotFinite(_))));
    }
}
