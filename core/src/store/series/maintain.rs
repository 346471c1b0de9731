//! What is due next: seal a full hour, merge a full window, fold what came late, remove what is
//! too old.

use super::{
    Retention,
    compact::Compaction,
    grid::{Stretch, WINDOW},
    head,
    rollup::{self, Level, Rollup},
    segment::{self, Segment, Segments, Size},
};
use crate::store::{
    codec::{self, Record},
    error::{Doing, InRow, StoreError},
    handle::Handle,
    tables::META,
};
use crate::words::{Span, Timestamp};
use redb::{Durability, ReadOnlyTable, ReadTransaction, WriteTransaction};
use serde::{Deserialize, Serialize};

/// How long a full hour waits for its last samples.
const GRACE: Span = Span::minutes(1);
/// Time between two foldings of late samples into merged windows: each rewrites whole windows.
const FOLD_EVERY: Span = Span::hours(8);

const READING: &str = "looking what is due with the samples";
const KEY: &str = "horizons";

/// Key `horizons` of `meta`: from where on which level is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Horizons {
    /// Raw samples before this time were removed, and none may be added.
    pub(in crate::store) raw: Timestamp,
    /// Minutes before this time were removed.
    pub(in crate::store) minutes: Timestamp,
}

impl Record for Horizons {
    const KIND: u16 = 9;
    const VERSION: u16 = 1;
    const NAME: &'static str = "horizons of samples";
}

impl Horizons {
    pub(super) fn read(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        let meta = transaction.open_table(META).doing(READING)?;
        match meta.get(KEY).doing(READING)? {
            Some(bytes) => codec::decode(bytes.value()).in_row("meta", KEY),
            None => {
                let start = Timestamp(Stretch::EVER.start);
                Ok(Self { raw: start, minutes: start })
            }
        }
    }

    fn write(&self, transaction: &WriteTransaction) -> Result<(), StoreError> {
        const DOING: &str = "pruning samples";
        let bytes = codec::encode(self).in_row("meta", KEY)?;
        let mut meta = transaction.open_table(META).doing(DOING)?;
        meta.insert(KEY, bytes.as_slice()).map(drop).doing(DOING)
    }
}

/// Whoever moves samples on: what is under way, and what was removed already.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) horizons: Horizons,
    under_way: Option<Compaction>,
    folded_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Compact(Size, i64),
    RemoveWindow(i64),
    RemoveSums(Level, i64),
}

impl Keeper {
    pub(super) const fn new(horizons: Horizons) -> Self {
        Self { horizons, under_way: None, folded_at: None }
    }

    /// One step; answers whether more is due.
    pub(super) fn step(
        &mut self,
        handle: &Handle,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if let Some(work) = self.under_way.take() {
            return self.go_on(handle, work).map(|()| true);
        }
        let folds =
            self.folded_at.is_none_or(|at| now.since(at).0.saturating_abs() >= FOLD_EVERY.0);
        match handle.read(|transaction| next(transaction, retention, now, folds))? {
            Some(Job::Compact(size, at)) => {
                let work = handle.read(|transaction| Compaction::begin(transaction, size, at))?;
                self.under_way = Some(work);
                Ok(true)
            }
            Some(Job::RemoveWindow(at)) => self.remove_window(handle, at).map(|()| true),
            Some(Job::RemoveSums(level, at)) => self.remove_sums(handle, level, at).map(|()| true),
            None => {
                if folds {
                    self.folded_at = Some(now);
                }
                Ok(false)
            }
        }
    }

    fn go_on(&mut self, handle: &Handle, mut work: Compaction) -> Result<(), StoreError> {
        if work.is_ready() {
            return handle.write(Durability::None, |transaction| work.commit(transaction));
        }
        handle.read(|transaction| work.step(transaction))?;
        self.under_way = Some(work);
        Ok(())
    }

    fn remove_window(&mut self, handle: &Handle, at: i64) -> Result<(), StoreError> {
        let window = Stretch::around(at, WINDOW);
        let parts =
            handle.read(|transaction| Segments::open(transaction)?.list(Size::Window, window))?;
        let horizons =
            Horizons { raw: self.horizons.raw.max(Timestamp(window.end)), ..self.horizons };
        handle.write(Durability::None, |transaction| {
            horizons.write(transaction)?;
            parts.iter().try_for_each(|part: &Segment| segment::remove(transaction, *part))
        })?;
        self.horizons = horizons;
        Ok(())
    }

    fn remove_sums(&mut self, handle: &Handle, level: Level, at: i64) -> Result<(), StoreError> {
        let end = Timestamp(at.saturating_add(level.period()));
        let horizons = match level {
            Level::Minutes => Horizons { minutes: self.horizons.minutes.max(end), ..self.horizons },
            Level::Hours => self.horizons,
        };
        handle.write(Durability::None, |transaction| {
            horizons.write(transaction)?;
            rollup::remove(transaction, level, at)
        })?;
        self.horizons = horizons;
        Ok(())
    }
}

/// The most urgent job, oldest samples first, so that whatever is removed was summed up before.
fn next(
    transaction: &ReadTransaction,
    retention: &Retention,
    now: Timestamp,
    folds: bool,
) -> Result<Option<Job>, StoreError> {
    let ticks = transaction.open_table(head::TICKS).doing(READING)?;
    let segments = Segments::open(transaction)?;
    let full = now.0.saturating_sub(GRACE.0);
    if let Some(job) = sealing(&ticks, &segments, full, folds)? {
        return Ok(Some(job));
    }
    if let Some(oldest) = segments.first(Size::Hour, Stretch::EVER)?
        && Stretch::around(oldest.start, WINDOW).end <= full
    {
        return Ok(Some(Job::Compact(Size::Window, oldest.start)));
    }
    let Some(newest) = segments.end()? else { return Ok(None) };
    let newest = newest.min(now.0);
    if let Some(job) = outdated_window(&ticks, &segments, newest.saturating_sub(retention.raw.0))? {
        return Ok(Some(job));
    }
    let limits = [(Level::Minutes, Some(retention.minutes)), (Level::Hours, retention.hours)];
    for (level, limit) in limits {
        if let (Some(limit), Some(first)) = (limit, Rollup::open(transaction, level)?.first()?)
            && first.saturating_add(level.period()) <= newest.saturating_sub(limit.0)
        {
            return Ok(Some(Job::RemoveSums(level, first)));
        }
    }
    Ok(None)
}

type Ticks = ReadOnlyTable<u64, &'static [u8]>;

/// The oldest hour that can be sealed, or window whose late samples are to be folded.
fn sealing(
    ticks: &Ticks,
    segments: &Segments,
    full: i64,
    folds: bool,
) -> Result<Option<Job>, StoreError> {
    let mut rest = Stretch::EVER;
    while let Some(at) = head::first(ticks, rest)? {
        let hour = Stretch::around(at, Size::Hour.length());
        let window = Stretch::around(at, WINDOW);
        if hour.end > full {
            return Ok(None);
        }
        if segments.first(Size::Window, window)?.is_some() {
            if folds {
                return Ok(Some(Job::Compact(Size::Window, at)));
            }
            rest.start = window.end;
        } else if segments.first(Size::Hour, hour)?.is_some() {
            // Comes along when the window is merged.
            rest.start = hour.end;
        } else {
            return Ok(Some(Job::Compact(Size::Hour, at)));
        }
    }
    Ok(None)
}

/// The oldest window, when it ended before `limit` and nothing waits to be folded into it.
fn outdated_window(
    ticks: &Ticks,
    segments: &Segments,
    limit: i64,
) -> Result<Option<Job>, StoreError> {
    let Some(oldest) = segments.first(Size::Window, Stretch::EVER)? else { return Ok(None) };
    let window = Stretch::around(oldest.start, WINDOW);
    let is_outdated = window.end <= limit && head::first(ticks, window)?.is_none();
    Ok(is_outdated.then_some(Job::RemoveWindow(oldest.start)))
}
