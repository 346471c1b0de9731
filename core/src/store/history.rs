//! The history: entries that are only ever added, numbered without gaps from 1, each carrying
//! the hash of the one before.
//!
//! hash = SHA-256(previous hash ‖ sequence ‖ time ‖ entry), numbers as 8 bytes little endian; the
//! entry before the first has a hash of zeros. The head of the chain is kept in `meta`, so that a
//! missing tail shows too. This finds damage and edits by hand; it does not stop somebody who
//! recomputes the whole chain.

use super::{
    codec::{self, Record},
    error::{Doing, InRow, StoreError},
    tables::{HISTORY, META},
};
use crate::words::{Digest, Sequence, Timestamp};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// One entry of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Its number.
    pub sequence: Sequence,
    /// When it happened, by the wall clock: not necessarily later than the entry before.
    pub at: Timestamp,
    /// Hash of this entry and, through it, of everything before.
    pub hash: Digest,
    /// What happened: an envelope of the layer above.
    pub entry: Vec<u8>,
}

/// A row of the table `history`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chained {
    pub(super) at: Timestamp,
    pub(super) previous: Digest,
    pub(super) hash: Digest,
    pub(super) entry: Vec<u8>,
}

impl Record for Chained {
    const KIND: u16 = 2;
    const VERSION: u16 = 1;
    const NAME: &'static str = "history entry";
}

/// Where the chain ends: key `history` of `meta`. Also the state of a walk along it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) sequence: Sequence,
    pub(super) hash: Digest,
}

impl Record for Head {
    const KIND: u16 = 3;
    const VERSION: u16 = 1;
    const NAME: &'static str = "head of the history";
}

const HEAD_KEY: &str = "history";

impl Head {
    /// Before the first entry.
    pub(super) const START: Self = Self { sequence: Sequence(0), hash: Digest([0; 32]) };

    /// The next link of the chain.
    fn link(self, at: Timestamp, entry: &[u8]) -> (Self, Chained) {
        let sequence = Sequence(self.sequence.0.saturating_add(1));
        let hash = hash(self.hash, sequence, at, entry);
        let row = Chained { at, previous: self.hash, hash, entry: entry.to_vec() };
        (Self { sequence, hash }, row)
    }

    /// Moves on to `row`, stored under `sequence`, when it is the next link.
    pub(super) fn follow(&mut self, sequence: u64, bytes: &[u8]) -> Result<HistoryRow, StoreError> {
        let expected = self.sequence.0.saturating_add(1);
        let broken = |why| StoreError::History { sequence: expected, why };
        if sequence != expected {
            return Err(broken("it is missing"));
        }
        let row: Chained = codec::decode(bytes).in_row("history", sequence)?;
        if row.previous != self.hash {
            return Err(broken("it does not follow the entry before it"));
        }
        let sequence = Sequence(sequence);
        if row.hash != hash(row.previous, sequence, row.at, &row.entry) {
            return Err(broken("it does not match its hash"));
        }
        *self = Self { sequence, hash: row.hash };
        Ok(HistoryRow { sequence, at: row.at, hash: row.hash, entry: row.entry })
    }
}

fn hash(previous: Digest, sequence: Sequence, at: Timestamp, entry: &[u8]) -> Digest {
    let hasher = Sha256::new()
        .chain_update(previous.0)
        .chain_update(sequence.0.to_le_bytes())
        .chain_update(at.0.to_le_bytes())
        .chain_update(entry);
    Digest(hasher.finalize().into())
}

/// Adds `entries` within a transaction; answers the new head.
pub(super) fn append<'a>(
    transaction: &WriteTransaction,
    entries: impl Iterator<Item = (Timestamp, &'a [u8])>,
) -> Result<Head, StoreError> {
    const DOING: &str = "adding to the history";
    let mut meta = transaction.open_table(META).doing(DOING)?;
    let mut rows = transaction.open_table(HISTORY).doing(DOING)?;
    let before = stored_head(&meta)?;
    let mut head = before;
    for (at, entry) in entries {
        let (next, row) = head.link(at, entry);
        let bytes = codec::encode(&row).in_row("history", next.sequence)?;
        let taken = rows.insert(next.sequence.0, bytes.as_slice()).doing(DOING)?.is_some();
        if taken {
            let why = "there are entries after the head";
            return Err(StoreError::History { sequence: next.sequence.0, why });
        }
        head = next;
    }
    if head != before {
        let bytes = codec::encode(&head).in_row("meta", HEAD_KEY)?;
        meta.insert(HEAD_KEY, bytes.as_slice()).doing(DOING)?;
    }
    Ok(head)
}

/// Where the chain ends.
pub(super) fn head(transaction: &ReadTransaction) -> Result<Head, StoreError> {
    stored_head(&transaction.open_table(META).doing(DOING)?)
}

/// At most `limit` entries from `from` on, oldest first.
pub(super) fn page(
    transaction: &ReadTransaction,
    from: Sequence,
    limit: usize,
) -> Result<Vec<HistoryRow>, StoreError> {
    let rows = transaction.open_table(HISTORY).doing(DOING)?;
    let first = from.0.max(1);
    let mut walk: Option<Head> = None;
    let mut page = Vec::new();
    for row in rows.range(first..).doing(DOING)?.take(limit) {
        let (sequence, bytes) = row.doing(DOING)?;
        let mut head = match walk {
            Some(head) => head,
            None => before(first, bytes.value())?,
        };
        page.push(head.follow(sequence.value(), bytes.value())?);
        walk = Some(head);
    }
    Ok(page)
}

/// Walks the whole chain and hands each entry to `each`; answers the head it arrived at.
pub(super) fn walk(
    transaction: &ReadTransaction,
    mut each: impl FnMut(HistoryRow, &[u8]) -> Result<(), StoreError>,
) -> Result<Head, StoreError> {
    let rows = transaction.open_table(HISTORY).doing(DOING)?;
    let mut walked = Head::START;
    for row in rows.iter().doing(DOING)? {
        let (sequence, bytes) = row.doing(DOING)?;
        each(walked.follow(sequence.value(), bytes.value())?, bytes.value())?;
    }
    if walked == head(transaction)? {
        return Ok(walked);
    }
    let sequence = walked.sequence.0.saturating_add(1);
    Err(StoreError::History { sequence, why: "the history does not end where it should" })
}

const DOING: &str = "reading the history";

/// The link before the first row of a page: a page vouches for itself, not for what is before.
fn before(sequence: u64, bytes: &[u8]) -> Result<Head, StoreError> {
    let row: Chained = codec::decode(bytes).in_row("history", sequence)?;
    Ok(Head { sequence: Sequence(sequence.saturating_sub(1)), hash: row.previous })
}

fn stored_head(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Head, StoreError> {
    match meta.get(HEAD_KEY).doing(DOING)? {
        Some(bytes) => codec::decode(bytes.value()).in_row("meta", HEAD_KEY),
        None => Ok(Head::START),
    }
}
