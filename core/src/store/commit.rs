//! A decision becomes a fact: one durable transaction with every row that changed and every line
//! of history. The only way to a [`Committed`], and so to effects.

use super::{
    batch::Batch,
    codec::{self, CodecError, Older, Record},
    error::{InRow, StoreError},
    state::Store,
    tables::{Key, Table},
};
use crate::decision::{Committed, Decision};
use crate::machines::alert::{Alert, AlertV1};
use crate::machines::deployment::Slot;
use crate::machines::process::Process;
use crate::machines::study::Study;
use crate::words::{Intent, Note, Revision, Silence};
use crate::world::{Answered, World};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! records {
    ($($kind:literal $version:literal $name:literal $record:ty $(, $before:ty)?;)*) => {
        $(impl Record for $record {
            const KIND: u16 = $kind;
            const VERSION: u16 = $version;
            const NAME: &'static str = $name;
            $(fn upgrade(older: Older<'_>) -> Result<Self, CodecError> {
                older.read::<$before>().map(Self::from)
            })?
        })*

        /// Whether a stored value is a record of the world that this program can read.
        ///
        /// # Errors
        /// What is wrong with it.
        pub fn is_readable(bytes: &[u8]) -> Result<(), CodecError> {
            match codec::open(bytes)?.kind {
                $($kind => codec::decode::<$record>(bytes).map(drop),)*
                // No kind of ours: any record names the kinds that it expected and found.
                _ => codec::decode::<Note>(bytes).map(drop),
            }
        }
    };
}

records! {
    100 1 "study" Study;
    101 1 "deployment slot" Slot;
    102 1 "process" Process;
    103 2 "alert" Alert, AlertV1;
    104 1 "revision" Revision;
    105 1 "intent" Intent;
    106 1 "answered request" Answered;
    107 1 "history note" Note;
    108 1 "counters" Counters;
    109 1 "silence" Silence;
}

impl Record for AlertV1 {
    const KIND: u16 = 103;
    const VERSION: u16 = 1;
    const NAME: &'static str = "alert";
}

/// Numbers that only grow and belong to no machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counters {
    pub(super) intents: u64,
}

pub(super) const STUDY: &str = "study";
pub(super) const DEPLOYMENT: &str = "deployment";
pub(super) const COUNTERS: &str = "counters";
pub(super) const PROCESS: &str = "process/";
pub(super) const ALERT: &str = "alert/";
pub(super) const SILENCE: &str = "silence/";

impl Store {
    /// Makes `decision` durable: what changed since `before` and what the history remembers.
    ///
    /// # Errors
    /// As [`Store::apply`]; the decision is then not committed, or its outcome is unknown and
    /// only a reopened store tells.
    pub fn commit(&mut self, before: &World, decision: Decision) -> Result<Committed, StoreError> {
        if !decision.is_empty() {
            let batch = batch_of(before, &decision).in_row("batch", "of a decision")?;
            self.apply(&batch)?;
        }
        Ok(decision.seal())
    }
}

fn batch_of(before: &World, decision: &Decision) -> Result<Batch, CodecError> {
    let next = &decision.next;
    let mut batch = Batch::new();
    if before.study != next.study {
        batch.put(Table::Machines, STUDY, &next.study)?;
    }
    if before.deployment.slot != next.deployment.slot {
        batch.put(Table::Machines, DEPLOYMENT, &next.deployment.slot)?;
    }
    if before.asked != next.asked {
        batch.put(Table::Machines, COUNTERS, &Counters { intents: next.asked })?;
    }
    let rows = &mut batch;
    changed(&before.processes, &next.processes, rows, Table::Machines, |name| {
        Key::Text(format!("{PROCESS}{name}"))
    })?;
    changed(&before.alerts, &next.alerts, rows, Table::Machines, |key| {
        Key::Text(format!("{ALERT}{}", key.0))
    })?;
    changed(&before.silences, &next.silences, rows, Table::Machines, |id| {
        Key::Text(format!("{SILENCE}{id}"))
    })?;
    let (was, is) = (&before.deployment.revisions, &next.deployment.revisions);
    changed(was, is, rows, Table::Revisions, |id| Key::Number(id.0))?;
    changed(&before.intents, &next.intents, rows, Table::Intents, |id| Key::Number(id.0))?;
    changed(&before.requests, &next.requests, rows, Table::Requests, |id| Key::Text(id.0.clone()))?;
    for note in &decision.notes {
        batch.record(decision.at.wall, note)?;
    }
    Ok(batch)
}

/// Writes what is new or different, deletes what is gone.
fn changed<K: Ord, R: Record + PartialEq>(
    before: &BTreeMap<K, R>,
    next: &BTreeMap<K, R>,
    batch: &mut Batch,
    table: Table,
    row: impl Fn(&K) -> Key,
) -> Result<(), CodecError> {
    for (key, record) in next {
        if before.get(key) != Some(record) {
            batch.put(table, row(key), record)?;
        }
    }
    for key in before.keys().filter(|key| !next.contains_key(*key)) {
        batch.delete(table, row(key));
    }
    Ok(())
}
