//! Steps 2 and 3: each file as a container, and what its description asks for.

use super::ModelFile;
use crate::model::container::{self, ContainerFault, ContainerKind, Limits};
use crate::model::torch::{self, TorchFault};
use crate::model::weights::Weights;
use crate::model::{safetensors, unpickle::PickleFault};
use crate::words::Finding;
use std::io::{Read, Seek, SeekFrom};

/// The weights of a file that stands both steps.
pub(super) fn examine<R: Read + Seek>(
    file: &mut ModelFile<R>,
    limits: &Limits,
    container: &mut Vec<Finding>,
    pickle: &mut Vec<Finding>,
) -> Option<Weights> {
    let name = &file.name;
    let Some(content) = &mut file.content else {
        container.push(Finding::not_checked(format_args!("{name}: there is no file to read")));
        pickle.push(Finding::not_checked(format_args!("{name}: there is no file to read")));
        return None;
    };
    let facts = match container::check(name, &mut *content, limits) {
        Ok(facts) => facts,
        Err(fault) => {
            pickle.push(description_of_unsound(name, content, &fault));
            container.push(fault_of(name, &fault));
            return None;
        }
    };
    let (kind, entries, bytes) = (facts.kind, facts.entries, facts.unpacked_bytes);
    container.push(Finding::holds(format_args!(
        "{name}: {kind}, {entries} entries, {bytes} bytes unpacked, whole to the last byte"
    )));
    match read(kind, content, limits) {
        Ok(weights) => {
            let tensors = weights.tensors.len();
            let asks = match kind {
                ContainerKind::TorchZip => "its pickle asks for nothing else",
                ContainerKind::Safetensors => "the format holds nothing that could be run",
            };
            pickle.push(Finding::holds(format_args!(
                "{name}: {tensors} tensors of 32-bit floats, {asks}"
            )));
            Some(weights)
        }
        Err(fault) => {
            pickle.push(match &fault {
                TorchFault::Pickle(inner) if inner.is_hostile() => hostile(name, inner),
                TorchFault::Pickle(_)
                | TorchFault::Container(_)
                | TorchFault::NotWeights(_)
                | TorchFault::Shape(_)
                | TorchFault::TooLarge { .. }
                | TorchFault::Entry { .. }
                | TorchFault::Write(_) => Finding::refused(format_args!("{name}: {fault}")),
            });
            None
        }
    }
}

fn read<R: Read + Seek>(
    kind: ContainerKind,
    content: &mut R,
    limits: &Limits,
) -> Result<Weights, TorchFault> {
    content.seek(SeekFrom::Start(0)).map_err(ContainerFault::from)?;
    match kind {
        ContainerKind::TorchZip => torch::read(content, limits),
        ContainerKind::Safetensors => safetensors::read(content, limits),
    }
}

/// A disk that fails says nothing about the model.
fn fault_of(name: &str, fault: &ContainerFault) -> Finding {
    if let ContainerFault::Unreadable(error) = fault {
        Finding::not_checked(format_args!("{name} cannot be read: {error}"))
    } else {
        Finding::refused(format_args!("{name}: {fault}"))
    }
}

/// A bare pickle is what the simplest attack looks like: Python's reader would run it. Before
/// protocol 2 it begins like any file.
fn description_of_unsound<R: Read + Seek>(
    name: &str,
    content: &mut R,
    fault: &ContainerFault,
) -> Finding {
    let is_bare = matches!(fault, ContainerFault::BarePickle | ContainerFault::NotAZip(_));
    let suspicion = if is_bare && content.seek(SeekFrom::Start(0)).is_ok() {
        torch::suspect(content)
    } else {
        None
    };
    match suspicion {
        Some(inner) if inner.is_hostile() => hostile(name, &inner),
        Some(_) | None => Finding::not_checked(format_args!("{name}: its container is not sound")),
    }
}

fn hostile(name: &str, fault: &PickleFault) -> Finding {
    Finding::hostile(format_args!("{name}: {fault}; nothing of it was run"))
}
