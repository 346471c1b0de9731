//! Sealed samples.

/// Samples of one series: (milliseconds since 1970, value), in order of time, one per time.
pub(super) type Points = Vec<(i64, f64)>;
