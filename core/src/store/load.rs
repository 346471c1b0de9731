//! Rows become the world again, checked on the way.

use super::{
    codec::{self, Record},
    commit::{ALERT, COUNTERS, Counters, DEPLOYMENT, PROCESS, SILENCE, STUDY},
    error::{InRow, StoreError},
    state::Reader,
    tables::{Key, Table},
};
use crate::machines::alert;
use crate::words::{
    IntentId, Note, ProcessName, RequestId, RevisionId, Sequence, Silence, Timestamp,
};
use crate::world::World;
use serde::{Deserialize, Serialize};

/// One line of the history, decoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place, from 1, without gaps.
    pub sequence: Sequence,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub note: Note,
}

impl Reader {
    /// The world as it was committed last.
    ///
    /// # Errors
    /// A damaged row, a row of a newer version, or a failing disk.
    pub fn load_world(&self) -> Result<World, StoreError> {
        let mut world = World::default();
        for (key, bytes) in self.rows(Table::Machines)? {
            load_machine(&mut world, &key, &bytes)?;
        }
        for (key, bytes) in self.rows(Table::Revisions)? {
            let id = RevisionId(number(Table::Revisions, &key)?);
            world.deployment.revisions.insert(id, decode(Table::Revisions, &key, &bytes)?);
        }
        for (key, bytes) in self.rows(Table::Intents)? {
            let id = IntentId(number(Table::Intents, &key)?);
            world.intents.insert(id, decode(Table::Intents, &key, &bytes)?);
        }
        for (key, bytes) in self.rows(Table::Requests)? {
            let id = RequestId(text(Table::Requests, &key)?.to_owned());
            world.requests.insert(id, decode(Table::Requests, &key, &bytes)?);
        }
        Ok(world)
    }

    /// At most `limit` lines of the history from `from` on, oldest first.
    ///
    /// # Errors
    /// A damaged row or a failing disk.
    pub fn entries(&self, from: Sequence, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.history(from, limit)?.iter().map(entry).collect()
    }

    /// At most `limit` lines of the history before `before`, newest first.
    ///
    /// # Errors
    /// A damaged row or a failing disk.
    pub fn entries_before(&self, before: Sequence, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.history_before(before, limit)?.iter().map(entry).collect()
    }
}

fn entry(row: &super::HistoryRow) -> Result<Entry, StoreError> {
    let note = codec::decode(&row.entry).in_row("history", row.sequence)?;
    Ok(Entry { sequence: row.sequence, at: row.at, note })
}

fn load_machine(world: &mut World, key: &Key, bytes: &[u8]) -> Result<(), StoreError> {
    const TABLE: Table = Table::Machines;
    let name = text(TABLE, key)?;
    if let Some(process) = name.strip_prefix(PROCESS) {
        let process = ProcessName::new(process).map_err(|_invalid| misplaced(TABLE, key))?;
        world.processes.insert(process, decode(TABLE, key, bytes)?);
    } else if let Some(alert) = name.strip_prefix(ALERT) {
        world.alerts.insert(alert::Key(alert.to_owned()), decode(TABLE, key, bytes)?);
    } else if name.starts_with(SILENCE) {
        let silence: Silence = decode(TABLE, key, bytes)?;
        world.silences.insert(silence.id, silence);
    } else if name == STUDY {
        world.study = decode(TABLE, key, bytes)?;
    } else if name == DEPLOYMENT {
        world.deployment.slot = decode(TABLE, key, bytes)?;
    } else if name == COUNTERS {
        world.asked = decode::<Counters>(TABLE, key, bytes)?.intents;
    } else {
        return Err(misplaced(TABLE, key));
    }
    Ok(())
}

fn decode<R: Record>(table: Table, key: &Key, bytes: &[u8]) -> Result<R, StoreError> {
    codec::decode(bytes).in_row(table.name(), key)
}

fn number(table: Table, key: &Key) -> Result<u64, StoreError> {
    match key {
        Key::Number(number) => Ok(*number),
        Key::Text(_) => Err(misplaced(table, key)),
    }
}

fn text(table: Table, key: &Key) -> Result<&str, StoreError> {
    match key {
        Key::Text(text) => Ok(text),
        Key::Number(_) => Err(misplaced(table, key)),
    }
}

fn misplaced(table: Table, key: &Key) -> StoreError {
    StoreError::Damaged { why: format!("row {key} of table {} has no meaning", table.name()) }
}
