//! The history as JSON, streamed: one object with a header and every entry in order.
//!
//! Schema 1: `{"schema":"cappuccino.history","version":1,"exported_at":…,"entries":[Entry,…]}`
//! with [`Entry`] as `{"sequence":n,"at":"RFC 3339","note":{"Variant":…}}`; see docs/DATA_FILE.md.
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

/// Writes the whole history to `output`; returns how many entries there were.
///
/// # Errors
/// [`ExportError`]; what was written until then is not complete JSON.
pub fn export(
    reader: &Reader,
    exported_at: Timestamp,
    output: &mut impl Write,
) -> Result<u64, ExportError> {
    write!(
        output,
        "{{\"schema\":\"cappuccino.history\",\"version\":{EXPORT_VERSION},\
         \"exported_at\":\"{exported_at}\",\"entries\":["
    )?;
    let mut count: u64 = 0;
    let mut from = Sequence(1);
    loop {
        let page = reader.entries(from, PAGE)?;
        let Some(last) = page.last() else { break };
        from = Sequence(last.sequence.0.saturating_add(1));
        for entry in &page {
            output.write_all(if count == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut *output, entry)
                .map_err(|why| ExportError::Entry { sequence: entry.sequence, why })?;
            count = count.saturating_add(1);
        }
    }
    output.write_all(b"\n]}\n")?;
    Ok(count)
}
