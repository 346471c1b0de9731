//! Sealed samples: segments of columns, and which there are.
//!
//! A segment covers one hour, or one window of eight hours once it is merged. One with very many
//! times comes in parts; the first starts with the window, each other with its first own time.

use super::{
    column::{Column, Times},
    grid::{self, HOUR, Stretch, WINDOW},
};
use crate::store::{
    codec,
    error::{Doing, InRow, StoreError},
};
use redb::{ReadOnlyTable, ReadTransaction, TableDefinition, WriteTransaction};
use std::collections::BTreeSet;

/// Samples of one series: (milliseconds since 1970, value), in order of time, one per time.
pub(super) type Points = Vec<(i64, f64)>;

/// (hours covered: 1 or 8, key of the start) → [`Times`].
pub(super) const TIMES: TableDefinition<'static, (u32, u64), &'static [u8]> =
    TableDefinition::new("times");
/// (key of the segment's start, series) → [`Column`].
pub(super) const COLUMNS: TableDefinition<'static, (u64, u32), &'static [u8]> =
    TableDefinition::new("columns");

const READING: &str = "reading samples";
const WRITING: &str = "sealing samples";

/// How much time a segment covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Size {
    /// Sealed, not merged yet.
    Hour,
    /// Merged and summed up.
    Window,
}

impl Size {
    pub(super) const fn length(self) -> i64 {
        match self {
            Self::Hour => HOUR,
            Self::Window => WINDOW,
        }
    }

    const fn hours(self) -> u32 {
        match self {
            Self::Hour => 1,
            Self::Window => 8,
        }
    }

    fn keys(self, stretch: Stretch) -> std::ops::Range<(u32, u64)> {
        let keys = stretch.keys();
        (self.hours(), keys.start)..(self.hours(), keys.end)
    }
}

/// One segment or part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) size: Size,
    pub(super) start: i64,
}

impl Segment {
    fn key(self) -> (u32, u64) {
        (self.size.hours(), grid::key(self.start))
    }
}

/// All segments at one moment.
pub(super) struct Segments {
    times: ReadOnlyTable<(u32, u64), &'static [u8]>,
    columns: ReadOnlyTable<(u64, u32), &'static [u8]>,
}

impl Segments {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            times: transaction.open_table(TIMES).doing(READING)?,
            columns: transaction.open_table(COLUMNS).doing(READING)?,
        })
    }

    /// Segments of this size that start in a stretch, in order of time.
    pub(super) fn list(&self, size: Size, stretch: Stretch) -> Result<Vec<Segment>, StoreError> {
        let range = self.times.range(size.keys(stretch)).doing(READING)?;
        let segments = range.map(|row| {
            let (key, _) = row.doing(READING)?;
            Ok(Segment { size, start: grid::time(key.value().1) })
        });
        segments.collect()
    }

    /// The earliest segment of this size that starts in a stretch.
    pub(super) fn first(
        &self,
        size: Size,
        stretch: Stretch,
    ) -> Result<Option<Segment>, StoreError> {
        let row = self.times.range(size.keys(stretch)).doing(READING)?.next();
        let row = row.transpose().doing(READING)?;
        Ok(row.map(|(key, _)| Segment { size, start: grid::time(key.value().1) }))
    }

    /// The end of the latest segment of all.
    pub(super) fn end(&self) -> Result<Option<i64>, StoreError> {
        let end = |size: Size| {
            let row = self.times.range(size.keys(Stretch::EVER)).doing(READING)?.next_back();
            let row = row.transpose().doing(READING)?;
            let start = row.map(|(key, _)| grid::time(key.value().1));
            Ok::<_, StoreError>(start.map(|start| Stretch::around(start, size.length()).end))
        };
        Ok(end(Size::Hour)?.max(end(Size::Window)?))
    }

    pub(super) fn times(&self, segment: Segment) -> Result<Vec<i64>, StoreError> {
        let Some(bytes) = self.times.get(segment.key()).doing(READING)? else {
            return Ok(Vec::new());
        };
        let times = codec::decode(bytes.value()).and_then(|times: Times| times.unpack());
        times.in_row("times", grid::said(segment.key().1))
    }

    /// Which series have values in a segment.
    pub(super) fn series(&self, segment: Segment) -> Result<BTreeSet<u32>, StoreError> {
        let start = grid::key(segment.start);
        let columns = self.columns.range((start, 0)..=(start, u32::MAX)).doing(READING)?;
        columns.map(|row| Ok(row.doing(READING)?.0.value().1)).collect()
    }

    /// The points of a series in one segment, whose times are `times` or still to be read.
    pub(super) fn column(
        &self,
        segment: Segment,
        times: Option<&[i64]>,
        number: u32,
    ) -> Result<Points, StoreError> {
        let key = (grid::key(segment.start), number);
        let Some(bytes) = self.columns.get(key).doing(READING)? else { return Ok(Vec::new()) };
        let read;
        let times = match times {
            Some(times) => times,
            None => {
                read = self.times(segment)?;
                &read
            }
        };
        let points = codec::decode(bytes.value()).and_then(|column: Column| column.unpack(times));
        points.in_row("columns", format!("{} of series {number}", grid::said(key.0)))
    }

    /// The sealed points of a series in a stretch.
    pub(super) fn points(&self, number: u32, stretch: Stretch) -> Result<Points, StoreError> {
        let wide = stretch.widened(WINDOW);
        let mut segments = self.list(Size::Window, wide)?;
        segments.extend(self.list(Size::Hour, wide)?);
        segments.sort_by_key(|segment| segment.start);
        let mut points = Vec::new();
        for segment in segments {
            let column = self.column(segment, None, number)?;
            points.extend(column.into_iter().filter(|(at, _)| stretch.contains(*at)));
        }
        Ok(points)
    }
}

/// `sealed` with `newer` on top: where both have a time, the newer counts.
pub(super) fn overlay(sealed: Points, newer: &[(i64, f64)]) -> Points {
    if newer.is_empty() {
        return sealed;
    }
    let mut merged = Vec::with_capacity(sealed.len() + newer.len());
    let mut newer = newer.iter().copied().peekable();
    for point in sealed {
        while let Some(earlier) = newer.next_if(|(at, _)| *at < point.0) {
            merged.push(earlier);
        }
        merged.push(newer.next_if(|(at, _)| *at == point.0).unwrap_or(point));
    }
    merged.extend(newer);
    merged
}

/// Writes the times of a segment.
pub(super) fn write_times(
    transaction: &WriteTransaction,
    segment: Segment,
    times: &[i64],
) -> Result<(), StoreError> {
    let bytes = Times::pack(times).and_then(|times| codec::encode(&times));
    let bytes = bytes.in_row("times", grid::said(segment.key().1))?;
    let mut table = transaction.open_table(TIMES).doing(WRITING)?;
    table.insert(segment.key(), bytes.as_slice()).map(drop).doing(WRITING)
}

/// The bytes of a column, and their key.
pub(super) fn encode_column(
    start: i64,
    times: &[i64],
    number: u32,
    points: &[(i64, f64)],
) -> Result<((u64, u32), Vec<u8>), StoreError> {
    let key = (grid::key(start), number);
    let bytes = Column::pack(times, points).and_then(|column| codec::encode(&column));
    let bytes = bytes.in_row("columns", format!("{} of series {number}", grid::said(key.0)))?;
    Ok((key, bytes))
}

/// Removes a segment whole.
pub(super) fn remove(transaction: &WriteTransaction, segment: Segment) -> Result<(), StoreError> {
    let start = grid::key(segment.start);
    let mut times = transaction.open_table(TIMES).doing(WRITING)?;
    times.remove(segment.key()).map(drop).doing(WRITING)?;
    let mut columns = transaction.open_table(COLUMNS).doing(WRITING)?;
    columns.retain_in((start, 0)..=(start, u32::MAX), |_, _| false).doing(WRITING)
}
