//! Sums per minute and per hour: compressed blocks of buckets, one per series and period.

use super::{
    bucket::Bucket,
    grid::{self, HOUR, Stretch},
    packed::Packed,
};
use crate::store::{
    codec::{self, CodecError, Record},
    error::{Doing, InRow, StoreError},
};
use crate::words::{Span, Timestamp};
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

type Rows = TableDefinition<'static, (u64, u32), &'static [u8]>;

/// (key of the day's start, series) → [`Sums`] of its minutes.
pub(super) const MINUTES: Rows = TableDefinition::new("minutes");
/// (key of the period's start, series) → [`Sums`] of its hours.
pub(super) const HOURS: Rows = TableDefinition::new("hours");

const READING: &str = "reading sums of samples";
const WRITING: &str = "summing samples up";

/// How coarse sums are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// One row per minute, blocks of a day.
    Minutes,
    /// One row per hour, blocks of 32 days.
    Hours,
}

impl Level {
    /// The stretch of time of one row.
    pub(super) const fn resolution(self) -> i64 {
        match self {
            Self::Minutes => Span::minutes(1).0,
            Self::Hours => HOUR,
        }
    }

    /// The stretch of time of one block; a multiple of a window.
    pub(super) const fn period(self) -> i64 {
        match self {
            Self::Minutes => Span::hours(24).0,
            Self::Hours => Span::hours(24 * 32).0,
        }
    }

    pub(super) const fn table(self) -> Rows {
        match self {
            Self::Minutes => MINUTES,
            Self::Hours => HOURS,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Minutes => "minutes",
            Self::Hours => "hours",
        }
    }
}

/// Row of `minutes` and `hours`: buckets column by column. Each column is compressed; `slots` are
/// the buckets' starts as multiples of the level's resolution since the start of the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Sums {
    pub(in crate::store) rows: u32,
    pub(in crate::store) slots: Packed,
    pub(in crate::store) count: Packed,
    pub(in crate::store) nans: Packed,
    pub(in crate::store) min: Packed,
    pub(in crate::store) max: Packed,
    pub(in crate::store) sum: Packed,
    pub(in crate::store) first: Packed,
    pub(in crate::store) last: Packed,
}

impl Record for Sums {
    const KIND: u16 = 8;
    const VERSION: u16 = 1;
    const NAME: &'static str = "sums of samples";
}

impl Sums {
    pub(in crate::store) fn pack(
        rows: &[Bucket],
        start: i64,
        resolution: i64,
    ) -> Result<Self, CodecError> {
        let malformed = |why: &str| CodecError::Unencodable { name: Self::NAME, why: why.into() };
        let slot = |row: &Bucket| u32::try_from((row.start.0 - start) / resolution);
        let slots: Result<Vec<u32>, _> = rows.iter().map(slot).collect();
        let floats =
            |of: fn(&Bucket) -> f64| Packed::pack(&rows.iter().map(of).collect::<Vec<_>>());
        let numbers =
            |of: fn(&Bucket) -> u64| Packed::pack(&rows.iter().map(of).collect::<Vec<_>>());
        Ok(Self {
            rows: u32::try_from(rows.len()).map_err(|_many| malformed("too many rows"))?,
            slots: Packed::pack(&slots.map_err(|_outside| malformed("a row outside"))?)?,
            count: numbers(|row| row.count)?,
            nans: numbers(|row| row.nans)?,
            min: floats(|row| row.min)?,
            max: floats(|row| row.max)?,
            sum: floats(|row| row.sum)?,
            first: floats(|row| row.first)?,
            last: floats(|row| row.last)?,
        })
    }

    pub(in crate::store) fn unpack(
        &self,
        start: i64,
        resolution: i64,
    ) -> Result<Vec<Bucket>, CodecError> {
        let slots: Vec<u32> = self.slots.unpack(self.rows)?;
        let numbers = |column: &Packed| column.unpack::<u64>(self.rows);
        let floats = |column: &Packed| column.unpack::<f64>(self.rows);
        let counts = numbers(&self.count)?.into_iter().zip(numbers(&self.nans)?);
        let extremes = floats(&self.min)?.into_iter().zip(floats(&self.max)?);
        let ends = floats(&self.first)?.into_iter().zip(floats(&self.last)?);
        let sums = floats(&self.sum)?;
        let columns = slots.into_iter().zip(counts).zip(extremes).zip(ends).zip(sums);
        let rows = columns.map(|((((slot, (count, nans)), (min, max)), (first, last)), sum)| {
            let start = Timestamp(start.saturating_add(i64::from(slot) * resolution));
            Bucket { start, count, nans, min, max, sum, first, last }
        });
        Ok(rows.collect())
    }
}

/// The sums of one level at one moment.
pub(super) struct Rollup {
    level: Level,
    table: ReadOnlyTable<(u64, u32), &'static [u8]>,
}

impl Rollup {
    pub(super) fn open(transaction: &ReadTransaction, level: Level) -> Result<Self, StoreError> {
        Ok(Self { level, table: transaction.open_table(level.table()).doing(READING)? })
    }

    pub(super) const fn resolution(&self) -> i64 {
        self.level.resolution()
    }

    /// The rows of a series that start in a stretch, in order of time.
    pub(super) fn rows(&self, number: u32, stretch: Stretch) -> Result<Vec<Bucket>, StoreError> {
        let (period, mut rows) = (self.level.period(), Vec::new());
        let mut start = grid::floor(stretch.start, period);
        while start < stretch.end {
            let block = self.block(number, start)?;
            rows.extend(block.into_iter().filter(|row| stretch.contains(row.start.0)));
            start += period;
        }
        Ok(rows)
    }

    /// The start of the earliest block of any series.
    pub(super) fn first(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.table.first().doing(READING)?.map(|(key, _)| grid::time(key.value().0)))
    }

    /// The block that `window` lies in with the rows of the window replaced, and its key.
    pub(super) fn replaced(
        &self,
        number: u32,
        window: Stretch,
        rows: &[Bucket],
    ) -> Result<((u64, u32), Vec<u8>), StoreError> {
        let start = grid::floor(window.start, self.level.period());
        let mut all = self.block(number, start)?;
        all.retain(|row| !window.contains(row.start.0));
        all.extend_from_slice(rows);
        all.sort_by_key(|row| row.start);
        let sums = Sums::pack(&all, start, self.level.resolution());
        let bytes = sums.and_then(|sums| codec::encode(&sums));
        Ok(((grid::key(start), number), bytes.in_row(self.level.name(), said(start, number))?))
    }

    fn block(&self, number: u32, start: i64) -> Result<Vec<Bucket>, StoreError> {
        let Some(bytes) = self.table.get((grid::key(start), number)).doing(READING)? else {
            return Ok(Vec::new());
        };
        let rows = codec::decode(bytes.value())
            .and_then(|sums: Sums| sums.unpack(start, self.level.resolution()));
        rows.in_row(self.level.name(), said(start, number))
    }
}

/// Removes the blocks of one period.
pub(super) fn remove(
    transaction: &WriteTransaction,
    level: Level,
    start: i64,
) -> Result<(), StoreError> {
    let start = grid::key(start);
    let mut table = transaction.open_table(level.table()).doing(WRITING)?;
    table.retain_in((start, 0)..=(start, u32::MAX), |_, _| false).doing(WRITING)
}

fn said(start: i64, number: u32) -> String {
    format!("{} of series {number}", Timestamp(start))
}
