//! The policy networks that the trainer writes as `actor`, and what they wish for in a state.
//!
//! Source of names and shapes: the actor classes of ElegantRL. With `S` numbers in a state, hidden
//! layers `M` wide and `A` tickers:
//!
//! | trained by | layers | besides |
//! |---|---|---|
//! | PPO | `net.0` S→M, `net.2` M→M, `net.4` M→A | `a_std_log` `[1, A]` |
//! | DDPG, TD3 | `net.0` S→M, `net.2` M→M, `net.4` M→M, `net.6` M→A | |
//! | SAC | `net_state.0` S→M, `net_state.2` M→M, `net_a_avg.0` M→M, `net_a_avg.2` M→A | `net_a_std.{0,2}` as `net_a_avg` |
//!
//! All of them are one chain: ReLU after every layer, tanh after the last.

use super::linear::Linear;
use super::weights::{Weights, WeightsFault};

/// Numbers that a state holds per ticker and bar looked back at: open, high, low, close, volume,
/// MACD, its signal and histogram, RSI, CCI, DX.
pub const FEATURES_PER_TICKER: usize = 11;

/// Which agent trained a network, as its tensors show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Proximal policy optimisation.
    Ppo,
    /// Deep deterministic policy gradient and its twin-delayed successor: their actors look alike.
    Deterministic,
    /// Soft actor-critic.
    Sac,
}

/// A policy: a state goes in, one wish per ticker comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyNetwork {
    architecture: Architecture,
    layers: Vec<Linear>,
}

/// Why a network gave no wish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardFault {
    /// A state of another length than the network was trained on.
    #[error(
        "the state has {found} numbers, the network needs {wanted}: another lookback or other tickers"
    )]
    StateLength {
        /// Numbers given.
        found: usize,
        /// Numbers needed.
        wanted: usize,
    },
    /// NaN or an infinity in the state.
    #[error("number {0} of the state is not finite: a feature could not be computed")]
    StateNotFinite(usize),
    /// The sums overflowed on the way.
    #[error("the network's answer is not a number: its weights or the state are too large")]
    ActionNotFinite,
}

impl Architecture {
    /// The layers' names, first to last.
    pub(super) const fn layer_names(self) -> &'static [&'static str] {
        match self {
            Self::Ppo => &["net.0", "net.2", "net.4"],
            Self::Deterministic => &["net.0", "net.2", "net.4", "net.6"],
            Self::Sac => &["net_state.0", "net_state.2", "net_a_avg.0", "net_a_avg.2"],
        }
    }

    /// The agents that train such an actor.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ppo => "PPO",
            Self::Deterministic => "DDPG or TD3",
            Self::Sac => "SAC",
        }
    }

    fn of(weights: &Weights) -> Option<Self> {
        let has = |name: &str| weights.tensors.iter().any(|(own, _)| own == name);
        if has("net_state.0.weight") {
            Some(Self::Sac)
        } else if has("a_std_log") {
            Some(Self::Ppo)
        } else {
            has("net.6.weight").then_some(Self::Deterministic)
        }
    }
}

impl PolicyNetwork {
    /// The network that the tensors of an `actor` file describe.
    ///
    /// # Errors
    /// [`WeightsFault`] when the tensors are those of no known actor, or one of them is missing,
    /// misshapen, not finite, or has no place in the network.
    pub fn from_actor(weights: &Weights) -> Result<Self, WeightsFault> {
        let architecture = Architecture::of(weights).ok_or(WeightsFault::UnknownNetwork)?;
        let names = architecture.layer_names();
        let mut layers: Vec<Linear> = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let inputs = layers.last().map(Linear::outputs);
            // Hidden layers are all as wide as the first.
            let is_last = index + 1 == names.len();
            let outputs = layers.first().map(Linear::outputs).filter(|_| !is_last);
            layers.push(Linear::read(weights, name, inputs, outputs)?);
        }
        let network = Self { architecture, layers };
        network.check_extras(weights)?;
        Ok(network)
    }

    /// What lies beside the chain that is computed, and nothing else.
    fn check_extras(&self, weights: &Weights) -> Result<(), WeightsFault> {
        let (width, actions) = (self.net_dimension(), self.actions());
        let mut known: Vec<String> = Vec::new();
        for layer in self.architecture.layer_names() {
            known.extend([format!("{layer}.weight"), format!("{layer}.bias")]);
        }
        match self.architecture {
            Architecture::Deterministic => {}
            Architecture::Ppo => {
                let name = "a_std_log".to_owned();
                let found = weights.get(&name)?.shape().to_vec();
                if found != [1, actions] {
                    return Err(WeightsFault::Shape {
                        name,
                        found,
                        wanted: format!("[1, {actions}]"),
                    });
                }
                known.push(name);
            }
            Architecture::Sac => {
                for (name, outputs) in [("net_a_std.0", width), ("net_a_std.2", actions)] {
                    Linear::read(weights, name, Some(width), Some(outputs))?;
                    known.extend([format!("{name}.weight"), format!("{name}.bias")]);
                }
            }
        }
        let foreign = weights.tensors.iter().find(|(name, _)| !known.contains(name));
        foreign.map_or(Ok(()), |(name, _)| Err(WeightsFault::Unexpected(name.clone())))
    }

    /// Which agent trained it.
    pub const fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// Numbers in a state, `S`.
    pub fn state_len(&self) -> usize {
        self.layers.first().map_or(0, Linear::inputs)
    }

    /// Wishes, one per ticker: `A`.
    pub fn actions(&self) -> usize {
        self.layers.last().map_or(0, Linear::outputs)
    }

    /// Width of the hidden layers, `M`.
    pub fn net_dimension(&self) -> usize {
        self.layers.first().map_or(0, Linear::outputs)
    }

    /// Bars that a state looks back at, `L`, if it holds cash, a holding per ticker, and
    /// [`FEATURES_PER_TICKER`] numbers per ticker and bar: `S = 1 + A + 11·A·L`. `None` when no
    /// whole number of bars gives this length.
    pub fn lookback(&self) -> Option<usize> {
        let features = self.state_len().checked_sub(1)?.checked_sub(self.actions())?;
        let per_bar = self.actions().checked_mul(FEATURES_PER_TICKER)?;
        let whole = features.checked_rem(per_bar)? == 0 && features > 0;
        if whole { features.checked_div(per_bar) } else { None }
    }

    /// One wish in −1..1 per ticker: sell as much as possible … buy as much as possible.
    ///
    /// Agrees with PyTorch to 1e-5: the order of its sums is its own.
    ///
    /// # Errors
    /// [`ForwardFault`] when the state does not fit or the answer is no number.
    pub fn forward(&self, state: &[f32]) -> Result<Vec<f32>, ForwardFault> {
        let (found, wanted) = (state.len(), self.state_len());
        if found != wanted {
            return Err(ForwardFault::StateLength { found, wanted });
        }
        if let Some(index) = state.iter().position(|value| !value.is_finite()) {
            return Err(ForwardFault::StateNotFinite(index));
        }
        let Some((last, hidden)) = self.layers.split_last() else {
            return Err(ForwardFault::ActionNotFinite);
        };
        let mut values = state.to_vec();
        for layer in hidden {
            values = layer.forward(&values, relu);
        }
        let wishes = last.forward(&values, f32::tanh);
        if wishes.iter().all(|wish| wish.is_finite()) {
            Ok(wishes)
        } else {
            Err(ForwardFault::ActionNotFinite)
        }
    }
}

/// Keeps a NaN a NaN, unlike [`f32::max`]: an overflow must not end as a harmless zero.
fn relu(value: f32) -> f32 {
    if value < 0.0 { 0.0 } else { value }
}
