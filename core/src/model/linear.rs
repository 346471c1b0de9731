//! One layer `y = W x + b` in 32-bit floats.

use super::weights::{Tensor, Weights, WeightsFault};

/// Sums kept side by side: independent of each other, they let the compiler use vector
/// instructions, and adding them in one fixed order gives the same bits on every machine.
const LANES: usize = 16;

/// A layer: a weight matrix (row by row) and one bias per row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Linear {
    inputs: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Linear {
    /// The layer whose tensors are called `{name}.weight` and `{name}.bias`.
    ///
    /// `inputs` and `outputs` are what the layers around it ask for; `None` accepts any.
    pub(super) fn read(
        weights: &Weights,
        name: &str,
        inputs: Option<usize>,
        outputs: Option<usize>,
    ) -> Result<Self, WeightsFault> {
        let weight_name = format!("{name}.weight");
        let weight = weights.get(&weight_name)?;
        let fits =
            |found: usize, wanted: Option<usize>| found > 0 && wanted.unwrap_or(found) == found;
        match weight.shape() {
            &[rows, columns] if fits(rows, outputs) && fits(columns, inputs) => {
                let bias = bias(weights, name, rows)?;
                let (weight, bias) = (weight.values().to_vec(), bias.values().to_vec());
                Ok(Self { inputs: columns, weight, bias })
            }
            _other => Err(WeightsFault::Shape {
                name: weight_name,
                found: weight.shape().to_vec(),
                wanted: format!("[{}, {}]", side(outputs), side(inputs)),
            }),
        }
    }

    /// Numbers going in.
    pub(super) const fn inputs(&self) -> usize {
        self.inputs
    }

    /// Numbers coming out.
    pub(super) const fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// `activation(W x + b)`; an `input` of another length than [`Linear::inputs`] is cut or
    /// counted as followed by zeros.
    pub(super) fn forward(&self, input: &[f32], activation: impl Fn(f32) -> f32) -> Vec<f32> {
        let rows = self.weight.chunks_exact(self.inputs);
        rows.zip(&self.bias).map(|(row, bias)| activation(dot(row, input) + bias)).collect()
    }
}

fn bias<'a>(weights: &'a Weights, name: &str, rows: usize) -> Result<&'a Tensor, WeightsFault> {
    let name = format!("{name}.bias");
    let bias = weights.get(&name)?;
    if bias.shape() == [rows] {
        return Ok(bias);
    }
    Err(WeightsFault::Shape { found: bias.shape().to_vec(), wanted: format!("[{rows}]"), name })
}

fn side(wanted: Option<usize>) -> String {
    wanted.map_or_else(|| "any".to_owned(), |wanted| wanted.to_string())
}

/// The sum of the products.
fn dot(row: &[f32], input: &[f32]) -> f32 {
    let (row_blocks, row_rest) = row.as_chunks::<LANES>();
    let (input_blocks, input_rest) = input.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (weights, values) in row_blocks.iter().zip(input_blocks) {
        for ((sum, weight), value) in sums.iter_mut().zip(weights).zip(values) {
            *sum += weight * value;
        }
    }
    let rest: f32 = row_rest.iter().zip(input_rest).map(|(weight, value)| weight * value).sum();
    sums.iter().sum::<f32>() + rest
}
