//! Which format a file has, and how an older one becomes today's.
//!
//! Adding, removing or re-keying a table, or changing what rows mean together, is a new format
//! with one [`Step`]. A new layout of one record is not: that is a record version
//! ([`super::codec`]).

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        Samples, Store, Table,
        memory::{Memory, Note, facts},
        state,
    };

    /// Format 3, whose two steps rename a machine and then fill a table that came with it.
    const FUTURE: Format = Format {
        purpose: "state",
        version: 3,
        steps: &[
            Step { from: 1, run: |transaction| put(transaction, "step 1", "ran first") },
            Step { from: 2, run: |transaction| put(transaction, "step 2", "ran second") },
        ],
        create: state::FORMAT.create,
    };

    fn put(transaction: &WriteTransaction, key: &str, text: &str) -> Result<(), StoreError> {
        let bytes = codec::encode(&Note(text.into())).in_row("machines", key)?;
        let mut rows = transaction.open_table(Table::Machines.text()).doing("migrating")?;
        rows.insert(key, bytes.as_slice()).map(drop).doing("migrating")
    }

    fn stored(file: &Memory) -> FileFacts {
        read_facts(&Handle::open(file.clone(), false).unwrap()).unwrap().unwrap()
    }

    fn machines(file: &Memory, format: &Format) -> usize {
        let store = Store::open_as(format, file.clone(), &facts("3")).unwrap();
        store.rows(Table::Machines).unwrap().len()
    }

    #[test]
    fn an_older_file_is_migrated_once_and_keeps_its_birthday() {
        let file = Memory::default();
        drop(Store::open(file.clone(), &facts("1")).unwrap());
        let born = stored(&file).created_at;
        let later = OpenFacts { now: Timestamp(999_999), app_version: "3".into() };
        drop(Store::open_as(&FUTURE, file.clone(), &later).unwrap());
        let found = stored(&file);
        assert_eq!((found.format_version, found.created_at), (3, born));
        assert_eq!(machines(&file, &FUTURE), 2);
        assert_eq!(machines(&file, &FUTURE), 2, "the second opening has nothing to do");
    }

    #[test]
    fn a_failing_step_leaves_the_file_as_it_was() {
        const BROKEN: Format = Format {
            steps: &[
                Step { from: 1, run: |transaction| put(transaction, "step 1", "ran first") },
                Step { from: 2, run: |_| Err(StoreError::Closed) },
            ],
            ..FUTURE
        };
        let file = Memory::default();
        drop(Store::open(file.clone(), &facts("1")).unwrap());
        assert!(Store::open_as(&BROKEN, file.clone(), &facts("3")).is_err());
        assert_eq!(stored(&file).format_version, 1);
        assert_eq!(machines(&file, &state::FORMAT), 0);
    }

    #[test]
    fn a_newer_file_is_refused_politely_and_not_changed() {
        let file = Memory::default();
        drop(Store::open_as(&FUTURE, file.clone(), &facts("9.4.0")).unwrap());
        let before = stored(&file);
        let error = Store::open(file.clone(), &facts("1")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("upgrade cappuccino to 9.4.0") && !error.needs_reopen(), "{text}");
        assert_eq!(stored(&file), before);
    }

    #[test]
    fn a_format_without_a_way_up_is_named() {
        const GAP: Format = Format { steps: &[], ..FUTURE };
        let file = Memory::default();
        drop(Store::open(file.clone(), &facts("0.1.0")).unwrap());
        let text = Store::open_as(&GAP, file, &facts("3")).unwrap_err().to_string();
        assert!(text.contains("format 1") && text.contains("0.1.0"), "{text}");
    }

    #[test]
    fn files_of_others_and_the_wrong_one_of_ours_are_refused() {
        let metrics = Memory::default();
        Samples::open(metrics.clone(), &facts("1")).unwrap().close().unwrap();
        let text = Store::open(metrics, &facts("1")).unwrap_err().to_string();
        assert!(text.contains("it holds metrics, not state"), "{text}");

        let foreign = Memory::default();
        {
            let database = redb::Builder::new().create_with_backend(foreign.clone()).unwrap();
            let transaction = database.begin_write().unwrap();
            let table = redb::TableDefinition::<u64, u64>::new("their table");
            drop(transaction.open_table(table).unwrap());
            transaction.commit().unwrap();
        }
        let text = Store::open(foreign, &facts("1")).unwrap_err().to_string();
        assert!(text.contains("`their table`"), "{text}");

        let text_file = Memory::default();
        redb::StorageBackend::set_len(&text_file, 4096).unwrap();
        redb::StorageBackend::write(&text_file, 0, b"{\"trials\": []}").unwrap();
        let error = Store::open(text_file, &facts("1")).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }
}
