//! Weights in a `.safetensors` file: what its header names, read as 32-bit floats.

use super::container::{self, ContainerFault, Limits, safetensors};
use super::torch::{TorchFault, floats};
use super::weights::{Tensor, Weights};
use std::io::{Read, Seek, SeekFrom};

/// Reads the weights behind `reader`, after [`container::check`] found the file sound.
///
/// # Errors
/// [`TorchFault`] when it is not, or holds other numbers than 32-bit floats.
pub fn read(mut reader: impl Read + Seek, limits: &Limits) -> Result<Weights, TorchFault> {
    let facts = container::check("weights.safetensors", &mut reader, limits)?;
    reader.seek(SeekFrom::Start(0)).map_err(ContainerFault::from)?;
    let (tensors, _) = safetensors::header(&mut reader, facts.file_bytes, limits)?;
    let mut weights = Weights::default();
    for (name, tensor) in tensors {
        if tensor.dtype != "F32" {
            return Err(TorchFault::NotWeights("numbers of another type than 32-bit floats"));
        }
        // The shape was found to fit the file's length.
        let side = |side: &u64| usize::try_from(*side).unwrap_or(usize::MAX);
        let shape: Vec<usize> = tensor.shape.iter().map(side).collect();
        let count = shape.iter().fold(1_usize, |count, side| count.saturating_mul(*side));
        let bytes = u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(4);
        let numbers =
            floats(&mut (&mut reader).take(bytes), count).map_err(ContainerFault::from)?;
        weights.tensors.push((name, Tensor::new(shape, numbers)?));
    }
    Ok(weights)
}
