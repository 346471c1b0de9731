//! One layer `y = W x + b` in 32-bit floats.
//!
//! The weights are kept column by column: what is zero in `x` (half of it after a ReLU) costs
//! nothing then, neither sums nor memory, and that is where a wide network's time goes.

use super::weights::{Tensor, Weights, WeightsFault};

/// Columns added at a time: each sum is read and written once for all of them, and the fixed order
/// gives the same bits on every machine.
const COLUMNS: usize = 4;

/// A layer: a weight matrix and one bias per row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Linear {
    inputs: usize,
    /// Column by column; each as long as the bias.
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
                let rows = || weight.values().chunks_exact(columns);
                let column = |place: usize| rows().filter_map(move |row| row.get(place)).copied();
                let weight = (0..columns).flat_map(column).collect();
                Ok(Self { inputs: columns, weight, bias: bias.values().to_vec() })
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
        let columns = self.weight.chunks_exact(self.bias.len()).zip(input.iter().copied());
        let present: Vec<(&[f32], f32)> = columns.filter(|(_, value)| *value != 0.0).collect();
        let mut sums = self.bias.clone();
        let (blocks, rest) = present.as_chunks::<COLUMNS>();
        for [(first, a), (second, b), (third, c), (fourth, d)] in blocks {
            let weights = first.iter().zip(*second).zip(third.iter().zip(*fourth));
            for (sum, ((first, second), (third, fourth))) in sums.iter_mut().zip(weights) {
                *sum += (first * a + second * b) + (third * c + fourth * d);
            }
        }
        for (column, value) in rest {
            for (sum, weight) in sums.iter_mut().zip(*column) {
                *sum += weight * value;
            }
        }
        sums.into_iter().map(activation).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A layer of made-up numbers, and what it is row by row in 64 bits.
    fn layer(outputs: usize, inputs: usize) -> (Linear, impl Fn(&[f32]) -> Vec<f64>) {
        let number =
            |place: usize| f32::from(u16::try_from(place * 7919 % 1009).unwrap()) / 504.0 - 1.0;
        let weight: Vec<f32> = (0..outputs * inputs).map(number).collect();
        let bias: Vec<f32> = (0..outputs).map(|place| number(place + 13)).collect();
        let tensors = vec![
            ("l.weight".to_owned(), Tensor::new(vec![outputs, inputs], weight.clone()).unwrap()),
            ("l.bias".to_owned(), Tensor::new(vec![outputs], bias.clone()).unwrap()),
        ];
        let exact = move |input: &[f32]| {
            let rows = weight.chunks_exact(inputs).zip(&bias);
            let of_row = |(row, bias): (&[f32], &f32)| {
                let products = row.iter().zip(input).map(|(w, x)| f64::from(*w) * f64::from(*x));
                products.sum::<f64>() + f64::from(*bias)
            };
            rows.map(of_row).collect()
        };
        (Linear::read(&Weights { tensors }, "l", None, None).unwrap(), exact)
    }

    #[test]
    fn zeros_are_skipped_and_the_sums_are_those_of_the_rows() {
        for (outputs, inputs) in [(1, 1), (3, 5), (7, 393), (64, 130)] {
            let (layer, exact) = layer(outputs, inputs);
            assert_eq!((layer.outputs(), layer.inputs()), (outputs, inputs));
            for every in [1, 2, 3, inputs + 1] {
                let value = |place: usize| if place.is_multiple_of(every) { 0.5 } else { 0.0 };
                let input: Vec<f32> = (0..inputs).map(value).collect();
                let found = layer.forward(&input, |value| value);
                for (found, exact) in found.iter().zip(exact(&input)) {
                    assert!((f64::from(*found) - exact).abs() < 1e-4, "{found} is not {exact}");
                }
                assert_eq!(found, layer.forward(&input, |value| value), "the same bits again");
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let (layer, _) = layer(3, 5);
        let found = layer.forward(&[0.0, f32::NAN, 0.0, 0.0, 1.0], |value| value);
        assert!(found.iter().all(|value| value.is_nan()));
    }
}
