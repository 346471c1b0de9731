//! Fewer points that draw the same picture.

use crate::words::Timestamp;

/// The lowest and the highest point of each of `max_points / 2` equal stretches of time.
pub(super) fn thin(
    points: &[(Timestamp, f64)],
    from: Timestamp,
    to: Timestamp,
    max_points: usize,
) -> Vec<(Timestamp, f64)> {
    let buckets = i128::try_from((max_points / 2).max(1)).unwrap_or(i128::MAX);
    let span = i128::from(to.0) - i128::from(from.0);
    let bucket = |at: Timestamp| (i128::from(at.0) - i128::from(from.0)) * buckets / span;
    let mut thinned = Vec::new();
    for stretch in points.chunk_by(|a, b| bucket(a.0) == bucket(b.0)) {
        let order = |a: &&(Timestamp, f64), b: &&(Timestamp, f64)| a.1.total_cmp(&b.1);
        let (low, high) = (stretch.iter().min_by(order), stretch.iter().max_by(order));
        let (first, last) =
            if low.map(|p| p.0) <= high.map(|p| p.0) { (low, high) } else { (high, low) };
        thinned.extend(first);
        thinned.extend(last.filter(|last| Some(*last) != first));
    }
    thinned
}
