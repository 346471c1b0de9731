//! How fast the disk fills and the study's file grows, from what was measured of them.

use cappuccino_core::store::{Bucket, SampleReader, SeriesQuery};
use cappuccino_core::words::{Moment, Span, Timestamp};
use tokio::sync::watch;

/// Time between two looks at what was measured.
const LOOK_EVERY: Span = Span::hours(1);
/// How far back a look reaches: a week has its quiet days.
const LOOK_BACK: Span = Span::hours(7 * 24);
/// A shorter stretch tells nothing: a night's backup would be a trend.
const STRETCH_MIN: Span = Span::hours(6);
/// Buckets of a look: an hour each.
const BUCKETS: usize = 169;
const DAY: Span = Span::hours(24);

/// Growth in bytes a day, as it was looked up last.
pub(super) struct Growth {
    samples: watch::Receiver<Option<SampleReader>>,
    looked: Option<Moment>,
    disk: Option<f64>,
    study: Option<f64>,
}

impl Growth {
    pub(super) const fn new(samples: watch::Receiver<Option<SampleReader>>) -> Self {
        Self { samples, looked: None, disk: None, study: None }
    }

    /// Looks again when the last look is old.
    pub(super) fn look(&mut self, now: Moment) {
        if self.looked.is_some_and(|looked| now.since(looked) < LOOK_EVERY) {
            return;
        }
        self.looked = Some(now);
        let reader = self.samples.borrow().clone();
        let of = |series: &str| reader.as_ref().and_then(|reader| daily(reader, series, now.wall));
        (self.disk, self.study) = (of("disk/used"), of("study/size"));
    }

    /// Time until `free` bytes are used up; none while the disk does not fill.
    pub(super) fn disk_full_in(&self, free: f64) -> Option<Span> {
        let daily = self.disk.filter(|daily| *daily > 0.0)?;
        Some(milliseconds(free / daily * real(DAY)))
    }

    /// Growth of the study's database in bytes a day.
    pub(super) const fn study(&self) -> Option<f64> {
        self.study
    }
}

fn daily(reader: &SampleReader, series: &str, now: Timestamp) -> Option<f64> {
    let (from, to) = (now.plus(Span(-LOOK_BACK.0)), now.plus(Span(1)));
    let query = SeriesQuery { series: series.to_owned(), from, to, max_buckets: BUCKETS };
    match reader.query(&query) {
        Ok(found) => slope(&found?.buckets),
        Err(error) => {
            tracing::debug!("the growth of {series} is not known: {error}");
            None
        }
    }
}

/// Growth a day from the first bucket to the last; none over too short a stretch.
fn slope(buckets: &[Bucket]) -> Option<f64> {
    let (first, last) = (buckets.first()?, buckets.last()?);
    let stretch = last.start.since(first.start);
    let grown = last.last - first.first;
    (stretch >= STRETCH_MIN && grown.is_finite()).then(|| grown / real(stretch) * real(DAY))
}

#[expect(clippy::cast_precision_loss, reason = "a stretch of days")]
const fn real(span: Span) -> f64 {
    span.0 as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a conversion to an integer saturates")]
const fn milliseconds(span: f64) -> Span {
    Span(span as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(hour: i64, bytes: f64) -> Bucket {
        Bucket {
            start: Timestamp(0).plus(Span::hours(hour)),
            count: 1,
            nans: 0,
            min: bytes,
            max: bytes,
            sum: bytes,
            first: bytes,
            last: bytes,
        }
    }

    #[test]
    fn growth_needs_six_hours_and_a_disk_that_does_not_fill_is_never_full() {
        let mut growth = Growth::new(watch::channel(None).1);
        assert_eq!(slope(&[bucket(0, 0.0), bucket(5, 5e9)]), None);
        growth.disk = slope(&[bucket(0, 0.0), bucket(3, 9e9), bucket(12, 1e9)]);
        assert_eq!(growth.disk, Some(2e9), "a day has two of these");
        assert_eq!(growth.disk_full_in(6e9), Some(Span::hours(72)));
        growth.disk = slope(&[bucket(0, 5e9), bucket(12, 1e9)]);
        assert_eq!(growth.disk_full_in(6e9), None);
    }
}
