//! What a life leaves on disk: who it is while it runs, how it went when it ended.
//!
//! Small JSON files with a version, written whole under a temporary name and renamed, read by any
//! later runner. Older versions are read; one of a newer program is never guessed at: its life is
//! taken to be alive, by whom is not known.
//!
//! The exit record is flushed to the disk before its shim is gone; a runner that lives reads it
//! before and makes the end durable itself. The run record is not flushed: pids mean nothing after
//! a power cut, and a program waits for it before its first instruction.

use super::identity::Who;
use crate::clock::{milliseconds_since_boot, wall_now};
use crate::replace::{self, replace};
use cappuccino_core::words::{BootId, ExitStatus, Generation, RunIdentity, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A kind of record.
pub trait Record: Serialize + Sized {
    /// The version that this program writes.
    const VERSION: u32;

    /// Reads the text of a record of `version`, which is this program's or an older one.
    ///
    /// # Errors
    /// It is not of that version's form.
    fn parse(version: u32, text: &str) -> serde_json::Result<Self>;
}

/// Who runs: `run/<name>.run`. In place before the program's first instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`Record::VERSION`] of the writer.
    pub version: u32,
    /// Which life.
    pub generation: Generation,
    /// The boot, as 32 hexadecimal digits.
    pub boot: String,
    /// The shim.
    pub shim: Who,
    /// The process.
    pub process: Who,
    /// Length of its log before its first output, in bytes. Not written by programs before this
    /// field; they and this one read each other's records, so the version stays.
    #[serde(default)]
    pub log_start: u64,
}

/// Version 1 of [`RunRecord`]: no process handles.
#[derive(Deserialize)]
struct RunRecordV1 {
    version: u32,
    generation: Generation,
    boot: String,
    shim_pid: u32,
    shim_start_ticks: u64,
    pid: u32,
    start_ticks: u64,
}

/// How a life ended: `run/<name>.exit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// [`Record::VERSION`] of the writer.
    pub version: u32,
    /// Which life.
    pub generation: Generation,
    /// How it ended.
    pub ending: Ending,
    /// When, by the wall clock.
    pub at: Timestamp,
    /// Most memory it had at one time, in KiB (`ru_maxrss` of it and its children); 0 when its
    /// shim was gone and the runner alone saw its end.
    pub max_rss_kib: u64,
    /// Processor time it used, in milliseconds; 0 as above.
    pub cpu_milliseconds: u64,
    /// When, in milliseconds since boot, time asleep included; nothing in records of version 1.
    #[serde(default)]
    pub since_boot_milliseconds: Option<i64>,
    /// Whether the kernel killed somebody of its control group for want of memory while it lived;
    /// nothing when that cannot be told, or in records of version 1.
    #[serde(default)]
    pub out_of_memory: Option<bool>,
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
    #[error(
        "{path} has version {version}, this program knows {known}; run the newer program again, \
         or remove the file when nothing of that process runs any more"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// The version that this program writes.
        known: u32,
    },
}

impl SlotFiles {
    /// The files of the slot `name` in `run_dir`.
    pub fn new(run_dir: &Path, name: &str) -> Self {
        let file = |kind: &str| run_dir.join(format!("{name}.{kind}"));
        Self { lock: file("lock"), run: file("run"), exit: file("exit") }
    }
}

impl Record for RunRecord {
    const VERSION: u32 = 2;

    fn parse(version: u32, text: &str) -> serde_json::Result<Self> {
        match version {
            0 | 1 => serde_json::from_str::<RunRecordV1>(text).map(Self::from),
            2.. => serde_json::from_str(text),
        }
    }
}

impl Record for ExitRecord {
    const VERSION: u32 = 2;

    /// Version 1 is version 2 without the fields that are nothing when absent.
    fn parse(_version: u32, text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

impl ExitRecord {
    /// The end of a life, now; what it used is not known.
    pub fn now(generation: Generation, ending: Ending) -> Self {
        Self {
            version: Self::VERSION,
            generation,
            ending,
            at: wall_now(),
            max_rss_kib: 0,
            cpu_milliseconds: 0,
            since_boot_milliseconds: Some(milliseconds_since_boot()),
            out_of_memory: None,
        }
    }
}

impl From<RunRecordV1> for RunRecord {
    fn from(old: RunRecordV1) -> Self {
        let who = |pid, start_ticks| Who { pid, start_ticks, inode: None };
        Self {
            version: old.version,
            generation: old.generation,
            boot: old.boot,
            shim: who(old.shim_pid, old.shim_start_ticks),
            process: who(old.pid, old.start_ticks),
            log_start: 0,
        }
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
            shim_pid: self.shim.pid,
            pid: self.process.pid,
            start_ticks: self.process.start_ticks,
        })
    }
}

/// Writes a record so that a reader sees the old one or the new one, whole, as long as the machine
/// has power. The file is given back, for [`flush`].
///
/// # Errors
/// [`RecordError::Io`]; the old record stays.
pub fn write<R: Record>(path: &Path, record: &R) -> Result<File, RecordError> {
    let text = serde_json::to_vec(record).map_err(io::Error::from);
    text.and_then(|text| replace(path, &text))
        .map_err(|source| RecordError::Io { path: path.into(), source })
}

/// Returns when a record that was written outlasts a power cut, or a later one is in its place.
///
/// # Errors
/// [`RecordError::Io`].
pub fn flush(path: &Path, record: &File) -> Result<(), RecordError> {
    replace::flush(path, record).map_err(|source| RecordError::Io { path: path.into(), source })
}

/// Reads a record; nothing when there is none.
///
/// # Errors
/// [`RecordError`].
pub fn read<R: Record>(path: &Path) -> Result<Option<R>, RecordError> {
    let text = match fs::read_to_string(path) {
        // What a power cut leaves of a record that was not flushed.
        Ok(text) if text.bytes().all(|byte| byte == 0) => return Ok(None),
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RecordError::Io { path: path.to_owned(), source }),
    };
    let malformed = |error: serde_json::Error| RecordError::Malformed {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let Version { version } = parse(&text).map_err(malformed)?;
    if version > R::VERSION {
        return Err(RecordError::Newer { path: path.to_owned(), version, known: R::VERSION });
    }
    R::parse(version, &text).map(Some).map_err(malformed)
}

fn parse<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text)
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
        fs::write(&path, r#"{"version":3,"other":"things"}"#).unwrap();
        assert!(matches!(read::<RunRecord>(&path), Err(RecordError::Newer { version: 3, .. })));
        fs::write(&path, "{").unwrap();
        assert!(matches!(read::<RunRecord>(&path), Err(RecordError::Malformed { .. })));
    }

    #[test]
    fn records_of_every_version_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.run");
        let boot = "0".repeat(31) + "7";
        let first = format!(
            r#"{{"version":1,"generation":4,"boot":"{boot}","shim_pid":10,"shim_start_ticks":99,"pid":11,"start_ticks":100}}"#
        );
        fs::write(&path, first).unwrap();
        let who = |pid, start_ticks| Who { pid, start_ticks, inode: None };
        let (shim, process) = (who(10, 99), who(11, 100));
        let (version, generation, log_start) = (1, Generation(4), 0);
        let mut expected = RunRecord { version, generation, boot, shim, process, log_start };
        assert_eq!(read::<RunRecord>(&path).unwrap().unwrap(), expected);
        expected.version = RunRecord::VERSION;
        expected.process.inode = Some(5);
        flush(&path, &write(&path, &expected).unwrap()).unwrap();
        assert_eq!(read::<RunRecord>(&path).unwrap().unwrap(), expected);
        let ended = r#"{"version":1,"generation":4,"ending":{"ended":{"Signal":9}},"at":"2026-03-01T12:00:00.000Z","max_rss_kib":7,"cpu_milliseconds":8}"#;
        fs::write(folder.path().join("w.exit"), ended).unwrap();
        let ended = read::<ExitRecord>(&folder.path().join("w.exit")).unwrap().unwrap();
        let ending = Ending::Ended(ExitStatus::Signal(9));
        assert_eq!((ended.ending, ended.since_boot_milliseconds), (ending, None));
        fs::write(&path, [0; 150]).unwrap();
        assert_eq!(read::<RunRecord>(&path).unwrap(), None, "what a power cut leaves");
    }
}
