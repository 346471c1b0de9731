//! Sums per minute and per hour: buckets as compressed columns.

use super::{
    block::{Block, Blocks, Layer},
    bucket::Bucket,
    grid::Stretch,
    packed::Packed,
};
use crate::store::{
    codec::{self, CodecError, Record},
    error::{InRow, StoreError},
};
use crate::words::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// How coarse sums are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Minutes,
    Hours,
}

impl Level {
    /// The stretch of time of one row.
    pub(super) const fn resolution(self) -> i64 {
        match self {
            Self::Minutes => Span::minutes(1).0,
            Self::Hours => Span::hours(1).0,
        }
    }

    /// The blocks that hold the rows.
    pub(super) const fn layer(self) -> Layer {
        match self {
            Self::Minutes => Layer::Minutes,
            Self::Hours => Layer::Hours,
        }
    }
}

/// Section of a block of sums, by the number of the series: buckets column by column. `slots` are
/// the buckets' starts as multiples of the level's resolution since the start of the block.
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
    const KIND: u16 = 10;
    const VERSION: u16 = 1;
    const NAME: &'static str = "sums of samples";
}

impl Sums {
    pub(in crate::store) fn pack(
        rows: &[Bucket],
        start: i64,
        resolution: i64,
    ) -> Result<Self, CodecError> {
        let defect = |why: &str| CodecError::Unencodable { name: Self::NAME, why: why.into() };
        let slot = |row: &Bucket| u32::try_from((row.start.0 - start) / resolution);
        let slots: Result<Vec<u32>, _> = rows.iter().map(slot).collect();
        let floats =
            |of: fn(&Bucket) -> f64| Packed::pack(&rows.iter().map(of).collect::<Vec<_>>());
        let numbers =
            |of: fn(&Bucket) -> u64| Packed::pack(&rows.iter().map(of).collect::<Vec<_>>());
        Ok(Self {
            rows: u32::try_from(rows.len()).map_err(|_many| defect("too many rows"))?,
            slots: Packed::pack(&slots.map_err(|_outside| defect("a row outside its block"))?)?,
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

/// The rows of a series that start in a stretch, in order of time.
pub(super) fn rows(
    blocks: &Blocks,
    level: Level,
    number: u32,
    stretch: Stretch,
) -> Result<Vec<Bucket>, StoreError> {
    let mut rows = Vec::new();
    for block in blocks.list(level.layer(), stretch.widened(level.layer().length()))? {
        let inside = read(blocks, level, number, block)?.into_iter();
        rows.extend(inside.filter(|row| stretch.contains(row.start.0)));
    }
    Ok(rows)
}

/// The section of a series in a block of sums, with the rows of `window` replaced.
pub(super) fn replaced(
    blocks: &Blocks,
    level: Level,
    number: u32,
    window: Stretch,
    rows: &[Bucket],
) -> Result<Vec<u8>, StoreError> {
    let block = Block::around(level.layer(), window.start);
    let mut all = read(blocks, level, number, block)?;
    all.retain(|row| !window.contains(row.start.0));
    all.extend_from_slice(rows);
    all.sort_by_key(|row| row.start);
    let sums = Sums::pack(&all, block.start, level.resolution());
    let bytes = sums.and_then(|sums| codec::encode(&sums));
    bytes.in_row("pieces", format!("sums of series {number} at {}", Timestamp(block.start)))
}

fn read(
    blocks: &Blocks,
    level: Level,
    number: u32,
    block: Block,
) -> Result<Vec<Bucket>, StoreError> {
    let sums: Option<Sums> = blocks.section(block, &blocks.directory(block)?, number)?;
    let rows = sums.map_or(Ok(Vec::new()), |sums| sums.unpack(block.start, level.resolution()));
    rows.in_row("pieces", format!("sums of series {number} at {}", Timestamp(block.start)))
}
