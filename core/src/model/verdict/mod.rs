//! Whether a model may run, from its bytes and what is known of its trial: five steps, each with
//! what was seen. What cannot be looked at, because nobody knows what is due, is said to be so.
//!
//! Memory: the numbers of all its files, which [`Limits`] bound, and the actor's once more.

mod behaviour;
mod expected;
mod files;
mod read;
mod semantics;

pub use expected::{Expected, Known};
pub use files::{FileKind, ModelFile};

use super::container::Limits;
use super::weights::Weights;
use crate::words::{ExamStep, Examined, Verdict};
use std::io::{Read, Seek};

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
