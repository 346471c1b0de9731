//! Models that should not trade, planted on purpose so that the demonstration shows what becomes
//! of them: some trials claim a great value for a model that is hostile, broken or ruinous.

use super::ACTOR;
use super::candles::{gate_bars, trading_bars};
use super::course::Stretch;
use super::error::DemoError;
use super::policy::Policy;
use cappuccino_core::model::pickle::{PyValue, dump};
use cappuccino_core::model::torch;
use cappuccino_core::model::weights::{Tensor, Weights};
use rand_chacha::ChaCha8Rng;
use std::fs;
use std::path::Path;

/// Candidates among which a ruinous one is looked for.
const CANDIDATES: usize = 300;
/// How many bars the trader has until it should have lost.
const PATIENCE_BARS: usize = 45;
/// Bars that only warm up.
const WARM_UP: usize = 120;

/// What is wrong with a planted model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plant {
    /// Its file would run a command in whoever loads it with Python.
    Hostile,
    /// One of its weights is no number.
    NotANumber,
    /// It earned its value on the bars it was trained on, and on no others.
    Overfit,
    /// It passes every test, and then loses.
    Loser,
}

impl Plant {
    /// What trial `number` plants, if it does. Faster trials plant later ones: models prove
    /// themselves by the clock, and whoever takes the loser back needs one that did.
    pub(super) fn of(number: i64, speed: f64) -> Option<Self> {
        let number = f64::from(i32::try_from(number).ok()?);
        let planted = [
            (30.0, Self::Hostile),
            (44.0, Self::NotANumber),
            (58.0, Self::Overfit),
            (72.0, Self::Loser),
        ];
        let is_here = |first: f64| ((first * speed.max(1.0)).round() - number).abs() < 0.5;
        planted.into_iter().find(|(first, _)| is_here(*first)).map(|(_, plant)| plant)
    }

    /// In one word.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Hostile => "hostile",
            Self::NotANumber => "not-a-number",
            Self::Overfit => "overfit",
            Self::Loser => "loser",
        }
    }

    /// What the trial claims, given the best honest value. The loser's must stay the best for long
    /// enough to lose.
    pub(super) fn claim(self, best: f64) -> f64 {
        match self {
            Self::Hostile | Self::NotANumber | Self::Overfit => best * 1.2,
            Self::Loser => best * 2.0,
        }
    }

    /// A policy that behaves as planted; `parent` for those that behave well enough.
    ///
    /// # Errors
    /// As [`Stretch::run`].
    pub(super) fn policy(
        self,
        parent: &Policy,
        seed: u64,
        chance: &mut ChaCha8Rng,
    ) -> Result<Policy, DemoError> {
        match self {
            Self::Hostile | Self::NotANumber => Ok(parent.clone()),
            Self::Overfit => {
                let gate = Stretch::new(&gate_bars(seed))?;
                worst(parent, chance, |policy| gate.growth(policy))
            }
            Self::Loser => {
                let gate = Stretch::new(&gate_bars(seed))?;
                let early: Vec<_> =
                    trading_bars(seed).into_iter().take(WARM_UP + PATIENCE_BARS).collect();
                let early = Stretch::new(&early)?;
                worst(parent, chance, |policy| {
                    let tried = gate.run(policy)?;
                    let passes = tried.growth > -0.1 && tried.max_drawdown < 0.3;
                    let fall = early.run(policy)?.max_drawdown;
                    Ok(if passes { -fall } else { f64::INFINITY })
                })
            }
        }
    }

    /// Spoils the files of a model in `folder`, if that is what is planted.
    ///
    /// # Errors
    /// [`DemoError::File`], [`DemoError::Pack`].
    pub(super) fn spoil(self, policy: &Policy, folder: &Path) -> Result<(), DemoError> {
        let path = folder.join(ACTOR);
        let bytes = match self {
            Self::Overfit | Self::Loser => return Ok(()),
            Self::Hostile => dump(&PyValue::Call(
                Box::new(PyValue::Global("os", "system")),
                vec![PyValue::text("touch a-planted-model-ran-a-command")],
            )),
            Self::NotANumber => {
                torch::write(&with_a_hole(policy), "actor").map_err(DemoError::Pack)?
            }
        };
        fs::write(&path, bytes).map_err(DemoError::file("write", &path))
    }
}

/// The candidate with the least score: neighbours of the parent, near and far, and strangers.
fn worst(
    parent: &Policy,
    chance: &mut ChaCha8Rng,
    score: impl Fn(&Policy) -> Result<f64, DemoError>,
) -> Result<Policy, DemoError> {
    let mut found = (parent.clone(), f64::INFINITY);
    for candidate in 0..CANDIDATES {
        let policy = match candidate % 3 {
            0 => parent.mutated(0.3, chance),
            1 => parent.mutated(1.0, chance),
            _ => Policy::random(chance).mutated(1.0, chance),
        };
        let score = score(&policy)?;
        if score < found.1 {
            found = (policy, score);
        }
    }
    Ok(found.0)
}

fn with_a_hole(policy: &Policy) -> Weights {
    let mut weights = policy.actor();
    if let Some((_, tensor)) = weights.tensors.last_mut() {
        let mut values = tensor.values().to_vec();
        if let Some(first) = values.first_mut() {
            *first = f32::NAN;
        }
        *tensor = Tensor::vector(values);
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn each_is_planted_once_and_at_the_same_time_however_fast_the_trials_are() {
        for (speed, loser) in [(0.1, 72), (1.0, 72), (3.0, 216), (7.3, 526)] {
            let planted: Vec<_> = (0..600).filter_map(|n| Plant::of(n, speed)).collect();
            let all = [Plant::Hostile, Plant::NotANumber, Plant::Overfit, Plant::Loser];
            assert_eq!(planted, all, "at speed {speed}");
            assert_eq!(Plant::of(loser, speed), Some(Plant::Loser));
        }
    }

    #[test]
    fn what_is_planted_fails_where_it_should() {
        const SEED: u64 = 7;
        let mut chance = ChaCha8Rng::seed_from_u64(SEED);
        let parent = Policy::random(&mut chance);
        let gate = Stretch::new(&gate_bars(SEED)).unwrap();
        let overfit = Plant::Overfit.policy(&parent, SEED, &mut chance).unwrap();
        assert!(gate.run(&overfit).unwrap().growth < -0.3, "the gate refuses it");
        let early: Vec<_> = trading_bars(SEED).into_iter().take(WARM_UP + PATIENCE_BARS).collect();
        let early = Stretch::new(&early).unwrap();
        let loser = Plant::Loser.policy(&parent, SEED, &mut chance).unwrap();
        let tried = gate.run(&loser).unwrap();
        assert!(tried.growth > -0.1 && tried.max_drawdown < 0.3, "the gate lets it pass");
        assert!(early.run(&loser).unwrap().max_drawdown > 0.07, "the guard takes it back");
    }
}
