//! `metrics.redb`: what was measured, as series over time.
//!
//! A sample goes through four places and is at any time in exactly one of the first two:
//!
//! 1. the *head* ([`head`]): a row per tick, as written;
//! 2. a *block* ([`block`], [`column`]): compressed columns that share one column of times; sealed
//!    every hour, merged every eight;
//! 3. a row per minute and 4. a row per hour ([`rollup`]), summed up when a block is merged.
//!
//! Raw samples and minutes are kept for a time, hours for ever ([`Retention`]). All moving is
//! done by [`Samples::maintain`] in steps that are short and atomic each.

mod block;
mod bucket;
mod column;
mod compact;
mod copy;
mod grid;
mod head;
mod maintain;
mod names;
mod packed;
mod query;
mod raw;
mod rollup;

#[cfg(test)]
mod model;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tests;

pub use bucket::Bucket;
pub use names::{SeriesFacts, SeriesId, SeriesKind, SeriesRef};
pub use query::{Buckets, SampleReader, SeriesQuery};

#[cfg(test)]
pub(super) use self::{
    block::{Directory, Piece},
    column::{Column, Times},
    head::Tick,
    names::SeriesV1,
    packed::Bytes,
    rollup::Sums,
};
pub(super) use self::{maintain::Horizons, names::SeriesRow};

use super::{
    error::{Doing, StoreError},
    format::{Format, OpenFacts, Step},
    handle::Handle,
};
use crate::words::{Span, Timestamp};
use grid::Stretch;
use maintain::Keeper;
use names::{Names, SERIES};
use redb::{Durability, StorageBackend, WriteTransaction};
use std::collections::BTreeMap;

/// Above this size the pages are verified only after a crash: it would delay every start.
const VERIFY_LIMIT_BYTES: u64 = 200 << 20;
/// A workstation has tens of series; more than this is a name with a changing part in it.
const SERIES_LIMIT: usize = 10_000;
/// Samples in one tick; keeps the row far below the codec's limit.
const TICK_LIMIT: usize = SERIES_LIMIT;

const FORMAT: Format = Format {
    purpose: "metrics",
    version: 2,
    // Format 1 had the dictionary and the head; its rows are read as they are and sealed in time.
    steps: &[Step { from: 1, run: create }],
    create,
};

/// How long samples are kept, counted back from the newest sealed one, so that a clock that jumps
/// ahead for a moment costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Raw samples. Whole stretches of eight hours go at once.
    pub raw: Span,
    /// Sums per minute. Whole days go at once.
    pub minutes: Span,
    /// Sums per hour; `None` keeps them for ever.
    pub hours: Option<Span>,
}

impl Default for Retention {
    /// Raw 14 days, minutes a year, hours for ever.
    fn default() -> Self {
        Self { raw: Span::hours(24 * 14), minutes: Span::hours(24 * 366), hours: None }
    }
}

/// The open file, with the right to add to it.
#[derive(Debug)]
pub struct Samples {
    reader: SampleReader,
    names: Names,
    keeper: Keeper,
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
        let (names, horizons) = handle.read(|transaction| {
            let names = transaction.open_table(SERIES).doing("opening the samples")?;
            Ok((Names::read(&names)?, Horizons::read(transaction)?))
        })?;
        Ok(Self { reader: SampleReader { handle }, names, keeper: Keeper::new(horizons) })
    }

    /// Says what a series is, before or after it is measured; answers its number in this file.
    ///
    /// # Errors
    /// [`StoreError::TooMany`], or a failing disk.
    pub fn define(
        &mut self,
        name: &str,
        unit: &str,
        kind: SeriesKind,
    ) -> Result<SeriesId, StoreError> {
        let number = match self.names.get(name) {
            Some(known) if known.unit == unit && known.kind == kind => {
                return Ok(SeriesId(known.number));
            }
            Some(known) => known.number,
            None => self.names.next(0)?,
        };
        let row = SeriesRow { number, unit: unit.to_owned(), kind };
        let changed = BTreeMap::from([(name.to_owned(), row)]);
        self.reader
            .handle
            .write(Durability::None, |transaction| names::write(transaction, &changed))?;
        self.names.extend(changed);
        Ok(SeriesId(number))
    }

    /// Adds what was measured `at`, by number or by name. Readers see it at once; a crash may
    /// take it back until the next [`Samples::flush`]. A series that was not measured is left
    /// out, never zero. One value per series and time: of two the later written stays.
    ///
    /// # Errors
    /// Nothing is added for [`StoreError::TooMany`], [`StoreError::UnknownSeries`], or
    /// [`StoreError::OutOfTime`] (before what is still kept raw, or after the year 9999). For a
    /// failing disk ask [`StoreError::needs_reopen`]; adding the same again is always safe.
    pub fn write<'s, S: Copy + Into<SeriesRef<'s>>>(
        &mut self,
        at: Timestamp,
        samples: &[(S, f64)],
    ) -> Result<(), StoreError> {
        let from = self.keeper.horizons.raw;
        if !Stretch::new(from.0, i64::MAX).contains(at.0) {
            return Err(StoreError::OutOfTime { at, from });
        }
        let mut added = BTreeMap::new();
        let mut measured = Vec::with_capacity(samples.len());
        for (series, value) in samples {
            measured.push((self.names.number((*series).into(), &mut added)?, *value));
        }
        self.reader.handle.write(Durability::None, |transaction| {
            names::write(transaction, &added)?;
            head::write(transaction, at.0, &measured)
        })?;
        self.names.extend(added);
        Ok(())
    }

    /// Makes everything written and moved so far durable. Once a minute is the intended pace.
    ///
    /// # Errors
    /// A failing disk: what was added since the last flush may be lost.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.reader.handle.write(Durability::Immediate, |_| Ok(()))
    }

    /// Does one short step of what is due: seals, merges, sums up, removes what is too old.
    /// Answers whether more is due now. Durable with the next flush.
    ///
    /// # Errors
    /// A failing disk or a damaged file.
    pub fn maintain(&mut self, retention: &Retention, now: Timestamp) -> Result<bool, StoreError> {
        self.keeper.step(&self.reader.handle, retention, now)
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
}

impl Drop for Samples {
    fn drop(&mut self) {
        drop(self.reader.handle.close());
    }
}

fn create(transaction: &WriteTransaction) -> Result<(), StoreError> {
    const DOING: &str = "creating the tables";
    transaction.open_table(SERIES).map(drop).doing(DOING)?;
    transaction.open_table(head::TICKS).map(drop).doing(DOING)?;
    transaction.open_table(block::BLOCKS).map(drop).doing(DOING)?;
    transaction.open_table(block::PIECES).map(drop).doing(DOING)
}
