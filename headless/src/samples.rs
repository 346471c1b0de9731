//! The metrics file as the runner keeps it: opened, fed, moved on, made durable, opened again
//! after the disk failed.
//!
//! It holds nothing that decisions need, so a file that is damaged or foreign is said in the log
//! and the runner goes on without; and a failing disk is tried again later, never waited for.

use crate::duty::Duty;
use cappuccino_core::store::{
    FileBackend, OpenFacts, Retention, SampleReader, Samples, SeriesKind, SeriesRef, StoreError,
};
use cappuccino_core::words::{Moment, Span, Timestamp};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// Time between two moments at which the samples become durable: what a power cut may take.
const FLUSH_EVERY: Span = Span::minutes(1);
/// Time between two attempts to open the file after the disk failed.
const REOPEN_EVERY: Span = Span::minutes(1);
/// Time between two looks whether there is something to maintain, and between two steps while there
/// is more.
const MAINTAIN_EVERY: Span = Span::seconds(10);
const MORE_EVERY: Span = Span(50);
/// Most steps of maintenance in one turn, some milliseconds each: the loop has other things to do.
const MAINTAIN_STEPS: usize = 4;

/// The metrics file of one workspace.
pub struct SampleFile {
    path: PathBuf,
    samples: Option<Samples>,
    readers: watch::Sender<Option<SampleReader>>,
    is_usable: bool,
    opening: Duty,
    maintenance: Duty,
    flushing: Duty,
}

impl SampleFile {
    /// The file at `path`, opened if it can be.
    pub fn open(path: PathBuf, now: Moment) -> Self {
        let (readers, _first) = watch::channel(None);
        let due = Duty::after(now, Span::ZERO);
        let (opening, maintenance, flushing) = (due, due, due);
        let (samples, is_usable) = (None, true);
        let mut file = Self { path, samples, readers, is_usable, opening, maintenance, flushing };
        file.reopen(now);
        file
    }

    /// The samples' reader, replaced whenever the file is opened again; `None` while it is not.
    pub fn readers(&self) -> watch::Receiver<Option<SampleReader>> {
        self.readers.subscribe()
    }

    /// Records what was measured now. What cannot be recorded is said in the log.
    pub fn write<'s, S: Copy + Into<SeriesRef<'s>>>(&mut self, now: Moment, row: &[(S, f64)]) {
        self.with("metrics are not recorded", |samples| samples.write(now.wall, row));
    }

    /// As [`Self::write`], for readings with their units: a series is defined when it is new.
    pub fn measure(&mut self, now: Moment, readings: &[(String, &str, f64)]) {
        let mut row = Vec::new();
        for (name, unit, value) in readings {
            let define = |samples: &mut Samples| samples.define(name, unit, SeriesKind::Gauge);
            row.extend(self.with("metrics are not recorded", define).map(|id| (id, *value)));
        }
        self.write(now, &row);
    }

    /// Moves the samples on by some steps, and makes them durable once a minute.
    pub fn turn(&mut self, now: Moment) {
        if self.samples.is_none() {
            self.reopen(now);
        }
        if self.maintenance.take(now, MAINTAIN_EVERY) && self.has_more_after_some_steps(now) {
            self.maintenance = Duty::after(now, MORE_EVERY);
        }
        if self.flushing.take(now, FLUSH_EVERY) {
            self.with("metrics are not durable", Samples::flush);
        }
    }

    /// Time until a turn has something to do.
    pub fn due_in(&self, now: Moment) -> Span {
        self.maintenance.due_in(now).min(self.flushing.due_in(now))
    }

    fn has_more_after_some_steps(&mut self, now: Moment) -> bool {
        let step = |samples: &mut Samples| samples.maintain(&Retention::default(), now.wall);
        let mut step = || self.with("metrics are not maintained", step).unwrap_or(false);
        (0..MAINTAIN_STEPS).all(|_| step())
    }

    fn with<T>(
        &mut self,
        otherwise: &str,
        work: impl FnOnce(&mut Samples) -> Result<T, StoreError>,
    ) -> Option<T> {
        match work(self.samples.as_mut()?) {
            Ok(done) => Some(done),
            Err(error) => {
                tracing::warn!("{otherwise}: {error}");
                if error.needs_reopen() {
                    self.samples = None;
                    self.readers.send_replace(None);
                }
                None
            }
        }
    }

    fn reopen(&mut self, now: Moment) {
        if !self.is_usable || !self.opening.take(now, REOPEN_EVERY) {
            return;
        }
        match open_samples(&self.path, now.wall) {
            Ok(samples) => {
                self.readers.send_replace(Some(samples.reader()));
                self.samples = Some(samples);
            }
            Err(error) => {
                self.is_usable = is_of_the_disk(&error);
                let path = self.path.display();
                tracing::error!("metrics are not recorded: {path}: {error}");
                if !self.is_usable {
                    tracing::error!("to record metrics, move {path} away and restart the runner");
                }
            }
        }
    }
}

/// Opens the metrics at `path` for writing, or makes them.
///
/// # Errors
/// Another program holds them, they are damaged, newer, or the disk fails.
pub fn open_samples(path: &Path, now: Timestamp) -> Result<Samples, StoreError> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(
            |error| StoreError::Storage { doing: "opening the metrics", why: error.to_string() },
        )?;
    let facts = OpenFacts { now, app_version: env!("CARGO_PKG_VERSION").to_owned() };
    Samples::open(FileBackend::new(file)?, &facts)
}

/// Whether waiting or freeing space may help; neither mends a file that is foreign or damaged.
const fn is_of_the_disk(error: &StoreError) -> bool {
    match error {
        StoreError::Storage { .. }
        | StoreError::DiskFull { .. }
        | StoreError::OutcomeUnknown { .. }
        | StoreError::Locked
        | StoreError::Closed => true,
        StoreError::Newer { .. }
        | StoreError::Obsolete { .. }
        | StoreError::Foreign { .. }
        | StoreError::Damaged { .. }
        | StoreError::Row { .. }
        | StoreError::History { .. }
        | StoreError::WrongKey { .. }
        | StoreError::TooMany { .. }
        | StoreError::UnknownSeries { .. }
        | StoreError::OutOfTime { .. }
        | StoreError::Backup { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cappuccino_core::words::BootId;

    fn moment(seconds: i64) -> Moment {
        let wall = Timestamp(seconds * 1000);
        Moment { wall, boot: BootId(1), uptime: Span::seconds(seconds) }
    }

    #[test]
    fn samples_are_durable_and_a_folder_that_comes_late_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("late/metrics.redb");
        let mut file = SampleFile::open(path.clone(), moment(0));
        let readers = file.readers();
        file.write(moment(1), &[("load", 1.0)]);
        assert!(readers.borrow().is_none());
        std::fs::create_dir(folder.path().join("late")).unwrap();
        file.turn(moment(30));
        assert!(readers.borrow().is_none(), "it is tried once a minute");
        file.turn(moment(61));
        file.write(moment(62), &[("load", 2.0)]);
        drop(file);
        assert!(readers.borrow().as_ref().unwrap().series().is_err(), "closed");

        let file = SampleFile::open(path, moment(70));
        let reader = file.readers().borrow().clone().unwrap();
        let points = reader.points("load", Timestamp(0), Timestamp(90_000)).unwrap();
        assert_eq!(points, Some(vec![(Timestamp(62_000), 2.0)]));
    }

    #[test]
    fn a_file_of_somebody_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.redb");
        std::fs::write(&path, "not ours").unwrap();
        let mut file = SampleFile::open(path.clone(), moment(0));
        file.turn(moment(1_000));
        file.write(moment(1_001), &[("load", 1.0)]);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "not ours");
    }
}
