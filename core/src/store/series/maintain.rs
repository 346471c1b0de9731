//! What is due next: seal a full hour, merge a full window, fold what came late, remove what is
//! too old.

use super::{
    Retention,
    block::{self, Block, Layer},
    compact::Compaction,
    grid::Stretch,
    head,
    raw::Raw,
};
use crate::store::{
    codec::{self, Record},
    error::{Doing, InRow, StoreError},
    handle::Handle,
    tables::META,
};
use crate::words::{Span, Timestamp};
use redb::{Durability, ReadTransaction, WriteTransaction};
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
    const KIND: u16 = 11;
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
    /// Make this block of everything that lies in its stretch.
    Compact(Block),
    /// Remove this block, all parts of it.
    Remove(Block),
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
        let since_fold = self.folded_at.map(|at| now.since(at).0.saturating_abs());
        let folds = since_fold.is_none_or(|since| since >= FOLD_EVERY.0);
        match handle.read(|transaction| next(transaction, retention, now, folds))? {
            Some(Job::Compact(block)) => {
                let work = handle.read(|transaction| Compaction::begin(transaction, block))?;
                self.under_way = Some(work);
                Ok(true)
            }
            Some(Job::Remove(block)) => self.remove(handle, block).map(|()| true),
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

    fn remove(&mut self, handle: &Handle, block: Block) -> Result<(), StoreError> {
        let end = Timestamp(block.stretch().end);
        let Horizons { raw, minutes } = self.horizons;
        let horizons = match block.layer {
            Layer::Hour | Layer::Window => Horizons { raw: raw.max(end), minutes },
            Layer::Minutes => Horizons { raw, minutes: minutes.max(end) },
            Layer::Hours => self.horizons,
        };
        let parts = handle.read(|transaction| {
            Raw::open(transaction)?.blocks.list(block.layer, block.stretch())
        })?;
        handle.write(Durability::None, |transaction| {
            horizons.write(transaction)?;
            parts.iter().try_for_each(|part| block::remove(transaction, *part))
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
    let raw = Raw::open(transaction)?;
    let full = now.0.saturating_sub(GRACE.0);
    if let Some(block) = sealing(&raw, full, folds)? {
        return Ok(Some(Job::Compact(block)));
    }
    if let Some(hour) = raw.blocks.first(Layer::Hour, Stretch::EVER)? {
        let window = Block::around(Layer::Window, hour.start);
        if window.stretch().end <= full {
            return Ok(Some(Job::Compact(window)));
        }
    }
    let Some(newest) = raw.end()? else { return Ok(None) };
    let newest = newest.min(now.0);
    let limits = [
        (Layer::Window, Some(retention.raw)),
        (Layer::Minutes, Some(retention.minutes)),
        (Layer::Hours, retention.hours),
    ];
    for (layer, limit) in limits {
        let Some(limit) = limit else { continue };
        if let Some(block) = outdated(&raw, layer, newest.saturating_sub(limit.0))? {
            return Ok(Some(Job::Remove(block)));
        }
    }
    Ok(None)
}

/// The oldest hour that can be sealed, or window whose late samples are to be folded.
fn sealing(raw: &Raw, full: i64, folds: bool) -> Result<Option<Block>, StoreError> {
    let mut rest = Stretch::EVER;
    while let Some(at) = head::first(&raw.ticks, rest)? {
        let hour = Block::around(Layer::Hour, at);
        let window = Block::around(Layer::Window, at);
        if hour.stretch().end > full {
            return Ok(None);
        }
        if raw.blocks.first(Layer::Window, window.stretch())?.is_some() {
            if folds {
                return Ok(Some(window));
            }
            rest.start = window.stretch().end;
        } else if raw.blocks.first(Layer::Hour, hour.stretch())?.is_some() {
            // Comes along when the window is merged.
            rest.start = hour.stretch().end;
        } else {
            return Ok(Some(hour));
        }
    }
    Ok(None)
}

/// The oldest block of a layer, when it ended before `limit` and nothing waits to be folded in.
fn outdated(raw: &Raw, layer: Layer, limit: i64) -> Result<Option<Block>, StoreError> {
    let Some(oldest) = raw.blocks.first(layer, Stretch::EVER)? else { return Ok(None) };
    let stretch = oldest.stretch();
    let is_outdated = stretch.end <= limit && head::first(&raw.ticks, stretch)?.is_none();
    Ok(is_outdated.then_some(oldest))
}
