//! The head: samples as they were written, one row per tick, until they are sealed.
//!
//! Rows lie in the order of their own times, so a sample that comes late, or after the clock
//! stepped back onto sealed time, is simply a row further up. Where a row and a sealed segment
//! speak of the same series and time, the row was written later and wins.

use super::{
    TICK_LIMIT,
    column::Points,
    grid::{self, Stretch},
};
use crate::store::{
    codec::{self, Record},
    error::{Doing, InRow, StoreError},
    tables::NumberRows,
};
use redb::{ReadOnlyTable, ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(super) const TICKS: NumberRows = TableDefinition::new("ticks");
/// The head at one moment.
pub(super) type Ticks = ReadOnlyTable<u64, &'static [u8]>;

const WRITING: &str = "writing samples";
const READING: &str = "reading samples";

/// Row of `ticks`: (series, value) pairs. Of two for one series the later in the list counts;
/// only rows of format 1 have such.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct Tick(pub(in crate::store) Vec<(u32, f64)>);

impl Record for Tick {
    const KIND: u16 = 5;
    const VERSION: u16 = 1;
    const NAME: &'static str = "tick of samples";
}

impl Tick {
    fn of(&self, number: u32) -> Option<f64> {
        self.0.iter().rev().find(|(series, _)| *series == number).map(|(_, value)| *value)
    }
}

/// A row as it was read, to be recognised when it is to be removed.
#[derive(Debug)]
pub(super) struct Row {
    key: u64,
    bytes: Vec<u8>,
}

impl Row {
    pub(super) const fn at(&self) -> i64 {
        grid::time(self.key)
    }
}

/// Adds what was measured `at` to its row; the last value of a series wins.
pub(super) fn write(
    transaction: &WriteTransaction,
    at: i64,
    measured: &[(u32, f64)],
) -> Result<(), StoreError> {
    if measured.is_empty() {
        return Ok(());
    }
    let key = grid::key(at);
    let mut ticks = transaction.open_table(TICKS).doing(WRITING)?;
    let known = match ticks.get(key).doing(WRITING)? {
        Some(bytes) => codec::decode(bytes.value()).in_row("ticks", grid::said(key))?,
        None => Tick::default(),
    };
    let merged: BTreeMap<u32, f64> = known.0.into_iter().chain(measured.iter().copied()).collect();
    if merged.len() > TICK_LIMIT {
        return Err(StoreError::TooMany { what: "samples in one tick", limit: TICK_LIMIT });
    }
    let tick = Tick(merged.into_iter().collect());
    let bytes = codec::encode(&tick).in_row("ticks", grid::said(key))?;
    ticks.insert(key, bytes.as_slice()).map(drop).doing(WRITING)
}

/// The samples of one series that are not sealed yet.
pub(super) fn points(ticks: &Ticks, number: u32, stretch: Stretch) -> Result<Points, StoreError> {
    let mut points = Vec::new();
    each(ticks, stretch, |key, _, tick| {
        points.extend(tick.of(number).map(|value| (grid::time(key), value)));
    })?;
    Ok(points)
}

/// All samples of a stretch that are not sealed yet: their rows, and the points by series.
pub(super) fn take(
    ticks: &Ticks,
    stretch: Stretch,
) -> Result<(Vec<Row>, BTreeMap<u32, Points>), StoreError> {
    let (mut rows, mut series) = (Vec::new(), BTreeMap::<u32, Points>::new());
    each(ticks, stretch, |key, bytes, tick| {
        rows.push(Row { key, bytes: bytes.to_vec() });
        let last: BTreeMap<u32, f64> = tick.0.into_iter().collect();
        for (number, value) in last {
            series.entry(number).or_default().push((grid::time(key), value));
        }
    })?;
    Ok((rows, series))
}

/// Removes `rows` that are still as they were taken; one that was added to meanwhile stays.
pub(super) fn remove(transaction: &WriteTransaction, rows: &[Row]) -> Result<(), StoreError> {
    let mut ticks = transaction.open_table(TICKS).doing(WRITING)?;
    for row in rows {
        let unchanged =
            ticks.get(row.key).doing(WRITING)?.is_some_and(|now| now.value() == row.bytes);
        if unchanged {
            ticks.remove(row.key).map(drop).doing(WRITING)?;
        }
    }
    Ok(())
}

/// The time of the first row in a stretch.
pub(super) fn first(ticks: &Ticks, stretch: Stretch) -> Result<Option<i64>, StoreError> {
    let mut rows = ticks.range(stretch.keys()).doing(READING)?;
    Ok(rows.next().transpose().doing(READING)?.map(|(key, _)| grid::time(key.value())))
}

/// The time of the last row of all.
pub(super) fn last(ticks: &Ticks) -> Result<Option<i64>, StoreError> {
    Ok(ticks.last().doing(READING)?.map(|(key, _)| grid::time(key.value())))
}

fn each(
    ticks: &Ticks,
    stretch: Stretch,
    mut visit: impl FnMut(u64, &[u8], Tick),
) -> Result<(), StoreError> {
    for row in ticks.range(stretch.keys()).doing(READING)? {
        let (key, bytes) = row.doing(READING)?;
        let (key, bytes) = (key.value(), bytes.value());
        visit(key, bytes, codec::decode(bytes).in_row("ticks", grid::said(key))?);
    }
    Ok(())
}
