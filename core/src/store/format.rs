//! Which format a file has, and how an older one becomes today's.
//!
//! Adding, removing or re-keying a table, or changing what rows mean together, is a new format
//! with one [`Step`]. A new layout of one record is not: that is a record version ([`super::codec`]).

use super::{
    codec::{self, Record},
    error::{Doing, InRow, StoreError},
    handle::Handle,
    tables::META,
};
use crate::words::Timestamp;
use redb::{Durability, TableError, TableHandle, WriteTransaction};
use serde::{Deserialize, Serialize};

/// What whoever opens a file knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFacts {
    /// When the file is opened; the time of birth of a new one.
    pub now: Timestamp,
    /// Version of the program, named to whoever is too old for the file.
    pub app_version: String,
}

/// What a file says about itself: key `file` of `meta`. This layout is frozen for ever, so that
/// every version can at least name the one that is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileFacts {
    pub(super) purpose: String,
    pub(super) format_version: u32,
    pub(super) app_version: String,
    pub(super) created_at: Timestamp,
}

impl Record for FileFacts {
    const KIND: u16 = 1;
    const VERSION: u16 = 1;
    const NAME: &'static str = "file facts";
}

/// The format that this version writes in one of its files.
pub(super) struct Format {
    pub(super) purpose: &'static str,
    pub(super) version: u32,
    pub(super) steps: &'static [Step],
    pub(super) create: fn(&WriteTransaction) -> Result<(), StoreError>,
}

/// What makes a file of format `from` one of format `from + 1`.
pub(super) struct Step {
    pub(super) from: u32,
    pub(super) run: fn(&WriteTransaction) -> Result<(), StoreError>,
}

const FILE_KEY: &str = "file";
const DOING: &str = "reading the file's format";

impl Format {
    /// Makes a new file ready, migrates an older one in a single transaction, refuses a newer one
    /// without touching it.
    pub(super) fn prepare(&self, handle: &Handle, facts: &OpenFacts) -> Result<(), StoreError> {
        let Some(found) = read_facts(handle)? else {
            let created = self.facts(facts, facts.now);
            return handle.write(Durability::Immediate, |transaction| {
                (self.create)(transaction)?;
                write_facts(transaction, &created)
            });
        };
        self.accept(&found)?;
        let wanted = self.facts(facts, found.created_at);
        if wanted == found {
            return Ok(());
        }
        handle.write(Durability::Immediate, |transaction| {
            self.migrate(transaction, &found)?;
            write_facts(transaction, &wanted)
        })
    }

    fn accept(&self, found: &FileFacts) -> Result<(), StoreError> {
        if found.purpose != self.purpose {
            let why = format!("it holds {}, not {}", found.purpose, self.purpose);
            return Err(StoreError::Foreign { why });
        }
        if found.format_version > self.version {
            return Err(StoreError::Newer {
                found: found.format_version,
                known: self.version,
                app_version: found.app_version.clone(),
            });
        }
        Ok(())
    }

    fn migrate(&self, transaction: &WriteTransaction, found: &FileFacts) -> Result<(), StoreError> {
        for version in found.format_version..self.version {
            let Some(step) = self.steps.iter().find(|step| step.from == version) else {
                let app_version = found.app_version.clone();
                return Err(StoreError::Obsolete { found: found.format_version, app_version });
            };
            (step.run)(transaction)?;
        }
        Ok(())
    }

    fn facts(&self, opened: &OpenFacts, created_at: Timestamp) -> FileFacts {
        FileFacts {
            purpose: self.purpose.to_owned(),
            format_version: self.version,
            app_version: opened.app_version.clone(),
            created_at,
        }
    }
}

/// The file's facts; `None` for a file that nothing was ever written to.
pub(super) fn read_facts(handle: &Handle) -> Result<Option<FileFacts>, StoreError> {
    handle.read(|transaction| {
        let meta = match transaction.open_table(META) {
            Err(TableError::TableDoesNotExist(_)) => {
                return match transaction.list_tables().doing(DOING)?.next() {
                    None => Ok(None),
                    Some(table) => {
                        let why = format!("it has a table `{}` but no `meta`", table.name());
                        Err(StoreError::Foreign { why })
                    }
                };
            }
            opened => opened.doing(DOING)?,
        };
        let Some(bytes) = meta.get(FILE_KEY).doing(DOING)? else {
            return Err(StoreError::Damaged { why: "it does not name its format".into() });
        };
        codec::decode(bytes.value()).in_row("meta", FILE_KEY).map(Some)
    })
}

/// Writes what the file says about itself.
pub(super) fn write_facts(
    transaction: &WriteTransaction,
    facts: &FileFacts,
) -> Result<(), StoreError> {
    const DOING: &str = "writing the file's format";
    let bytes = codec::encode(facts).in_row("meta", FILE_KEY)?;
    let mut meta = transaction.open_table(META).doing(DOING)?;
    meta.insert(FILE_KEY, bytes.as_slice()).doing(DOING)?;
    Ok(())
}
