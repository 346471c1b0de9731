//! Moving samples on: from the head into a segment, from small segments into a large one.
//!
//! Both are the same work, and so is folding late samples into what was merged long ago: take
//! everything that lies in a stretch of time, write it as one segment, and remove what was taken,
//! in one transaction. The work before that transaction changes nothing, so it is done series by
//! series and may be thrown away at any moment.

use super::{
    bucket,
    grid::Stretch,
    head,
    rollup::{Level, Rollup},
    segment::{self, COLUMNS, Points, Segment, Segments, Size},
};
use crate::store::error::{Doing, StoreError};
use redb::{ReadTransaction, WriteTransaction};
use std::collections::{BTreeMap, BTreeSet};

/// Points that one step compresses, at most one series more: some milliseconds.
const STEP_POINTS: usize = 4_000;
/// Times in one part of a segment, so that no column outgrows its row even when nothing in it can
/// be compressed.
const PART_TIMES: usize = 60_000;

type Block = ((u64, u32), Vec<u8>);

/// Work under way.
#[derive(Debug)]
pub(super) struct Compaction {
    size: Size,
    stretch: Stretch,
    inputs: Vec<(Segment, Vec<i64>)>,
    rows: Vec<head::Row>,
    head: BTreeMap<u32, Points>,
    parts: Vec<(i64, Vec<i64>)>,
    waiting: BTreeSet<u32>,
    columns: Vec<Block>,
    minutes: Vec<Block>,
    hours: Vec<Block>,
}

impl Compaction {
    /// Takes what lies in the segment-to-be around `at`.
    pub(super) fn begin(
        transaction: &ReadTransaction,
        size: Size,
        at: i64,
    ) -> Result<Self, StoreError> {
        let stretch = Stretch::around(at, size.length());
        let segments = Segments::open(transaction)?;
        let mut inputs = Vec::new();
        let mut waiting = BTreeSet::new();
        for segment in segments
            .list(Size::Hour, stretch)?
            .into_iter()
            .chain(segments.list(Size::Window, stretch)?)
        {
            waiting.extend(segments.series(segment)?);
            inputs.push((segment, segments.times(segment)?));
        }
        let ticks = transaction.open_table(head::TICKS).doing("sealing samples")?;
        let (rows, head) = head::take(&ticks, stretch)?;
        waiting.extend(head.keys());
        let sealed = inputs.iter().flat_map(|(_, times)| times.iter().copied());
        let fresh = rows.iter().map(|row| row.at());
        let times: BTreeSet<i64> = sealed.chain(fresh).collect();
        let parts = parts(stretch.start, &times.into_iter().collect::<Vec<_>>());
        let (columns, minutes, hours) = Default::default();
        Ok(Self { size, stretch, inputs, rows, head, parts, waiting, columns, minutes, hours })
    }

    pub(super) fn is_ready(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Compresses some series.
    pub(super) fn step(&mut self, transaction: &ReadTransaction) -> Result<(), StoreError> {
        let segments = Segments::open(transaction)?;
        let mut done = 0;
        while done < STEP_POINTS {
            let Some(number) = self.waiting.pop_first() else { return Ok(()) };
            let points = self.points(&segments, number)?;
            done += points.len();
            self.encode(number, &points)?;
            match self.size {
                Size::Hour => {}
                Size::Window => self.sum_up(transaction, number, &points)?,
            }
        }
        Ok(())
    }

    /// Writes the segment in place of what was taken.
    pub(super) fn commit(self, transaction: &WriteTransaction) -> Result<(), StoreError> {
        const DOING: &str = "sealing samples";
        head::remove(transaction, &self.rows)?;
        for (segment, _) in &self.inputs {
            segment::remove(transaction, *segment)?;
        }
        for (start, times) in &self.parts {
            let part = Segment { size: self.size, start: *start };
            segment::write_times(transaction, part, times)?;
        }
        for (table, blocks) in [
            (COLUMNS, self.columns),
            (Level::Minutes.table(), self.minutes),
            (Level::Hours.table(), self.hours),
        ] {
            let mut table = transaction.open_table(table).doing(DOING)?;
            for (key, bytes) in blocks {
                table.insert(key, bytes.as_slice()).doing(DOING)?;
            }
        }
        Ok(())
    }

    fn points(&self, segments: &Segments, number: u32) -> Result<Points, StoreError> {
        let mut sealed = Vec::new();
        for (segment, times) in &self.inputs {
            sealed.extend(segments.column(*segment, Some(times), number)?);
        }
        sealed.sort_by_key(|(at, _)| *at);
        Ok(segment::overlay(sealed, self.head.get(&number).map_or(&[], Vec::as_slice)))
    }

    fn encode(&mut self, number: u32, points: &[(i64, f64)]) -> Result<(), StoreError> {
        let mut rest = points;
        for (start, times) in &self.parts {
            let end = times.last().copied().unwrap_or(*start);
            let (inside, after) = rest.split_at(rest.partition_point(|(at, _)| *at <= end));
            rest = after;
            if !inside.is_empty() {
                self.columns.push(segment::encode_column(*start, times, number, inside)?);
            }
        }
        Ok(())
    }

    fn sum_up(
        &mut self,
        transaction: &ReadTransaction,
        number: u32,
        points: &[(i64, f64)],
    ) -> Result<(), StoreError> {
        for level in [Level::Minutes, Level::Hours] {
            let rows = bucket::gather(points, level.resolution());
            let rollup = Rollup::open(transaction, level)?;
            let block = rollup.replaced(number, self.stretch, &rows)?;
            match level {
                Level::Minutes => self.minutes.push(block),
                Level::Hours => self.hours.push(block),
            }
        }
        Ok(())
    }
}

/// Times in parts, each with its start.
fn parts(start: i64, times: &[i64]) -> Vec<(i64, Vec<i64>)> {
    let chunks = times.chunks(PART_TIMES).enumerate();
    let starts = chunks.map(|(turn, times)| {
        let first = times.first().copied().filter(|_| turn > 0);
        (first.unwrap_or(start), times.to_vec())
    });
    starts.collect()
}
