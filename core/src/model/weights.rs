//! Named tensors of 32-bit floats: what a policy network is, free of any file format.

use crate::words::Digest;
use sha2::{Digest as _, Sha256};

/// A dense tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// Tensors with their names, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    /// Name and tensor.
    pub tensors: Vec<(String, Tensor)>,
}

/// A shape that does not hold as many numbers as were given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tensor of shape {shape:?} cannot hold {count} numbers")]
pub struct ShapeMismatch {
    /// The shape asked for.
    pub shape: Vec<usize>,
    /// The numbers given.
    pub count: usize,
}

/// What a network asked for and the file does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsFault {
    /// No tensor of that name.
    #[error("the model has no tensor `{0}`: it is a different network")]
    Missing(String),
    /// A tensor of another shape.
    #[error("the tensor `{name}` has the shape {found:?}, not {wanted}")]
    Shape {
        /// Its name.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// What the network needs.
        wanted: String,
    },
    /// NaN or an infinity among the numbers.
    #[error("the tensor `{0}` holds a number that is not finite")]
    NotFinite(String),
    /// A tensor that the network has no place for.
    #[error("the model has a tensor `{0}` that its network does not: it is a different network")]
    Unexpected(String),
    /// The names fit no network that is known.
    #[error("its tensors are those of no actor that is known (PPO, DDPG, TD3, SAC)")]
    UnknownNetwork,
}

impl Tensor {
    /// A tensor of these numbers, row by row.
    ///
    /// # Errors
    /// [`ShapeMismatch`] when the shape holds another number of them.
    pub fn new(shape: Vec<usize>, values: Vec<f32>) -> Result<Self, ShapeMismatch> {
        let room = shape.iter().try_fold(1_usize, |room, side| room.checked_mul(*side));
        if room == Some(values.len()) {
            Ok(Self { shape, values })
        } else {
            Err(ShapeMismatch { shape, count: values.len() })
        }
    }

    /// A row of numbers.
    pub fn vector(values: Vec<f32>) -> Self {
        Self { shape: vec![values.len()], values }
    }

    /// As many rows, of equal length; numbers that fill no whole column are dropped.
    pub fn matrix(rows: usize, mut values: Vec<f32>) -> Self {
        let columns = values.len().checked_div(rows).unwrap_or(0);
        values.truncate(rows.saturating_mul(columns));
        Self { shape: vec![rows, columns], values }
    }

    /// Length of each side.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

impl Weights {
    /// SHA-256 of names, shapes and numbers, in their order: the same for the same weights in
    /// whatever file.
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        let length = |hash: &mut Sha256, count: usize| {
            hash.update(u64::try_from(count).unwrap_or(u64::MAX).to_le_bytes());
        };
        for (name, tensor) in &self.tensors {
            length(&mut hash, name.len());
            hash.update(name);
            length(&mut hash, tensor.shape.len());
            for side in &tensor.shape {
                length(&mut hash, *side);
            }
            for value in &tensor.values {
                hash.update(value.to_le_bytes());
            }
        }
        Digest(hash.finalize().into())
    }

    /// Length of all numbers in bytes.
    pub fn size_bytes(&self) -> u64 {
        let count = |tensor: &Tensor| u64::try_from(tensor.values.len()).unwrap_or(u64::MAX);
        let counts = self.tensors.iter().map(|(_, tensor)| count(tensor));
        counts.fold(0_u64, u64::saturating_add).saturating_mul(4)
    }

    /// The tensor of that name.
    ///
    /// # Errors
    /// [`WeightsFault::Missing`], and [`WeightsFault::NotFinite`] for one that cannot be used.
    pub fn get(&self, name: &str) -> Result<&Tensor, WeightsFault> {
        let found = self.tensors.iter().find(|(own, _)| own == name);
        let (_, tensor) = found.ok_or_else(|| WeightsFault::Missing(name.to_owned()))?;
        if tensor.values.iter().all(|value| value.is_finite()) {
            Ok(tensor)
        } else {
            Err(WeightsFault::NotFinite(name.to_owned()))
        }
    }
}
