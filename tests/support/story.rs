//! A seeded life of a store, and what it must hold after each batch.

use crate::disk::Disk;
use cappuccino_core::{
    store::{Batch, Key, OpenFacts, Store, StoreError, Table, codec::Record},
    words::{Sequence, Timestamp},
};
use rand::{Rng, RngExt, seq::IndexedRandom};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::RangeInclusive};

/// Batches in a story.
pub const BATCHES: usize = 12;

#[derive(Serialize, Deserialize)]
pub struct Note(pub String);

impl Record for Note {
    const KIND: u16 = 900;
    const VERSION: u16 = 1;
    const NAME: &'static str = "note";
}

/// Everything that a store holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    pub rows: BTreeMap<(Table, Key), Vec<u8>>,
    pub history: Vec<(Timestamp, Vec<u8>)>,
}

impl Content {
    pub fn of(store: &Store) -> Result<Self, StoreError> {
        let mut content = Self::default();
        for table in Table::ALL {
            let rows = store.rows(table)?;
            content.rows.extend(rows.into_iter().map(|(key, value)| ((table, key), value)));
        }
        let history = store.history(Sequence(1), usize::MAX)?;
        assert_eq!(store.reader().verify_history()?.0, history.len() as u64);
        content.history = history.into_iter().map(|row| (row.at, row.entry)).collect();
        Ok(content)
    }

    fn after(&self, batch: &Batch) -> Self {
        let mut content = self.clone();
        for (table, key, value) in batch.changes() {
            match value {
                Some(value) => content.rows.insert((table, key.clone()), value.to_vec()),
                None => content.rows.remove(&(table, key.clone())),
            };
        }
        content.history.extend(batch.history().map(|(at, entry)| (at, entry.to_vec())));
        content
    }
}

/// Batches and what the store holds before the first, after the first, and so on.
pub struct Story {
    pub batches: Vec<Batch>,
    pub contents: Vec<Content>,
}

impl Story {
    pub fn new(rng: &mut impl Rng) -> Self {
        let batches: Vec<Batch> = (0..BATCHES).map(|number| batch(number, rng)).collect();
        let mut contents = vec![Content::default()];
        for batch in &batches {
            contents.push(contents[contents.len() - 1].after(batch));
        }
        Self { batches, contents }
    }

    /// How many batches `content` holds; `None` for something in between.
    pub fn position(&self, content: &Content) -> Option<usize> {
        self.contents.iter().position(|known| known == content)
    }
}

/// Rows from a few bytes to more than a page, overwritten and deleted; every batch can be told
/// from the one before by its history entry.
fn batch(number: usize, rng: &mut impl Rng) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..rng.random_range(0..6) {
        let note = Note("x".repeat(*[3, 40, 700, 6_000].choose(rng).unwrap()));
        let key = rng.random_range(0..8);
        match rng.random_range(0..4) {
            0 => batch.delete(Table::Machines, format!("process/{key}").as_str()),
            1 => batch.delete(Table::Intents, key),
            2 => batch.put(Table::Machines, format!("process/{key}").as_str(), &note).unwrap(),
            _ => batch.put(Table::Intents, key, &note).unwrap(),
        }
    }
    for entry in 0..rng.random_range(1..4) {
        let at = Timestamp(rng.random_range(-1_000..1_000));
        batch.record(at, &Note(format!("batch {number} entry {entry}"))).unwrap();
    }
    batch
}

pub fn facts() -> OpenFacts {
    OpenFacts { now: Timestamp(0), app_version: "test".into() }
}

pub fn open(disk: &Disk) -> Result<Store, StoreError> {
    Store::open(disk.clone(), &facts())
}

/// Opens what a crash left, and compares; answers the number of batches found.
pub fn come_back(
    disk: &Disk,
    story: &Story,
    allowed: RangeInclusive<usize>,
) -> Result<usize, String> {
    let store = open(disk).map_err(|error| error.to_string())?;
    let content = Content::of(&store).map_err(|error| error.to_string())?;
    match story.position(&content) {
        Some(found) if allowed.contains(&found) => Ok(found),
        found => Err(format!("found batches {found:?}, allowed {allowed:?}")),
    }
}
