//! What the house remembers, in two redb files behind an injected [`StorageBackend`].
//!
//! [`Store`] is `state.redb`: one row per thing, a history that only grows, every change one
//! durable transaction. [`Samples`] is `metrics.redb`: series over time, durable once a minute.
//! Rows are bytes in an envelope ([`codec`]); what they mean is for the layers above. The byte
//! tables are in `docs/DATA_FILE.md`.
//!
//! The promise to the owner of a [`Store`]:
//! - `apply` answered `Ok`: the batch is on the disk and survives a power cut.
//! - `apply` answered an error with [`StoreError::needs_reopen`]: drop the store, open the file
//!   again, read it again, go on. After [`StoreError::OutcomeUnknown`] the batch is there either
//!   whole or not at all; only reading tells which.
//! - any other error: nothing changed and the store may be used on.

mod backup;
mod batch;
mod birth;
mod check;
pub mod codec;
mod commit;
mod error;
mod format;
mod handle;
mod history;
mod import;
mod load;
mod series;
mod state;
mod tables;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use check::{Finding, Report};
pub use commit::is_readable;
pub use error::StoreError;
pub use format::OpenFacts;
pub use history::HistoryRow;
pub use import::Imported;
pub use load::Entry;
pub use redb::{StorageBackend, backends::FileBackend};
pub use series::{
    Bucket, Buckets, Retention, SampleReader, Samples, SeriesFacts, SeriesId, SeriesKind,
    SeriesQuery, SeriesRef,
};
pub use state::{Applied, Reader, Store};
pub use tables::{Key, KeyShape, Table};
