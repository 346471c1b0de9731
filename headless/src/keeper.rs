//! Keeps what the machines know on disk: decide, commit, advance; and reopens the file when a
//! commit's outcome is unknown.
//!
//! After a failing disk the file is the truth, not the memory: it is read again and the runner
//! goes on as after a restart. A full disk is given the ballast back first.

use crate::clock::Clock;
use cappuccino_core::decision::Orders;
use cappuccino_core::engine::Engine;
use cappuccino_core::store::{OpenFacts, Reader, Store, StoreError};
use cappuccino_core::words::{Observation, Policy};
use redb::backends::FileBackend;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// Space kept aside in the state folder, given back when the disk is full.
pub const BALLAST_BYTES: u64 = 32 * 1024 * 1024;

/// The open state file with the machines on top.
pub struct Keeper {
    path: PathBuf,
    ballast: PathBuf,
    clock: Clock,
    store: Option<Store>,
    engine: Engine,
    readers: watch::Sender<Reader>,
}

/// Why the state cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The file cannot be opened.
    #[error("cannot open {path}: {source}; check the rights of the folder")]
    Open {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The store refuses.
    #[error("{path}: {source}")]
    Store {
        /// Which file.
        path: String,
        /// Why, with the remedy.
        source: StoreError,
    },
}

/// Opens the state file at `path` for writing, or makes it.
///
/// # Errors
/// [`KeeperError`]: another runner owns it, it is damaged, newer, or the disk fails.
pub fn open_store(path: &Path, clock: Clock) -> Result<Store, KeeperError> {
    let named = || path.display().to_string();
    let file: File = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|source| KeeperError::Open { path: named(), source })?;
    let facts =
        OpenFacts { now: clock.now().wall, app_version: env!("CARGO_PKG_VERSION").to_owned() };
    FileBackend::new(file)
        .map_err(StoreError::from)
        .and_then(|backend| Store::open(backend, &facts))
        .map_err(|source| KeeperError::Store { path: named(), source })
}

impl Keeper {
    /// Opens the state at `path` and loads the world from it.
    ///
    /// # Errors
    /// As [`open_store`].
    pub fn open(path: &Path, policy: Policy, clock: Clock) -> Result<Self, KeeperError> {
        let store = open_store(path, clock)?;
        let reader = store.reader();
        let world = reader
            .load_world()
            .map_err(|source| KeeperError::Store { path: path.display().to_string(), source })?;
        let (readers, _first) = watch::channel(reader);
        let ballast = path.with_file_name("ballast");
        keep_ballast(&ballast);
        let engine = Engine::new(policy, world);
        Ok(Self { path: path.to_owned(), ballast, clock, store: Some(store), engine, readers })
    }

    /// The machines as they are on disk.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The store's readers, replaced whenever the file is reopened.
    pub fn readers(&self) -> watch::Receiver<Reader> {
        self.readers.subscribe()
    }

    /// Decides what `observations` lead to and makes it durable, all of it or nothing.
    ///
    /// # Errors
    /// The state could not be written: nothing may be done. Observe again later; until
    /// [`Self::reopen`] succeeds every call fails.
    pub fn take(&mut self, observations: &[Observation]) -> Result<Orders, StoreError> {
        let store = self.store.as_mut().ok_or(StoreError::Closed)?;
        let decision = self.engine.decide_all(self.clock.now(), observations);
        match store.commit(self.engine.world(), decision) {
            Ok(committed) => Ok(self.engine.advance(committed)),
            Err(error) => {
                self.store = None;
                if error.is_disk_full() {
                    self.give_ballast_back();
                }
                Err(error)
            }
        }
    }

    /// Opens the file again after an error, and reads the world from it: what was committed is
    /// there, what was not is not, whatever the error said.
    ///
    /// # Errors
    /// As [`Self::open`]; try again later.
    pub fn reopen(&mut self) -> Result<(), KeeperError> {
        let store = open_store(&self.path, self.clock)?;
        let reader = store.reader();
        let world = reader.load_world().map_err(|source| KeeperError::Store {
            path: self.path.display().to_string(),
            source,
        })?;
        let policy = self.engine.policy().clone();
        self.engine = Engine::new(policy, world);
        self.readers.send_replace(reader);
        self.store = Some(store);
        Ok(())
    }

    /// Whether the file is open for writing.
    pub const fn is_open(&self) -> bool {
        self.store.is_some()
    }

    /// Closes the file.
    ///
    /// # Errors
    /// A failing disk; what was committed stays.
    pub fn close(self) -> Result<(), StoreError> {
        self.store.map_or(Ok(()), Store::close)
    }

    fn give_ballast_back(&self) {
        match std::fs::remove_file(&self.ballast) {
            Ok(()) => {
                tracing::warn!("the disk is full: gave {BALLAST_BYTES} bytes of ballast back");
            }
            Err(error) => {
                tracing::warn!("the disk is full and the ballast is gone: {error}");
            }
        }
    }
}

/// Sets space aside for the day the disk is full. Without it the runner works just as well until
/// then, so a failure is told and not fatal.
fn keep_ballast(path: &Path) {
    let made =
        OpenOptions::new().write(true).create(true).truncate(false).open(path).and_then(|file| {
            Ok(rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, BALLAST_BYTES)?)
        });
    if let Err(error) = made {
        tracing::warn!("cannot set {BALLAST_BYTES} bytes aside at {}: {error}", path.display());
        drop(std::fs::remove_file(path));
    }
}
