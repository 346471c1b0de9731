//! Questions about series: raw points, and buckets for a picture of so many pixels.

use super::{
    block::{Block, Layer},
    bucket::{self, Bucket},
    grid::{self, Stretch},
    head,
    maintain::Horizons,
    names::{Names, SERIES, SeriesFacts, SeriesRow},
    raw::Raw,
    rollup::{self, Level},
};
use crate::store::{
    codec,
    error::{Doing, InRow, StoreError},
    handle::Handle,
};
use crate::words::{Span, Timestamp};
use redb::ReadTransaction;
use std::collections::BTreeSet;

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
    /// Most buckets that the answer may have, at least 2: the width of the
    /// picture in pixels.
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
            let stretch = Stretch::new(from.0, to.0);
            let points = Raw::open(transaction)?.points(number, stretch)?;
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
            let sources = Sources::open(transaction, number)?;
            let asked = Stretch::new(query.from.0, query.to.0);
            let asked = asked.cut(sources.extent(asked)?);
            if asked.is_empty() {
                return Ok(Some(Buckets { width: Span(1), buckets: Vec::new() }));
            }
            let (level, width) = fitting(asked, query.max_buckets, sources.finest(asked));
            let rows = sources.rows(level, width, asked.widened(width))?;
            Ok(Some(Buckets { width: Span(width), buckets: bucket::regroup(&rows, width) }))
        })
    }
}

fn number(transaction: &ReadTransaction, series: &str) -> Result<Option<u32>, StoreError> {
    let table = transaction.open_table(SERIES).doing(READING)?;
    let Some(bytes) = table.get(series).doing(READING)? else { return Ok(None) };
    let row: SeriesRow = codec::decode(bytes.value()).in_row("series", series)?;
    Ok(Some(row.number))
}

/// The coarsest level with at least two rows per bucket, `None` for raw samples, but none finer
/// than `finest`; and the width of buckets. With one bucket less than allowed, because buckets
/// start where they like, the outer two together fill one.
fn fitting(asked: Stretch, max_buckets: usize, finest: Option<Level>) -> (Option<Level>, i64) {
    let inner = i64::try_from(max_buckets).unwrap_or(i64::MAX).saturating_sub(1).max(1);
    let wanted = grid::ceiling(asked.end - asked.start, inner) / inner;
    let suffices = |level: &Level| wanted >= 2 * level.resolution();
    let level = [Level::Hours, Level::Minutes].into_iter().find(suffices);
    let level = match (level, finest) {
        (Some(Level::Hours), _) | (_, Some(Level::Hours)) => Some(Level::Hours),
        (Some(Level::Minutes), _) | (_, Some(Level::Minutes)) => Some(Level::Minutes),
        (None, None) => None,
    };
    let resolution = level.map_or(1, Level::resolution);
    (level, grid::ceiling(wanted.max(1), resolution))
}

/// Everything that is known about one series at one moment.
struct Sources {
    number: u32,
    horizons: Horizons,
    raw: Raw,
}

impl Sources {
    fn open(transaction: &ReadTransaction, number: u32) -> Result<Self, StoreError> {
        let horizons = Horizons::read(transaction)?;
        Ok(Self { number, horizons, raw: Raw::open(transaction)? })
    }

    /// Where in `asked` there may be something at all, so that a question about all of time gets
    /// as many buckets as it allows.
    fn extent(&self, asked: Stretch) -> Result<Stretch, StoreError> {
        let is_pruned = self.horizons.raw.0 > Stretch::EVER.start;
        let start = if !is_pruned {
            self.raw.start()?
        } else if asked.start < self.horizons.raw.0 {
            self.first_sum(asked)?.into_iter().chain(self.raw.start()?).min()
        } else {
            Some(asked.start)
        };
        let last = head::last(&self.raw.ticks)?.map(|at| at.saturating_add(1));
        let end = last.max(self.raw.end()?);
        Ok(Stretch { start: start.unwrap_or(asked.end), end: end.unwrap_or(asked.end) })
    }

    /// Where the hours of this series start in the earliest block asked for.
    fn first_sum(&self, asked: Stretch) -> Result<Option<i64>, StoreError> {
        let Some(first) = self.raw.blocks.first(Layer::Hours, Stretch::EVER)? else {
            return Ok(None);
        };
        let block = Block::around(Layer::Hours, first.start.max(asked.start));
        let rows = rollup::rows(&self.raw.blocks, Level::Hours, self.number, block.stretch())?;
        Ok(Some(rows.first().map_or(block.start, |row| row.start.0)))
    }

    /// The finest level that all of a stretch still has; `None` for raw samples.
    fn finest(&self, stretch: Stretch) -> Option<Level> {
        if stretch.start < self.horizons.minutes.0 {
            Some(Level::Hours)
        } else {
            (stretch.start < self.horizons.raw.0).then_some(Level::Minutes)
        }
    }

    /// Rows no coarser than `width` in order of time, none twice.
    fn rows(
        &self,
        level: Option<Level>,
        width: i64,
        stretch: Stretch,
    ) -> Result<Vec<Bucket>, StoreError> {
        let Some(level) = level else {
            return Ok(bucket::gather(&self.raw.points(self.number, stretch)?, width));
        };
        let raw = self.not_summed_up(stretch)?;
        let mut rows = rollup::rows(&self.raw.blocks, level, self.number, stretch)?;
        if raw.is_empty() {
            return Ok(rows);
        }
        rows.retain(|row| !raw.contains(&Block::around(Layer::Window, row.start.0)));
        for window in raw {
            let points = self.raw.points(self.number, window.stretch().cut(stretch))?;
            rows.extend(bucket::gather(&points, level.resolution()));
        }
        rows.sort_by_key(|row| row.start);
        Ok(rows)
    }

    /// Windows with samples that are not in the sums: not merged yet, or with late ones.
    fn not_summed_up(&self, stretch: Stretch) -> Result<BTreeSet<Block>, StoreError> {
        let wide = stretch.widened(Layer::Window.length());
        let sealed = self.raw.blocks.list(Layer::Hour, wide)?;
        let sealed = sealed.into_iter().map(|block| block.start);
        let late = head::points(&self.raw.ticks, self.number, stretch)?;
        let late = late.into_iter().map(|(at, _)| at);
        Ok(sealed.chain(late).map(|at| Block::around(Layer::Window, at)).collect())
    }
}
