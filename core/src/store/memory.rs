//! For tests: a file in memory that outlives the store that was opened on it.

use super::{OpenFacts, codec::Record};
use crate::words::Timestamp;
use redb::{StorageBackend, backends::InMemoryBackend};
use serde::{Deserialize, Serialize};
use std::{io, sync::Arc};

#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<InMemoryBackend>);

impl StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

pub(super) fn facts(app_version: &str) -> OpenFacts {
    OpenFacts { now: Timestamp(1_000), app_version: app_version.into() }
}

/// A record of some layer above.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Note(pub(super) String);

impl Record for Note {
    const KIND: u16 = 901;
    const VERSION: u16 = 1;
    const NAME: &'static str = "note";
}
