//! How far each channel has told the history, kept in `.cappuccino/notify.json`.
//!
//! The file is replaced whole, durably. What it says is never ahead of what arrived; after a crash
//! between an arrival and its record the last message is sent once more.

use crate::replace::replace_durably;
use cappuccino_core::api::DeadLetter;
use cappuccino_core::words::{Sequence, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Version of the file.
const VERSION: u32 = 1;
/// Lines given up that are kept, the newest.
const DEAD_MAX: usize = 50;
/// Subjects whose distance is remembered, the newest.
const TOLD_MAX: usize = 200;

/// How far one channel is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Every line up to this one is dealt with.
    pub delivered: Sequence,
    /// Lines after it that are dealt with already: urgent ones that overtook others.
    #[serde(default)]
    pub ahead: BTreeSet<Sequence>,
    /// When a subject was told last.
    #[serde(default)]
    pub told: BTreeMap<String, Told>,
    /// Lines that were given up, newest last.
    #[serde(default)]
    pub dead: Vec<DeadLetter>,
}

/// Messages about one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// How many, without a long silence between them.
    pub times: u32,
    /// When the last one arrived.
    pub at: Timestamp,
}

impl Place {
    /// The place of a channel that begins after `newest`.
    pub fn at_the_end(newest: Sequence) -> Self {
        Self { delivered: newest, ..Self::default() }
    }

    /// Everything up to `sequence` is dealt with.
    pub(super) fn move_to(&mut self, sequence: Sequence) {
        self.delivered = self.delivered.max(sequence);
        self.ahead = self.ahead.split_off(&Sequence(self.delivered.0.saturating_add(1)));
    }

    /// One more message about `subject` arrived.
    pub(super) fn tell(&mut self, subject: String, now: Timestamp) {
        let told = Told::again(self.told.get(&subject).copied(), now);
        self.told.insert(subject, told);
        if self.told.len() > TOLD_MAX {
            let oldest = self.told.iter().min_by_key(|(_, told)| told.at);
            if let Some(subject) = oldest.map(|(subject, _)| subject.clone()) {
                self.told.remove(&subject);
            }
        }
    }

    /// These lines were given up.
    pub(super) fn bury(&mut self, dead: &[DeadLetter]) {
        self.dead.extend_from_slice(dead);
        let surplus = self.dead.len().saturating_sub(DEAD_MAX);
        self.dead.drain(..surplus);
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    channels: BTreeMap<String, Place>,
}

/// The file and what it holds.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    places: Mutex<Option<BTreeMap<String, Place>>>,
}

impl Ledger {
    /// Opens the file for these channels. One that is new, or that is ahead of a history which ends
    /// at `newest` (an older backup was restored), begins at its end; others are forgotten. A
    /// damaged file is set aside.
    ///
    /// # Errors
    /// It cannot be read, set aside or written.
    pub fn open(path: &Path, channels: &[&str], newest: Sequence) -> io::Result<Self> {
        let mut stored = read(path)?;
        let mut places = BTreeMap::new();
        for name in channels {
            let known = stored.remove(*name).filter(|place| place.delivered <= newest);
            let place = known.unwrap_or_else(|| Place::at_the_end(newest));
            places.insert((*name).to_owned(), place);
        }
        if !places.is_empty() || path.exists() {
            write(path, &places)?;
        }
        Ok(Self { path: path.to_owned(), places: Mutex::new(Some(places)) })
    }

    /// How far `channel` is.
    pub fn place(&self, channel: &str) -> Option<Place> {
        self.lock().as_ref()?.get(channel).cloned()
    }

    /// Keeps how far `channel` is; does nothing after [`Self::close`].
    ///
    /// # Errors
    /// It cannot be written: what arrived may be told again after a restart.
    pub fn keep(&self, channel: &str, place: &Place) -> io::Result<()> {
        let mut places = self.lock();
        let Some(places) = places.as_mut() else { return Ok(()) };
        places.insert(channel.to_owned(), place.clone());
        write(&self.path, places)
    }

    /// The file belongs to the next runner from here on.
    pub fn close(&self) {
        self.lock().take();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<BTreeMap<String, Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> io::Result<BTreeMap<String, Place>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let why = match serde_json::from_slice::<Stored>(&bytes) {
        Ok(stored) if stored.version == VERSION => return Ok(stored.channels),
        Ok(stored) => format!("it has version {}, this program knows {VERSION}", stored.version),
        Err(error) => error.to_string(),
    };
    let aside = path.with_extension("json.damaged");
    fs::rename(path, &aside)?;
    tracing::error!(
        "{} cannot be used ({why}) and was moved to {}; notifications begin anew at the end of \
         the history",
        path.display(),
        aside.display()
    );
    Ok(BTreeMap::new())
}

fn write(path: &Path, places: &BTreeMap<String, Place>) -> io::Result<()> {
    let stored = Stored { version: VERSION, channels: places.clone() };
    let bytes = serde_json::to_vec_pretty(&stored)?;
    replace_durably(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = r#"{
  "version": 1,
  "channels": {
    "desk": {
      "delivered": 7,
      "ahead": [
        9
      ],
      "told": {
        "study/unavailable": {
          "times": 2,
          "at": "2026-03-01T12:00:00.000Z"
        }
      },
      "dead": [
        {
          "sequence": 3,
          "given_up": "2026-03-01T12:00:00.000Z",
          "text": "a",
          "why": "b"
        }
      ]
    }
  }
}"#;

    #[test]
    fn the_file_keeps_its_form_and_belongs_to_nobody_once_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify.json");
        fs::write(&path, GOLDEN).unwrap();
        let ledger = Ledger::open(&path, &["desk"], Sequence(10)).unwrap();
        let mut place = ledger.place("desk").unwrap();
        ledger.keep("desk", &place).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), GOLDEN);
        ledger.close();
        place.move_to(Sequence(9));
        ledger.keep("desk", &place).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), GOLDEN, "the next runner's by now");
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_every_channel_begins_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify.json");
        for damaged in [&GOLDEN[..40], &GOLDEN.replace(": 1,\n", ": 2,\n")] {
            fs::write(&path, damaged).unwrap();
            let ledger = Ledger::open(&path, &["desk"], Sequence(5)).unwrap();
            assert_eq!(ledger.place("desk"), Some(Place::at_the_end(Sequence(5))));
            let aside = folder.path().join("notify.json.damaged");
            assert_eq!(fs::read_to_string(aside).unwrap(), damaged);
        }
    }
}
