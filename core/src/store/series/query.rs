//! Questions about series: raw points, and buckets for a picture of so many pixels.

use super::{
    bucket::{self, Bucket},
    grid::Stretch,
    head,
    names::{Names, SERIES, SeriesFacts},
    segment::Points,
};
use crate::store::{
    error::{Doing, StoreError},
    handle::Handle,
};
use crate::words::{Span, Timestamp};
use redb::ReadTransaction;

const READING: &str = "reading samples";

/// The right to read open [`super::Samples`] from any thread.
#[derive(Clone, Debug)]
pub struct SampleReader {
    pub(super) handle: Handle,
}

/// A question for a picture: this series, this stretch of time, so many buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesQuery {
    /// The series' name.
    pub series: String,
    /// Start of the stretch, included.
    pub from: Timestamp,
    /// End of the stretch, excluded.
    pub to: Timestamp,
    /// Most buckets that the answer may have, at least 1; the width of the picture in pixels.
    pub max_buckets: usize,
}

/// The answer to a [`SeriesQuery`].
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    /// The length of time that each bucket stands for. Buckets start at multiples of it since
    /// 1970, so that a picture does not flicker while its window moves.
    pub width: Span,
    /// Buckets in order of time, each whole: the outer two also hold samples of their stretch
    /// that lie outside the one asked for. Stretches without samples have none.
    pub buckets: Vec<Bucket>,
}

impl SampleReader {
    /// All series ever defined or measured, by name.
    ///
    /// # Errors
    /// A failing disk or a damaged file.
    pub fn series(&self) -> Result<Vec<SeriesFacts>, StoreError> {
        self.handle.read(|transaction| {
            Ok(Names::read(&transaction.open_table(SERIES).doing(READING)?)?.facts())
        })
    }

    /// The samples of `series` from `from` (included) to `to` (excluded) in order of time, bit
    /// for bit as written, as far back as they are kept raw; `None` for an unknown name.
    ///
    /// # Errors
    /// A failing disk or a damaged file.
    pub fn points(
        &self,
        series: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Option<Vec<(Timestamp, f64)>>, StoreError> {
        self.handle.read(|transaction| {
            let Some(number) = number(transaction, series)? else { return Ok(None) };
            let points = raw(transaction, number, Stretch::new(from.0, to.0))?;
            Ok(Some(points.into_iter().map(|(at, value)| (Timestamp(at), value)).collect()))
        })
    }

    /// The buckets for a picture; `None` for an unknown name. Taken from the coarsest level that
    /// is fine enough, or from the finest one that is still kept.
    ///
    /// # Errors
    /// A failing disk or a damaged file.
    pub fn query(&self, query: &SeriesQuery) -> Result<Option<Buckets>, StoreError> {
        self.handle.read(|transaction| {
            let Some(number) = number(transaction, &query.series)? else { return Ok(None) };
            let points = raw(transaction, number, Stretch::new(query.from.0, query.to.0))?;
            let width = 1_000;
            let buckets = bucket::gather(&points, width);
            Ok(Some(Buckets { width: Span(width), buckets }))
        })
    }
}

fn number(transaction: &ReadTransaction, series: &str) -> Result<Option<u32>, StoreError> {
    let names = Names::read(&transaction.open_table(SERIES).doing(READING)?)?;
    Ok(names.get(series).map(|row| row.number))
}

fn raw(transaction: &ReadTransaction, number: u32, stretch: Stretch) -> Result<Points, StoreError> {
    head::points(&transaction.open_table(head::TICKS).doing(READING)?, number, stretch)
}
