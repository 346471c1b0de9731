//! The weights of a network: named tensors of f32, in the order they were written.

/// One tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name, such as `net.0.weight`.
    pub name: String,
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// Its elements.
    pub data: Vec<f32>,
}

/// Named tensors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    tensors: Vec<Tensor>,
}

/// A tensor that contradicts itself or another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// Shape and data differ.
    #[error("tensor `{name}` of shape {shape:?} has {elements} elements; it cannot be right")]
    Shape {
        /// Which tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// How many elements it has.
        elements: usize,
    },
    /// Two tensors have one name.
    #[error("there are two tensors named `{0}`; each needs a name of its own")]
    Twice(String),
}

impl Weights {
    /// No tensors yet.
    pub const fn new() -> Self {
        Self { tensors: Vec::new() }
    }

    /// Adds a tensor.
    ///
    /// # Errors
    /// [`WeightsError`].
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        shape: Vec<usize>,
        data: Vec<f32>,
    ) -> Result<(), WeightsError> {
        let name = name.into();
        let expected = shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
        if expected != Some(data.len()) {
            return Err(WeightsError::Shape { name, shape, elements: data.len() });
        }
        if self.get(&name).is_some() {
            return Err(WeightsError::Twice(name));
        }
        self.tensors.push(Tensor { name, shape, data });
        Ok(())
    }

    /// The tensor with this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// All tensors, in order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_that_contradicts_itself_is_refused() {
        let mut weights = Weights::new();
        weights.insert("w", vec![2, 3], vec![0.0; 6]).unwrap();
        assert!(matches!(
            weights.insert("v", vec![2, 3], vec![0.0; 5]),
            Err(WeightsError::Shape { .. })
        ));
        assert!(matches!(weights.insert("w", vec![1], vec![0.0]), Err(WeightsError::Twice(_))));
        let huge = weights.insert("h", vec![usize::MAX, 2], vec![]);
        assert!(matches!(huge, Err(WeightsError::Shape { .. })));
    }
}
