//! Whether a model file is whole and harmless as a container, before anyone reads its meaning.
//!
//! Nothing is executed, and no input makes this use more memory or time than [`Limits`] allow.

mod fault;
pub(super) mod safetensors;
#[cfg(test)]
mod tests;
mod torch_zip;

pub use fault::ContainerFault;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{Read, Seek, SeekFrom};

/// The containers that model files come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerKind {
    /// The zip archive that `torch.save` has written since PyTorch 1.6 (`.pth`, `.pt`).
    TorchZip,
    /// A JSON header and raw tensors (`.safetensors`).
    Safetensors,
}

/// How much a container may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file in bytes.
    pub file_bytes: u64,
    /// Largest sum of unpacked contents in bytes.
    pub unpacked_bytes: u64,
    /// Largest table of contents in bytes: zip directory or JSON header.
    pub directory_bytes: u64,
    /// Most entries or tensors.
    pub entries: usize,
}

/// What a sound container holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerFacts {
    /// Which container it is.
    pub kind: ContainerKind,
    /// Length of the file in bytes.
    pub file_bytes: u64,
    /// Zip entries or tensors.
    pub entries: usize,
    /// Unpacked contents in bytes.
    pub unpacked_bytes: u64,
}

impl Default for Limits {
    /// Room for six times the largest policy network that the trainer can ask for (hidden layers
    /// 2048 wide, 40 MB).
    fn default() -> Self {
        Self {
            file_bytes: 256 << 20,
            unpacked_bytes: 256 << 20,
            directory_bytes: 1 << 20,
            entries: 1000,
        }
    }
}

impl ContainerKind {
    /// The kind that a file name promises; `None` for a file that is no model container.
    pub fn of(file_name: &str) -> Option<Self> {
        match file_name.rsplit_once('.')?.1 {
            "pth" | "pt" => Some(Self::TorchZip),
            "safetensors" => Some(Self::Safetensors),
            _other => None,
        }
    }
}

impl fmt::Display for ContainerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TorchZip => "torch archive",
            Self::Safetensors => "safetensors file",
        })
    }
}

/// Reads the container behind `reader` to its end and says what it holds.
///
/// # Errors
/// The first [`ContainerFault`] found; each is a sentence for the operator.
pub fn check(
    file_name: &str,
    mut reader: impl Read + Seek,
    limits: &Limits,
) -> Result<ContainerFacts, ContainerFault> {
    let kind = ContainerKind::of(file_name)
        .ok_or_else(|| ContainerFault::UnknownKind(file_name.to_owned()))?;
    let file_bytes = reader.seek(SeekFrom::End(0))?;
    if file_bytes > limits.file_bytes {
        return Err(ContainerFault::FileTooLarge { size: file_bytes, limit: limits.file_bytes });
    }
    reader.seek(SeekFrom::Start(0))?;
    let (entries, unpacked_bytes) = match kind {
        ContainerKind::TorchZip => torch_zip::check(reader, limits)?,
        ContainerKind::Safetensors => safetensors::check(reader, file_bytes, limits)?,
    };
    Ok(ContainerFacts { kind, file_bytes, entries, unpacked_bytes })
}
