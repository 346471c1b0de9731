//! The history as JSON, streamed: one object with a header and every entry in order.
//!
//! Schema 1: `{"schema":"cappuccino.history","version":1,"exported_at":…,"entries":[Entry,…]}`
//! with [`Entry`](crate::store::Entry) as `{"sequence":n,"at":"RFC 3339","note":{"Variant":…}}`; see docs/DATA_FILE.md.
//! Memory does not grow with the history.

use crate::store::{Reader, StoreError};
use crate::words::{Sequence, Timestamp};
use std::io::Write;

/// Version of the export's schema.
pub const EXPORT_VERSION: u32 = 1;
/// Entries read from the store at a time.
const PAGE: usize = 500;

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The history could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output could not be written.
    #[error("writing the export failed: {0}; check the space and the rights at its destination")]
    Output(#[from] std::io::Error),
    /// An entry has no JSON form.
    #[error("entry {sequence} cannot be written as JSON: {why}; please report this")]
    Entry {
        /// Which entry.
        sequence: Sequence,
        /// Why.
        why: serde_json::Error,
    },
}

/// An export under way: asked for one piece after the other, so that whoever sends them may wait in
/// between without holding anything.
#[derive(Debug)]
pub struct Pieces {
    exported_at: Timestamp,
    count: u64,
    from: Sequence,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Header,
    Entries,
    Ended,
}

impl Pieces {
    /// An export of everything, dated `exported_at`.
    pub const fn new(exported_at: Timestamp) -> Self {
        Self { exported_at, count: 0, from: Sequence(1), stage: Stage::Header }
    }

    /// Entries in the pieces so far.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The next piece of the document; `None` after the last.
    ///
    /// # Errors
    /// [`ExportError`]; the pieces until then are not complete JSON.
    pub fn next(&mut self, reader: &Reader) -> Result<Option<Vec<u8>>, ExportError> {
        match self.stage {
            Stage::Header => {
                self.stage = Stage::Entries;
                Ok(Some(self.header().into_bytes()))
            }
            Stage::Entries => self.entries(reader).map(Some),
            Stage::Ended => Ok(None),
        }
    }

    fn header(&self) -> String {
        format!(
            "{{\"schema\":\"cappuccino.history\",\"version\":{EXPORT_VERSION},\
             \"exported_at\":\"{}\",\"entries\":[",
            self.exported_at
        )
    }

    fn entries(&mut self, reader: &Reader) -> Result<Vec<u8>, ExportError> {
        let page = reader.entries(self.from, PAGE)?;
        let Some(last) = page.last() else {
            self.stage = Stage::Ended;
            return Ok(b"\n]}\n".to_vec());
        };
        self.from = Sequence(last.sequence.0.saturating_add(1));
        let mut piece = Vec::new();
        for entry in &page {
            piece.extend_from_slice(if self.count == 0 { b"\n" } else { b",\n" });
            serde_json::to_writer(&mut piece, entry)
                .map_err(|why| ExportError::Entry { sequence: entry.sequence, why })?;
            self.count = self.count.saturating_add(1);
        }
        Ok(piece)
    }
}

/// Writes the whole history to `output`; returns how many entries there were.
///
/// # Errors
/// [`ExportError`]; what was written until then is not complete JSON.
pub fn export(
    reader: &Reader,
    exported_at: Timestamp,
    output: &mut impl Write,
) -> Result<u64, ExportError> {
    let mut pieces = Pieces::new(exported_at);
    while let Some(piece) = pieces.next(reader)? {
        output.write_all(&piece)?;
    }
    Ok(pieces.count())
}
