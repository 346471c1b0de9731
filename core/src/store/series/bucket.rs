//! Many samples summed up as one bucket, without hiding what stands out.

use crate::words::Timestamp;
use serde::{Deserialize, Serialize};

/// All samples of one series in one stretch of time. There is none for a stretch without samples:
/// a gap is a gap, never a zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Where the stretch starts; its length is that of its neighbours.
    pub start: Timestamp,
    /// Samples in it, at least 1.
    pub count: u64,
    /// How many of them are NaN: measured, but not a number. They are in no other field but
    /// `count`, `first` and `last`.
    pub nans: u64,
    /// The lowest sample, maybe -∞; NaN when every sample is. -0 is lower than +0.
    pub min: f64,
    /// The highest sample, maybe +∞; NaN when every sample is.
    pub max: f64,
    /// The sum of the samples; infinite or NaN when an infinite sample makes it so.
    pub sum: f64,
    /// The earliest sample.
    pub first: f64,
    /// The latest sample.
    pub last: f64,
}

impl Bucket {
    /// The mean of the samples that are numbers; `None` when there are none.
    pub fn mean(&self) -> Option<f64> {
        let numbers = self.count.saturating_sub(self.nans);
        (numbers > 0).then(|| self.sum / float(numbers))
    }

    fn of_one(start: i64, value: f64) -> Self {
        let nans = u64::from(value.is_nan());
        let sum = if value.is_nan() { 0.0 } else { value };
        Self {
            start: Timestamp(start),
            count: 1,
            nans,
            min: value,
            max: value,
            sum,
            first: value,
            last: value,
        }
    }

    /// Takes in what came later than everything in this bucket.
    fn absorb(&mut self, later: &Self) {
        self.count += later.count;
        self.nans += later.nans;
        self.min = pick(self.min, later.min, |a, b| b.total_cmp(&a).is_lt());
        self.max = pick(self.max, later.max, |a, b| b.total_cmp(&a).is_gt());
        self.sum += later.sum;
        self.last = later.last;
    }
}

/// The first of the two, unless the other is better or the first is not a number.
fn pick(ours: f64, theirs: f64, is_better: impl Fn(f64, f64) -> bool) -> f64 {
    let replaces = ours.is_nan() || !theirs.is_nan() && is_better(ours, theirs);
    if replaces && !(ours.is_nan() && theirs.is_nan()) { theirs } else { ours }
}

/// Exact up to 2^53, and no file holds that many samples.
fn float(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// Sums up `points`, which are in order of time, in stretches of `width`.
pub(super) fn gather(points: &[(i64, f64)], width: i64) -> Vec<Bucket> {
    let mut buckets = Vec::new();
    for (at, value) in points {
        push(&mut buckets, Bucket::of_one(super::grid::floor(*at, width), *value));
    }
    buckets
}

/// Sums up `rows`, which are in order of time, in wider stretches of `width`.
pub(super) fn regroup(rows: &[Bucket], width: i64) -> Vec<Bucket> {
    let mut buckets = Vec::new();
    for row in rows {
        let start = Timestamp(super::grid::floor(row.start.0, width));
        push(&mut buckets, Bucket { start, ..*row });
    }
    buckets
}

fn push(buckets: &mut Vec<Bucket>, next: Bucket) {
    match buckets.last_mut() {
        Some(bucket) if bucket.start == next.start => bucket.absorb(&next),
        Some(_) | None => buckets.push(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(values: &[f64]) -> Bucket {
        let points: Vec<_> = (0..).zip(values.iter().copied()).collect();
        gather(&points, 1000)[0]
    }

    #[test]
    fn what_is_not_a_number_is_counted_and_hides_nothing_else() {
        let bucket = one(&[f64::NAN, 3.0, f64::NAN, -1.0]);
        assert_eq!((bucket.count, bucket.nans), (4, 2));
        assert_eq!((bucket.min, bucket.max, bucket.mean()), (-1.0, 3.0, Some(1.0)));
        assert!(bucket.first.is_nan());
        let nothing = one(&[f64::NAN]);
        assert!(nothing.min.is_nan() && nothing.max.is_nan() && nothing.mean().is_none());
    }

    #[test]
    fn infinities_and_the_sign_of_zero_stay_visible() {
        let bucket = one(&[1.0, f64::INFINITY, 0.0, -0.0]);
        assert_eq!((bucket.max, bucket.mean()), (f64::INFINITY, Some(f64::INFINITY)));
        assert!(bucket.min.is_sign_negative());
        assert!(one(&[f64::NEG_INFINITY, f64::INFINITY]).mean().unwrap().is_nan());
    }
}
