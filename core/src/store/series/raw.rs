//! Raw samples at one moment: what is sealed in blocks with the head on top.

use super::{
    block::{Block, Blocks, Directory, Layer},
    column::{Column, Points, TIMES, Times},
    grid::Stretch,
    head::{self, Ticks},
};
use crate::store::error::{Doing, InRow, StoreError};
use crate::words::Timestamp;
use redb::ReadTransaction;

/// Everything raw.
pub(super) struct Raw {
    pub(super) blocks: Blocks,
    pub(super) ticks: Ticks,
}

/// A block of raw samples, its directory and times read.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) block: Block,
    pub(super) directory: Directory,
    pub(super) times: Vec<i64>,
}

impl Raw {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        let ticks = transaction.open_table(head::TICKS).doing("reading samples")?;
        Ok(Self { blocks: Blocks::open(transaction)?, ticks })
    }

    /// The points of a series in a stretch.
    pub(super) fn points(&self, number: u32, stretch: Stretch) -> Result<Points, StoreError> {
        let mut points = Vec::new();
        for block in self.sealed(stretch)? {
            let directory = self.blocks.directory(block)?;
            if !directory.sections().any(|section| section == number) {
                continue;
            }
            let times = self.times(block, &directory)?;
            let column = self.column(&Sealed { block, directory, times }, number)?;
            if stretch.contains(block.stretch().start) && block.stretch().end <= stretch.end {
                points.extend(column);
            } else {
                points.extend(column.into_iter().filter(|(at, _)| stretch.contains(*at)));
            }
        }
        Ok(overlay(points, &head::points(&self.ticks, number, stretch)?))
    }

    /// Blocks of raw samples that touch a stretch, in order of time.
    pub(super) fn sealed(&self, stretch: Stretch) -> Result<Vec<Block>, StoreError> {
        let wide = stretch.widened(Layer::Window.length());
        let mut blocks = self.blocks.list(Layer::Window, wide)?;
        blocks.extend(self.blocks.list(Layer::Hour, wide)?);
        blocks.sort_by_key(|block| block.start);
        Ok(blocks)
    }

    pub(super) fn times(
        &self,
        block: Block,
        directory: &Directory,
    ) -> Result<Vec<i64>, StoreError> {
        let times: Option<Times> = self.blocks.section(block, directory, TIMES)?;
        let times = times.map_or(Ok(Vec::new()), |times| times.unpack());
        times.in_row("pieces", format!("times of {}", Timestamp(block.start)))
    }

    pub(super) fn column(&self, sealed: &Sealed, number: u32) -> Result<Points, StoreError> {
        let column: Option<Column> =
            self.blocks.section(sealed.block, &sealed.directory, number)?;
        let points = column.map_or(Ok(Vec::new()), |column| column.unpack(&sealed.times));
        points.in_row("pieces", format!("series {number} of {}", Timestamp(sealed.block.start)))
    }

    /// The end of what is sealed.
    pub(super) fn end(&self) -> Result<Option<i64>, StoreError> {
        let last = [self.blocks.last(Layer::Hour)?, self.blocks.last(Layer::Window)?];
        Ok(last.into_iter().flatten().map(|block| block.stretch().end).max())
    }

    /// A time that no sample is before; exact to a window.
    pub(super) fn start(&self) -> Result<Option<i64>, StoreError> {
        let tick = head::first(&self.ticks, Stretch::EVER)?;
        let hour = self.blocks.first(Layer::Hour, Stretch::EVER)?;
        let window = self.blocks.first(Layer::Window, Stretch::EVER)?;
        Ok(hour.into_iter().chain(window).map(|block| block.start).chain(tick).min())
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
