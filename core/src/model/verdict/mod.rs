//! Whether a model may run, from its bytes and what is known of its trial: five steps, each with
//! what was seen. What cannot be looked at, because nobody knows what is due, is said to be so.
//!
//! Memory: the numbers of all its files, which [`Limits`] bound, and the actor's once more.

mod behaviour;
mod files;
mod read;
mod semantics;

pub use files::{FileKind, ModelFile};

use super::container::Limits;
use super::weights::Weights;
use crate::words::{Digest, ExamStep, Examined, Timestamp, Verdict};
use std::io::{Read, Seek};

/// Something that is due, or why nobody knows what is.
pub type Known<T> = Result<T, String>;

/// What the model should be like.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Width of the hidden layers: the trial's `net_dimension`.
    pub net_dimension: Known<usize>,
    /// Bars that a state looks back at: the trial's `lookback`.
    pub lookback: Known<usize>,
    /// Tickers that the trader trades.
    pub tickers: Known<usize>,
    /// Last moment at which the trial can have written its files.
    pub finished: Known<Timestamp>,
    /// The weights that are live: whose they are, and their [`Weights::digest`].
    pub live: Known<(String, Digest)>,
    /// States that the trader saw lately.
    pub states: Known<Vec<Vec<f32>>>,
}

impl Expected {
    /// Nothing is known, for one reason.
    pub fn nothing(why: &str) -> Self {
        Self {
            net_dimension: Err(why.to_owned()),
            lookback: Err(why.to_owned()),
            tickers: Err(why.to_owned()),
            finished: Err(why.to_owned()),
            live: Err(why.to_owned()),
            states: Err(why.to_owned()),
        }
    }
}

/// A file whose weights could be read.
struct Readable {
    name: String,
    size_bytes: u64,
    weights: Weights,
}

/// Examines a model that consists of `files`.
pub fn judge<R: Read + Seek>(
    files: &mut [ModelFile<R>],
    expected: &Expected,
    limits: &Limits,
) -> Verdict {
    let mut of_files = files::examine(files, &expected.finished, limits);
    let (mut container, mut pickle, mut readable) = (Vec::new(), Vec::new(), Vec::new());
    for file in files.iter_mut() {
        let weights = read::examine(file, limits, &mut container, &mut pickle);
        let (name, size_bytes) = (file.name.clone(), file.size_bytes);
        readable.extend(weights.map(|weights| Readable { name, size_bytes, weights }));
    }
    of_files.extend(readable.iter().map(files::size_fits));
    let is_whole = readable.len() == files.len();
    let (semantics, network) = semantics::examine(&readable, is_whole, expected);
    let behaviour = behaviour::examine(network.as_ref(), &expected.states);
    let steps = [
        (ExamStep::Files, of_files),
        (ExamStep::Container, container),
        (ExamStep::Pickle, pickle),
        (ExamStep::Semantics, semantics),
        (ExamStep::Behaviour, behaviour),
    ];
    Verdict { steps: steps.map(|(step, findings)| Examined { step, findings }).to_vec() }
}
