//! What a life leaves on disk: who it is while it runs, how it went when it ended.
//!
//! Small JSON files with a version, written whole (temporary name, flush, rename, flush the
//! folder) by the shim, read by any later runner. A record of a newer version is refused, never
//! guessed at.

use cappuccino_core::words::{BootId, ExitStatus, Generation, RunIdentity, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Version of both records.
pub const RECORD_VERSION: u32 = 1;

/// Who runs: `run/<name>.run`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`RECORD_VERSION`] of the writer.
    pub version: u32,
    /// Which life.
    pub generation: Generation,
    /// The boot, as 32 hexadecimal digits.
    pub boot: String,
    /// The shim.
    pub shim_pid: u32,
    /// Start time of the shim in clock ticks since boot.
    pub shim_start_ticks: u64,
    /// The process.
    pub pid: u32,
    /// Its start time in clock ticks since boot.
    pub start_ticks: u64,
}

/// How a life ended: `run/<name>.exit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// [`RECORD_VERSION`] of the writer.
    pub version: u32,
    /// Which life.
    pub generation: Generation,
    /// How it ended.
    pub ending: Ending,
    /// When, by the wall clock.
    pub at: Timestamp,
    /// Most memory it had at one time, in KiB (`ru_maxrss` of it and its children).
    pub max_rss_kib: u64,
    /// Processor time it used, in milliseconds.
    pub cpu_milliseconds: u64,
}

/// How a life ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It ran and ended.
    Ended(ExitStatus),
    /// It never ran: a sentence with the remedy.
    NotStarted(String),
}

/// Where the files of one slot are.
#[derive(Clone, Debug)]
pub struct SlotFiles {
    /// Locked while anybody of the slot lives.
    pub lock: PathBuf,
    /// The run record.
    pub run: PathBuf,
    /// The exit record.
    pub exit: PathBuf,
}

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It cannot be read or written.
    #[error("{path}: {source}; check the rights and the space of its folder")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no record.
    #[error("{path} is no record: {why}; remove it when nothing of that process runs any more")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A newer program wrote it.
    #[error("{path} has version {version}, this program knows {RECORD_VERSION}; upgrade it")]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

impl SlotFiles {
    /// The files of the slot `name` in `run_dir`.
    pub fn new(run_dir: &Path, name: &str) -> Self {
        let file = |kind: &str| run_dir.join(format!("{name}.{kind}"));
        Self { lock: file("lock"), run: file("run"), exit: file("exit") }
    }
}

impl RunRecord {
    /// Who this is, for the machines.
    ///
    /// # Errors
    /// The boot identity is not one.
    pub fn identity(&self) -> Result<RunIdentity, String> {
        let boot = u128::from_str_radix(&self.boot, 16)
            .map_err(|_not_hexadecimal| format!("`{}` is no boot identity", self.boot))?;
        Ok(RunIdentity {
            boot: BootId(boot),
            shim_pid: self.shim_pid,
            pid: self.pid,
            start_ticks: self.start_ticks,
        })
    }
}

/// Writes a record so that a reader sees the old one or the new one, whole.
///
/// # Errors
/// [`RecordError::Io`].
pub fn write<R: Serialize>(path: &Path, record: &R) -> Result<(), RecordError> {
    let at = |source| RecordError::Io { path: path.to_owned(), source };
    let temporary = path.with_extension("tmp");
    let text = serde_json::to_vec(record).map_err(|error| at(error.into()))?;
    let mut file = File::create(&temporary).map_err(at)?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(at)?;
    fs::rename(&temporary, path).map_err(at)?;
    path.parent().map_or(Ok(()), |folder| {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(at)
    })
}

/// Reads a record; nothing when there is none.
///
/// # Errors
/// [`RecordError`].
pub fn read<R: DeserializeOwned>(path: &Path) -> Result<Option<R>, RecordError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RecordError::Io { path: path.to_owned(), source }),
    };
    let malformed = |error: serde_json::Error| RecordError::Malformed {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let Version { version } = serde_json::from_str(&text).map_err(malformed)?;
    if version > RECORD_VERSION {
        return Err(RecordError::Newer { path: path.to_owned(), version });
    }
    serde_json::from_str(&text).map(Some).map_err(malformed)
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_a_newer_program_is_refused_not_guessed_at() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.run");
        assert!(read::<RunRecord>(&path).unwrap().is_none());
        fs::write(&path, r#"{"version":2,"other":"things"}"#).unwrap();
        assert!(matches!(read::<RunRecord>(&path), Err(RecordError::Newer { version: 2, .. })));
        fs::write(&path, "{").unwrap();
        assert!(matches!(read::<RunRecord>(&path), Err(RecordError::Malformed { .. })));
    }
}
