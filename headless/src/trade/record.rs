//! A session on disk: the CSV in the original's shape, the events beside it, and what is needed to
//! go on.
//!
//! Rows and events are appended first, then the memory is replaced, with the lengths of both files
//! in it. Whenever the trader is killed, what lies beyond those lengths has not happened: it is cut
//! off and happens again, the same way.

use super::error::TradeError;
use crate::replace::{replace, replace_durably};
use cappuccino_core::trading::paper::desk::{BarRecord, Desk, DeskState};
use cappuccino_core::trading::paper::event::Event;
use cappuccino_core::words::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The files of a session.
pub(super) struct Record {
    csv: Log,
    events: Log,
    state_path: PathBuf,
    rows: u64,
    pub(super) models: Models,
    /// Whether each bar waits for the disk: against a power cut, not against a kill.
    durable: bool,
}

/// A file that is only appended to.
struct Log {
    path: PathBuf,
    file: File,
    length: u64,
}

/// The memory of a session.
#[derive(Serialize, Deserialize)]
struct Stored {
    csv_bytes: u64,
    events_bytes: u64,
    rows: u64,
    desk: DeskState,
    models: Models,
}

/// Where the models of a session are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Models {
    /// The champion's folder.
    pub(super) champion: PathBuf,
    /// That of the champion before it, which still trades beside it.
    pub(super) previous: Option<PathBuf>,
}

impl Record {
    /// Opens the session of the CSV at `path`; what it remembers, if it began before.
    pub(super) fn open(
        path: &Path,
        durable: bool,
    ) -> Result<(Self, Option<DeskState>), TradeError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(TradeError::file("make", folder))?;
        }
        let state_path = path.with_extension("state.json");
        let events_path = path.with_extension("events.jsonl");
        let stored = load(&state_path)?;
        if stored.is_none() && is_filled(path)? {
            return Err(TradeError::ForeignSession(path.to_owned()));
        }
        let lengths = stored.as_ref().map_or((0, 0), |known| (known.csv_bytes, known.events_bytes));
        let csv = Log::open(path, lengths.0)?;
        let events = Log::open(&events_path, lengths.1)?;
        let rows = stored.as_ref().map_or(0, |known| known.rows);
        let (models, desk) = stored.map(|known| (known.models, known.desk)).unzip();
        let models = models.unwrap_or_default();
        Ok((Self { csv, events, state_path, rows, models, durable }, desk))
    }

    /// Rows so far.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Remembers a session that has no row yet, so that its files are known as its own.
    pub(super) fn begin(&self, desk: &Desk) -> Result<(), TradeError> {
        self.remember(desk)
    }

    /// Appends a bar and remembers the session as it stands after it.
    pub(super) fn append(
        &mut self,
        record: &BarRecord,
        tickers: &[String],
        desk: &Desk,
    ) -> Result<(), TradeError> {
        let mut text = if self.csv.length == 0 { header(tickers) } else { String::new() };
        text.push_str(&row(record, desk));
        let lanes: Vec<(&str, &str, f64)> = desk
            .lanes()
            .map(|(name, model, lane)| (name, model, lane.account().worth(&record.closes)))
            .collect();
        let event = Event::of(record, tickers, &lanes);
        let mut line = serde_json::to_string(&event).map_err(|error| self.damaged(&error))?;
        line.push('\n');
        self.csv.append(&text, self.durable)?;
        self.events.append(&line, self.durable)?;
        self.rows += 1;
        self.remember(desk)
    }

    fn remember(&self, desk: &Desk) -> Result<(), TradeError> {
        let stored = Stored {
            csv_bytes: self.csv.length,
            events_bytes: self.events.length,
            rows: self.rows,
            desk: desk.stored(),
            models: self.models.clone(),
        };
        let text = serde_json::to_vec(&stored).map_err(|error| self.damaged(&error))?;
        let saved = if self.durable {
            replace_durably(&self.state_path, &text)
        } else {
            replace(&self.state_path, &text).map(drop)
        };
        saved.map_err(TradeError::file("save", &self.state_path))
    }

    fn damaged(&self, error: &serde_json::Error) -> TradeError {
        TradeError::Damaged { path: self.state_path.clone(), why: error.to_string() }
    }
}

impl Log {
    /// Opens the file for this trader alone and cuts off what has not happened.
    fn open(path: &Path, length: u64) -> Result<Self, TradeError> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(TradeError::file("open", path))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(TradeError::Busy(path.to_owned()));
        }
        let found = file.metadata().map_err(TradeError::file("look at", path))?.len();
        if found < length {
            return Err(TradeError::Shortened { path: path.to_owned() });
        }
        if found > length {
            file.set_len(length).map_err(TradeError::file("shorten", path))?;
        }
        Ok(Self { path: path.to_owned(), file, length })
    }

    fn append(&mut self, text: &str, durable: bool) -> Result<(), TradeError> {
        let appended = self.file.write_all(text.as_bytes());
        let synced = appended.and_then(|()| if durable { self.file.sync_data() } else { Ok(()) });
        synced.map_err(TradeError::file("append to", &self.path))?;
        self.length = self.length.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

fn load(path: &Path) -> Result<Option<Stored>, TradeError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(TradeError::file("read", path)(error)),
    };
    let damaged = |error: serde_json::Error| TradeError::Damaged {
        path: path.to_owned(),
        why: error.to_string(),
    };
    serde_json::from_slice(&text).map(Some).map_err(damaged)
}

fn is_filled(path: &Path) -> Result<bool, TradeError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len() > 0),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(TradeError::file("look at", path)(error)),
    }
}

fn header(tickers: &[String]) -> String {
    let mut columns = ["timestamp", "cash", "total_asset", "reward"].map(str::to_owned).to_vec();
    for kind in ["holding", "price", "action"] {
        columns.extend(tickers.iter().map(|ticker| format!("{kind}_{ticker}")));
    }
    columns.join(",") + "\r\n"
}

/// The champion's bar in the original's shape; an action is what it wished for, in units.
fn row(record: &BarRecord, desk: &Desk) -> String {
    let Some((_, _, champion)) = desk.lanes().next() else { return String::new() };
    let account = champion.account();
    let step = record.lanes.first().and_then(|step| step.as_ref().ok());
    let wishes = step.map_or(&[][..], |step| &step.wishes.units).iter().copied();
    let worth = account.worth(&record.closes);
    let numbers = [account.cash, worth, record.reward]
        .into_iter()
        .chain(account.positions.iter().map(|position| position.units))
        .chain(record.closes.iter().copied())
        .chain(wishes.chain(std::iter::repeat(0.0)).take(record.closes.len()));
    let fields = numbers.map(|number| format!("{number:.6}"));
    std::iter::once(time(record.at)).chain(fields).collect::<Vec<_>>().join(",") + "\r\n"
}

fn time(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    instant.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}
