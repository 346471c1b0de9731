//! For tests: series as a plain map, and whether the file answers like it.

use super::{Bucket, Samples, SeriesQuery};
use crate::words::Timestamp;
use std::collections::BTreeMap;

/// The names that tests use, by number.
pub(super) const NAMES: [&str; 3] = ["temperature", "power", "equity"];

/// What was written, the last of two at the same time.
#[derive(Clone, Debug, Default)]
pub(super) struct Model([BTreeMap<i64, f64>; 3]);

impl Model {
    pub(super) fn write(&mut self, at: i64, values: &[(usize, f64)]) {
        for (series, value) in values {
            self.0[*series].insert(at, *value);
        }
    }

    /// Compares all raw points that are not removed yet, bit for bit.
    pub(super) fn check_points(&self, samples: &Samples) {
        let horizon = samples.keeper.horizons.raw.0;
        for (name, model) in NAMES.iter().zip(&self.0) {
            let found = samples.reader().points(name, Timestamp(i64::MIN), Timestamp(i64::MAX));
            let found = found.unwrap().unwrap_or_default();
            let found: Vec<_> = found.into_iter().map(|(at, v)| (at.0, v.to_bits())).collect();
            let kept = model.range(horizon..).map(|(at, v)| (*at, v.to_bits()));
            assert_eq!(found, kept.collect::<Vec<_>>(), "{name}");
        }
    }

    /// Compares one answer, and that it keeps to its limit.
    pub(super) fn check_query(&self, samples: &Samples, from: i64, to: i64, max_buckets: usize) {
        for (name, model) in NAMES.iter().zip(&self.0) {
            let series = (*name).to_owned();
            let query =
                SeriesQuery { series, from: Timestamp(from), to: Timestamp(to), max_buckets };
            let Some(answer) = samples.reader().query(&query).unwrap() else {
                assert!(model.is_empty());
                continue;
            };
            assert!(answer.buckets.len() <= max_buckets, "{query:?}: {}", answer.buckets.len());
            let horizon = samples.keeper.horizons.raw.0;
            let expected = expect(model, from, to, answer.width.0);
            // A fine bucket across the place where raw samples begin has lost those from before.
            let width = answer.width.0;
            let is_cut = |b: &Bucket| b.start.0 < horizon && horizon < b.start.0 + width;
            let is_whole = |b: &&Bucket| width % 60_000 == 0 || !is_cut(b);
            let found: Vec<_> = answer.buckets.iter().filter(is_whole).collect();
            let expected: Vec<_> = expected.iter().filter(|(b, _)| is_whole(&b)).collect();
            assert_eq!(found.len(), expected.len(), "{query:?} {} {found:?}", answer.width);
            for (found, (expected, magnitude)) in found.into_iter().zip(expected) {
                assert_same(found, expected, *magnitude);
            }
        }
    }
}

/// The buckets of this width that touch a stretch, each with the sum of its absolute values.
fn expect(model: &BTreeMap<i64, f64>, from: i64, to: i64, width: i64) -> Vec<(Bucket, f64)> {
    let mut buckets: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (at, value) in model {
        let start = at - at.rem_euclid(width);
        if from < to && start.saturating_add(width) > from && start < to {
            buckets.entry(start).or_default().push(*value);
        }
    }
    buckets
        .into_iter()
        .map(|(start, values)| (sum_up(start, &values), magnitude(&values)))
        .collect()
}

fn sum_up(start: i64, values: &[f64]) -> Bucket {
    let mut numbers: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    numbers.sort_by(f64::total_cmp);
    Bucket {
        start: Timestamp(start),
        count: values.len() as u64,
        nans: (values.len() - numbers.len()) as u64,
        min: numbers.first().copied().unwrap_or(f64::NAN),
        max: numbers.last().copied().unwrap_or(f64::NAN),
        sum: numbers.iter().sum(),
        first: values[0],
        last: values[values.len() - 1],
    }
}

fn magnitude(values: &[f64]) -> f64 {
    values.iter().filter(|value| !value.is_nan()).map(|value| value.abs()).sum()
}

fn assert_same(found: &Bucket, expected: &Bucket, magnitude: f64) {
    let exact = |b: &Bucket| {
        let extremes = [b.min, b.max].map(|v| if v.is_nan() { None } else { Some(v.to_bits()) });
        (b.start, b.count, b.nans, extremes, b.first.to_bits(), b.last.to_bits())
    };
    assert_eq!(exact(found), exact(expected), "{found:?} {expected:?}");
    if magnitude.is_finite() {
        let error = (found.sum - expected.sum).abs();
        assert!(error <= magnitude * 1e-12, "{found:?} {expected:?}");
    }
}
