//! One open redb file, shared by its writer and its readers.

use super::{
    birth,
    error::{Doing, StoreError},
};
use redb::{
    Builder, Database, Durability, ReadTransaction, ReadableDatabase, StorageBackend,
    WriteTransaction,
};
use std::sync::{Arc, PoisonError, RwLock};

/// Pages kept in memory. The files are small and read in ranges; the default of 1 GiB is not for
/// a program that runs beside training.
const CACHE_BYTES: usize = 4 << 20;

/// The database, until its owner closes it. Readers then get [`StoreError::Closed`].
///
/// A call holds the lock for its length, so closing waits for calls under way; nobody holds it
/// between calls.
#[derive(Clone, Debug)]
pub(super) struct Handle(Arc<RwLock<Option<Database>>>);

impl Handle {
    /// Opens the file, or makes one in an empty backend.
    pub(super) fn open(backend: impl StorageBackend, verify: bool) -> Result<Self, StoreError> {
        birth::clear_unfinished(&backend)?;
        let database = Builder::new()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(verify)
            .create_with_backend(backend)
            .doing("opening the data file")?;
        Ok(Self(Arc::new(RwLock::new(Some(database)))))
    }

    /// One snapshot of the file, for the length of the call.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with(|database| work(&database.begin_read().doing("starting to read")?))
    }

    /// One transaction: everything that `work` does, or nothing when it fails.
    pub(super) fn write<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with(|database| {
            let mut transaction = database.begin_write().doing("starting to write")?;
            transaction.set_durability(durability).doing("starting to write")?;
            let done = work(&transaction)?;
            let committed = transaction.commit().doing("writing to the disk");
            committed.map_err(|cause| StoreError::OutcomeUnknown { cause: Box::new(cause) })?;
            Ok(done)
        })
    }

    /// Closes the file and frees its lock; does nothing the second time.
    pub(super) fn close(&self) -> Result<(), StoreError> {
        let database = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        database.map_or(Ok(()), |database| database.close().doing("closing the data file"))
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // The lock guards only whether the database is there, so a panic under it breaks nothing.
        let database = self.0.read().unwrap_or_else(PoisonError::into_inner);
        work(database.as_ref().ok_or(StoreError::Closed)?)
    }
}
