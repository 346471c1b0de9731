//! Moving samples on: from the head into a block, from small blocks into a large one.
//!
//! Both are the same work, and so is folding late samples into what was merged long ago: take
//! everything that lies in a stretch of time, write it as one block, and remove what was taken, in
//! one transaction. The work before that transaction changes nothing, so it is done series by
//! series and may be thrown away at any moment.

use super::{
    block::{self, Block, Blocks, Layer},
    bucket,
    column::{Column, Points, TIMES, Times},
    head,
    raw::{self, Raw, Sealed},
    rollup::{self, Level},
};
use crate::store::{
    codec,
    error::{InRow, StoreError},
};
use crate::words::Timestamp;
use redb::{ReadTransaction, WriteTransaction};
use std::collections::{BTreeMap, BTreeSet};

/// Points that one step compresses, at most one series more: some milliseconds.
const STEP_POINTS: usize = 4_000;
/// Times in one part of a block, so that no section outgrows a record even when nothing in it can
/// be compressed.
const PART_TIMES: usize = 60_000;

type Sections = BTreeMap<u32, Vec<u8>>;

/// Work under way.
#[derive(Debug)]
pub(super) struct Compaction {
    target: Block,
    inputs: Vec<Sealed>,
    rows: Vec<head::Row>,
    head: BTreeMap<u32, Points>,
    parts: Vec<Part>,
    sums: Vec<(Level, Block, Sections)>,
    waiting: BTreeSet<u32>,
}

/// What will be one block.
#[derive(Debug)]
struct Part {
    block: Block,
    times: Vec<i64>,
    sections: Sections,
}

impl Compaction {
    /// Takes what lies in the block-to-be.
    pub(super) fn begin(transaction: &ReadTransaction, target: Block) -> Result<Self, StoreError> {
        let raw = Raw::open(transaction)?;
        let mut inputs = Vec::new();
        for block in raw.sealed(target.stretch())? {
            if target.stretch().contains(block.start) {
                let directory = raw.blocks.directory(block)?;
                let times = raw.times(block, &directory)?;
                inputs.push(Sealed { block, directory, times });
            }
        }
        let (rows, head) = head::take(&raw.ticks, target.stretch())?;
        let sealed = inputs.iter().flat_map(|sealed| sealed.times.iter().copied());
        let times: BTreeSet<i64> = sealed.chain(rows.iter().map(head::Row::at)).collect();
        let parts = parts(target, &times.into_iter().collect::<Vec<_>>())?;
        let sections = inputs.iter().flat_map(|sealed| sealed.directory.sections());
        let series = sections.filter(|section| *section != TIMES);
        let waiting = series.chain(head.keys().copied()).collect();
        let sums = sums(&raw.blocks, target)?;
        Ok(Self { target, inputs, rows, head, parts, sums, waiting })
    }

    pub(super) fn is_ready(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Compresses some series.
    pub(super) fn step(&mut self, transaction: &ReadTransaction) -> Result<(), StoreError> {
        let raw = Raw::open(transaction)?;
        let mut done = 0;
        while done < STEP_POINTS {
            let Some(number) = self.waiting.pop_first() else { return Ok(()) };
            let points = self.points(&raw, number)?;
            done += points.len();
            self.encode(number, &points)?;
            let window = self.target.stretch();
            for (level, _, sections) in &mut self.sums {
                let rows = bucket::gather(&points, level.resolution());
                let section = rollup::replaced(&raw.blocks, *level, number, window, &rows)?;
                sections.insert(number, section);
            }
        }
        Ok(())
    }

    /// Writes the block in place of what was taken.
    pub(super) fn commit(self, transaction: &WriteTransaction) -> Result<(), StoreError> {
        head::remove(transaction, &self.rows)?;
        for sealed in &self.inputs {
            block::remove(transaction, sealed.block)?;
        }
        for part in &self.parts {
            block::write(transaction, part.block, &part.sections)?;
        }
        for (_, block, sections) in &self.sums {
            block::write(transaction, *block, sections)?;
        }
        Ok(())
    }

    fn points(&self, raw: &Raw, number: u32) -> Result<Points, StoreError> {
        let mut points = Vec::new();
        for sealed in &self.inputs {
            points.extend(raw.column(sealed, number)?);
        }
        Ok(raw::overlay(points, self.head.get(&number).map_or(&[], Vec::as_slice)))
    }

    fn encode(&mut self, number: u32, points: &[(i64, f64)]) -> Result<(), StoreError> {
        let mut rest = points;
        for part in &mut self.parts {
            let end = part.times.last().copied().unwrap_or(i64::MAX);
            let (inside, after) = rest.split_at(rest.partition_point(|(at, _)| *at <= end));
            rest = after;
            if !inside.is_empty() {
                let column = Column::pack(&part.times, inside);
                let bytes = column.and_then(|column| codec::encode(&column));
                let place = format!("series {number} of {}", Timestamp(part.block.start));
                part.sections.insert(number, bytes.in_row("pieces", place)?);
            }
        }
        Ok(())
    }
}

/// The blocks to be written, with their times.
fn parts(target: Block, times: &[i64]) -> Result<Vec<Part>, StoreError> {
    let mut parts = Vec::new();
    for times in times.chunks(PART_TIMES) {
        let first = times.first().filter(|_| !parts.is_empty());
        let block = Block { start: first.copied().unwrap_or(target.start), ..target };
        let bytes = Times::pack(times).and_then(|times| codec::encode(&times));
        let bytes = bytes.in_row("pieces", format!("times of {}", Timestamp(block.start)))?;
        let sections = Sections::from([(TIMES, bytes)]);
        parts.push(Part { block, times: times.to_vec(), sections });
    }
    Ok(parts)
}

/// The blocks of sums that change with the target, as they are now.
fn sums(blocks: &Blocks, target: Block) -> Result<Vec<(Level, Block, Sections)>, StoreError> {
    let mut sums = Vec::new();
    if target.layer != Layer::Window {
        return Ok(sums);
    }
    for level in [Level::Minutes, Level::Hours] {
        let block = Block::around(level.layer(), target.start);
        let directory = blocks.directory(block)?;
        let mut sections = Sections::new();
        for number in directory.sections() {
            let bytes = blocks.bytes(block, &directory, number)?;
            sections.extend(bytes.map(|bytes| (number, bytes)));
        }
        sums.push((level, block, sections));
    }
    Ok(sums)
}
