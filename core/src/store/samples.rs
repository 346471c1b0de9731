//! `metrics.redb`: what was measured, one row per tick.
//!
//! A tick's row holds the samples of all series measured at that millisecond, so one insert per
//! tick is enough; a series that was not measured is absent, never zero. A row is a set of
//! (series, value): writing a tick again adds what is new and loses nothing, also when the clock
//! stepped back onto ticks that are already there.

use super::{
    codec::{self, Record},
    error::{Doing, InRow, StoreError},
    format::{Format, OpenFacts},
    handle::Handle,
    tables::{NumberRows, TextRows},
    thin::thin,
};
use crate::words::Timestamp;
use redb::{
    Durability, ReadTransaction, ReadableTable, StorageBackend, TableDefinition, WriteTransaction,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most ticks that one call of [`Samples::prune`] removes: it holds the file's single writer.
pub const PRUNE_LIMIT: usize = 10_000;

/// Above this size the pages are verified only after a crash: it would delay every start.
const VERIFY_LIMIT_BYTES: u64 = 200 << 20;
/// A workstation has tens of series; more than this is a name with a changing part in it.
const SERIES_LIMIT: usize = 10_000;
/// Samples in one tick; keeps the row far below the codec's limit, also with a stopped clock.
const TICK_LIMIT: usize = 20_000;

const SERIES: TextRows = TableDefinition::new("series");
const TICKS: NumberRows = TableDefinition::new("ticks");
const FORMAT: Format = Format { purpose: "metrics", version: 1, steps: &[], create };

/// Row of `series`: the number that stands for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeriesNumber(pub(super) u32);

impl Record for SeriesNumber {
    const KIND: u16 = 4;
    const VERSION: u16 = 1;
    const NAME: &'static str = "series";
}

/// Row of `ticks`: (series, value) pairs in the order they were written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tick(pub(super) Vec<(u32, f64)>);

impl Record for Tick {
    const KIND: u16 = 5;
    const VERSION: u16 = 1;
    const NAME: &'static str = "tick of samples";
}

/// The open file, with the right to add to it.
#[derive(Debug)]
pub struct Samples {
    reader: SampleReader,
    numbers: BTreeMap<String, u32>,
}

/// The right to read open [`Samples`] from any thread.
#[derive(Clone, Debug)]
pub struct SampleReader {
    handle: Handle,
}

impl Samples {
    /// Opens the file behind `backend`, or makes one when it is empty.
    ///
    /// # Errors
    /// As [`super::Store::open`].
    pub fn open(backend: impl StorageBackend, facts: &OpenFacts) -> Result<Self, StoreError> {
        let length =
            backend.len().map_err(redb::StorageError::from).doing("opening the samples")?;
        let handle = Handle::open(backend, length <= VERIFY_LIMIT_BYTES)?;
        FORMAT.prepare(&handle, facts)?;
        let numbers = handle.read(read_numbers)?;
        Ok(Self { reader: SampleReader { handle }, numbers })
    }

    /// Adds what was measured `at`. Readers see it at once; a crash may take it back until the
    /// next [`Samples::flush`]. NaN is not a measurement and is left out.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for the limits above (nothing is added), or a failing disk: then
    /// ask [`StoreError::needs_reopen`]. Adding the same again is always safe.
    pub fn append(&mut self, at: Timestamp, samples: &[(&str, f64)]) -> Result<(), StoreError> {
        let mut added = BTreeMap::new();
        let mut measured = Vec::with_capacity(samples.len());
        for (name, value) in samples.iter().filter(|(_, value)| !value.is_nan()) {
            measured.push((self.number(name, &mut added)?, *value));
        }
        self.reader.handle.write(Durability::None, |transaction| {
            write_numbers(transaction, &added)?;
            merge(transaction, at, &measured)
        })?;
        self.numbers.extend(added.into_iter().map(|(name, number)| (name.to_owned(), number)));
        Ok(())
    }

    /// Makes everything added so far durable. Once a minute is the intended pace.
    ///
    /// # Errors
    /// A failing disk: what was added since the last flush may be lost.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.reader.handle.write(Durability::Immediate, |_| Ok(()))
    }

    /// Removes ticks before `before`, at most [`PRUNE_LIMIT`] of them; answers how many. Call
    /// again while it answers the limit; durable with the next flush.
    ///
    /// # Errors
    /// A failing disk.
    pub fn prune(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        self.reader.handle.write(Durability::None, |transaction| {
            let mut ticks = transaction.open_table(TICKS).doing(PRUNING)?;
            let mut removed = 0;
            while removed < PRUNE_LIMIT {
                let oldest = ticks.first().doing(PRUNING)?.map(|(key, _)| key.value());
                if oldest.is_none_or(|oldest| oldest >= key(before)) {
                    break;
                }
                ticks.pop_first().map(drop).doing(PRUNING)?;
                removed += 1;
            }
            Ok(removed)
        })
    }

    /// A handle for reading, cheap to clone and good on any thread.
    pub fn reader(&self) -> SampleReader {
        self.reader.clone()
    }

    /// Makes everything durable and closes the file.
    ///
    /// # Errors
    /// A failing disk: what was added since the last flush may be lost.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.flush()?;
        self.reader.handle.close()
    }

    fn number<'n>(
        &self,
        name: &'n str,
        added: &mut BTreeMap<&'n str, u32>,
    ) -> Result<u32, StoreError> {
        if let Some(known) = self.numbers.get(name).or_else(|| added.get(name)) {
            return Ok(*known);
        }
        let too_many = StoreError::TooMany { what: "series", limit: SERIES_LIMIT };
        let count = self.numbers.len() + added.len();
        match u32::try_from(count) {
            Ok(number) if count < SERIES_LIMIT => {
                added.insert(name, number);
                Ok(number)
            }
            Ok(_) | Err(_) => Err(too_many),
        }
    }
}

impl Drop for Samples {
    fn drop(&mut self) {
        drop(self.reader.handle.close());
    }
}

impl SampleReader {
    /// Names of all series ever measured.
    ///
    /// # Errors
    /// A failing disk or a damaged file.
    pub fn series(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.handle.read(read_numbers)?.into_keys().collect())
    }

    /// The samples of `series` from `from` (included) to `to` (excluded) in order of time; none
    /// for a name never measured. More than `max_points` (at least 2) are thinned to the lowest
    /// and the highest of equal stretches of time, so that no spike is lost.
    ///
    /// # Errors
    /// A failing disk or a damaged file.
    pub fn read(
        &self,
        series: &str,
        from: Timestamp,
        to: Timestamp,
        max_points: usize,
    ) -> Result<Vec<(Timestamp, f64)>, StoreError> {
        let points = self.handle.read(|transaction| {
            let known = transaction.open_table(SERIES).doing(READING)?;
            let Some(bytes) = known.get(series).doing(READING)? else { return Ok(Vec::new()) };
            let SeriesNumber(number) = codec::decode(bytes.value()).in_row("series", series)?;
            read_points(transaction, number, from, to)
        })?;
        Ok(if points.len() > max_points { thin(&points, from, to, max_points) } else { points })
    }
}

const READING: &str = "reading samples";
const WRITING: &str = "writing samples";
const PRUNING: &str = "pruning samples";

fn create(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(SERIES).map(drop).doing(WRITING)?;
    transaction.open_table(TICKS).map(drop).doing(WRITING)
}

/// Milliseconds as a key that sorts like time, also before 1970.
fn key(at: Timestamp) -> u64 {
    at.0.cast_unsigned() ^ (1 << 63)
}

fn time(key: u64) -> Timestamp {
    Timestamp((key ^ (1 << 63)).cast_signed())
}

fn read_numbers(transaction: &ReadTransaction) -> Result<BTreeMap<String, u32>, StoreError> {
    let table = transaction.open_table(SERIES).doing(READING)?;
    let mut numbers = BTreeMap::new();
    for row in table.iter().doing(READING)? {
        let (name, bytes) = row.doing(READING)?;
        let SeriesNumber(number) = codec::decode(bytes.value()).in_row("series", name.value())?;
        numbers.insert(name.value().to_owned(), number);
    }
    Ok(numbers)
}

fn write_numbers(
    transaction: &WriteTransaction,
    added: &BTreeMap<&str, u32>,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(SERIES).doing(WRITING)?;
    for (name, number) in added {
        let bytes = codec::encode(&SeriesNumber(*number)).in_row("series", name)?;
        table.insert(*name, bytes.as_slice()).doing(WRITING)?;
    }
    Ok(())
}

fn merge(
    transaction: &WriteTransaction,
    at: Timestamp,
    measured: &[(u32, f64)],
) -> Result<(), StoreError> {
    let mut ticks = transaction.open_table(TICKS).doing(WRITING)?;
    let mut tick = match ticks.get(key(at)).doing(WRITING)? {
        Some(bytes) => codec::decode(bytes.value()).in_row("ticks", at)?,
        None => Tick::default(),
    };
    let same = |a: &(u32, f64), b: &(u32, f64)| a.0 == b.0 && a.1.to_bits() == b.1.to_bits();
    for sample in measured {
        if !tick.0.iter().any(|known| same(known, sample)) {
            tick.0.push(*sample);
        }
    }
    if tick.0.len() > TICK_LIMIT {
        return Err(StoreError::TooMany { what: "samples in one tick", limit: TICK_LIMIT });
    }
    let bytes = codec::encode(&tick).in_row("ticks", at)?;
    ticks.insert(key(at), bytes.as_slice()).map(drop).doing(WRITING)
}

fn read_points(
    transaction: &ReadTransaction,
    number: u32,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(Timestamp, f64)>, StoreError> {
    let ticks = transaction.open_table(TICKS).doing(READING)?;
    let mut points = Vec::new();
    if from >= to {
        return Ok(points);
    }
    for row in ticks.range(key(from)..key(to)).doing(READING)? {
        let (at, bytes) = row.doing(READING)?;
        let at = time(at.value());
        let tick: Tick = codec::decode(bytes.value()).in_row("ticks", at)?;
        let of_series = tick.0.iter().filter(|(series, _)| *series == number);
        points.extend(of_series.map(|(_, value)| (at, *value)));
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::{Memory, facts};

    const EVER: (Timestamp, Timestamp) = (Timestamp(i64::MIN), Timestamp(i64::MAX));

    fn open(file: &Memory) -> Samples {
        Samples::open(file.clone(), &facts("1")).unwrap()
    }

    fn all(samples: &Samples, series: &str) -> Vec<(i64, f64)> {
        let points = samples.reader().read(series, EVER.0, EVER.1, 1000).unwrap();
        points.into_iter().map(|(at, value)| (at.0, value)).collect()
    }

    #[test]
    fn series_come_back_bit_for_bit_with_gaps_absent() {
        let file = Memory::default();
        let mut samples = open(&file);
        samples.append(Timestamp(-5), &[("gpu/0/temp", 71.5)]).unwrap();
        samples.append(Timestamp(0), &[("gpu/0/temp", f64::NAN), ("disk", 0.0)]).unwrap();
        samples.append(Timestamp(5), &[("gpu/0/temp", f64::INFINITY), ("disk", -0.0)]).unwrap();
        samples.close().unwrap();

        let mut samples = open(&file);
        assert_eq!(all(&samples, "gpu/0/temp"), [(-5, 71.5), (5, f64::INFINITY)]);
        let disk = all(&samples, "disk");
        assert_eq!(
            disk.iter().map(|(_, v)| v.is_sign_negative()).collect::<Vec<_>>(),
            [false, true]
        );
        assert_eq!(all(&samples, "never measured"), []);
        samples.append(Timestamp(9), &[("new", 1.0), ("disk", 2.0)]).unwrap();
        assert_eq!(all(&samples, "new"), [(9, 1.0)]);
        assert_eq!(samples.reader().series().unwrap(), ["disk", "gpu/0/temp", "new"]);
    }

    #[test]
    fn a_tick_written_again_merges_and_a_clock_that_steps_back_loses_nothing() {
        let mut samples = open(&Memory::default());
        samples.append(Timestamp(10), &[("a", 1.0)]).unwrap();
        samples.append(Timestamp(20), &[("a", 2.0)]).unwrap();
        samples.append(Timestamp(10), &[("a", 1.0), ("b", 5.0)]).unwrap();
        samples.append(Timestamp(10), &[("a", 3.0)]).unwrap();
        assert_eq!(all(&samples, "a"), [(10, 1.0), (10, 3.0), (20, 2.0)]);
        assert_eq!(all(&samples, "b"), [(10, 5.0)]);
    }

    #[test]
    fn thinning_keeps_the_spike_and_the_bound() {
        let mut samples = open(&Memory::default());
        for second in 0..2_000 {
            let value = if second == 1_234 { 99.0 } else { f64::from(second % 7) };
            samples.append(Timestamp(i64::from(second) * 1000), &[("load", value)]).unwrap();
        }
        let read =
            |max| samples.reader().read("load", Timestamp(0), Timestamp(2_000_000), max).unwrap();
        for max in [2, 3, 10, 1_999] {
            let points = read(max);
            assert!(points.len() <= max, "{} points for {max}", points.len());
            assert!(points.contains(&(Timestamp(1_234_000), 99.0)), "the spike is in {max}");
            assert!(points.is_sorted_by_key(|(at, _)| *at));
        }
        assert_eq!(read(2_000).len(), 2_000);
        let empty = samples.reader().read("load", Timestamp(5), Timestamp(5), 10).unwrap();
        assert_eq!(empty, []);
    }

    #[test]
    fn pruning_removes_what_is_old_and_only_so_much_at_once() {
        let mut samples = open(&Memory::default());
        let ticks = i64::try_from(PRUNE_LIMIT).unwrap() + 5;
        for tick in 0..ticks {
            samples.append(Timestamp(tick), &[("a", 0.0)]).unwrap();
        }
        let before = Timestamp(ticks - 2);
        assert_eq!(samples.prune(before).unwrap(), PRUNE_LIMIT);
        assert_eq!(samples.prune(before).unwrap(), 3);
        assert_eq!(samples.prune(before).unwrap(), 0);
        assert_eq!(all(&samples, "a").len(), 2);
    }

    #[test]
    fn too_many_series_are_refused_and_nothing_of_that_tick_is_kept() {
        let mut samples = open(&Memory::default());
        let names: Vec<String> = (0..=SERIES_LIMIT).map(|n| format!("pid/{n}")).collect();
        let tick: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.0)).collect();
        let error = samples.append(Timestamp(1), &tick).unwrap_err();
        assert!(error.to_string().contains("series exceed the limit") && !error.needs_reopen());
        assert_eq!(samples.reader().series().unwrap(), [""; 0]);
        samples.append(Timestamp(1), &tick[..3]).unwrap();
        assert_eq!(all(&samples, "pid/2"), [(1, 1.0)]);
    }
}
