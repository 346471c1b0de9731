//! Small sound models, made up from a seed, and verdicts about them.

use cappuccino_core::model::torch;
use cappuccino_core::model::weights::{Tensor, Weights};
use cappuccino_core::words::{ExamStep, Examined, Finding, Verdict};

/// Tickers, bars looked back at, width.
pub const TICKERS: usize = 2;
pub const LOOKBACK: usize = 1;
pub const WIDTH: usize = 8;
/// Numbers in a state.
pub const STATE: usize = 1 + TICKERS + 11 * TICKERS * LOOKBACK;

/// Numbers between −0.5 and 0.5 (splitmix64).
struct Chance(u64);

impl Chance {
    fn tensor(&mut self, shape: &[usize]) -> Tensor {
        let count = shape.iter().product();
        let values = (0..count).map(|_| self.number()).collect();
        Tensor::new(shape.to_vec(), values).unwrap()
    }

    fn number(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1 << 24) as f32 - 0.5
    }
}

/// An actor as PPO trains it.
pub fn actor(seed: u64) -> Weights {
    let mut chance = Chance(seed);
    let mut tensors = vec![("a_std_log".to_owned(), chance.tensor(&[1, TICKERS]))];
    tensors.extend(layers(&mut chance, TICKERS));
    Weights { tensors }
}

/// The critic beside it.
pub fn critic(seed: u64) -> Weights {
    Weights { tensors: layers(&mut Chance(!seed), 1) }
}

fn layers(chance: &mut Chance, outputs: usize) -> Vec<(String, Tensor)> {
    [("net.0", STATE, WIDTH), ("net.2", WIDTH, WIDTH), ("net.4", WIDTH, outputs)]
        .into_iter()
        .flat_map(|(name, inputs, outputs)| {
            [
                (format!("{name}.weight"), chance.tensor(&[outputs, inputs])),
                (format!("{name}.bias"), chance.tensor(&[outputs])),
            ]
        })
        .collect()
}

/// The files of a sound model.
pub fn files(seed: u64) -> [(&'static str, Vec<u8>); 2] {
    [
        ("actor.pth", torch::write(&actor(seed), "actor").unwrap()),
        ("critic.pth", torch::write(&critic(seed), "critic").unwrap()),
    ]
}

/// What an examination finds that has nothing to object to.
pub fn sound() -> Verdict {
    let steps = [
        ExamStep::Files,
        ExamStep::Container,
        ExamStep::Pickle,
        ExamStep::Semantics,
        ExamStep::Behaviour,
    ];
    let holds = |step| Examined { step, findings: vec![Finding::holds("as it should be")] };
    Verdict { steps: steps.into_iter().map(holds).collect() }
}

/// What it finds in a broken model.
pub fn refused(why: &str) -> Verdict {
    of(ExamStep::Semantics, Finding::refused(why))
}

/// What it finds in one that was made to do harm.
pub fn hostile(why: &str) -> Verdict {
    of(ExamStep::Pickle, Finding::hostile(why))
}

fn of(step: ExamStep, finding: Finding) -> Verdict {
    Verdict { steps: vec![Examined { step, findings: vec![finding] }] }
}

/// The weights as a `.safetensors` file.
pub fn safetensors(weights: &Weights) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, tensor) in &weights.tensors {
        let from = data.len();
        data.extend(tensor.values().iter().flat_map(|value| value.to_le_bytes()));
        let entry = serde_json::json!({
            "dtype": "F32", "shape": tensor.shape(), "data_offsets": [from, data.len()],
        });
        header.insert(name.clone(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let length = u64::try_from(header.len()).unwrap().to_le_bytes();
    [&length[..], &header, &data].concat()
}
