//! What has to be done now and then: back the state up, sample the metrics.
//!
//! None of it decides anything; a failure is told in the log and tried again next time.

use crate::config::Config;
use crate::keeper::Keeper;
use crate::observe::machine;
use crate::samples::SampleFile;
use crate::workspace::Workspace;
use cappuccino_core::api::{MachineView, PnlView, Status};
use cappuccino_core::store::{SampleReader, StoreError};
use cappuccino_core::words::{Moment, Span, Timestamp};
use redb::backends::FileBackend;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::Builder;

/// Time between two backups.
const BACKUP_EVERY: Span = Span::hours(24);
/// Time between two samples, and between two looks at what is due.
const SAMPLE_EVERY: Span = Span::seconds(10);
/// Pause of the loop while there is more to do.
const MORE_EVERY: Span = Span(50);

/// What the names of copies begin with.
const STATE: &str = "state-";
const METRICS: &str = "metrics-";
/// Copies of the metrics that are kept: they are large, and only the newest is of use.
const METRICS_KEPT: u32 = 2;

/// Looks after one workspace.
pub struct Upkeep {
    config: Arc<Config>,
    workspace: Workspace,
    samples: SampleFile,
    backup_at: Option<Moment>,
    sample_at: Option<Moment>,
    machine_at: Option<Timestamp>,
    turned_at: Option<Moment>,
}

impl Upkeep {
    /// Upkeep of this workspace.
    pub fn new(config: Arc<Config>, workspace: Workspace, samples: SampleFile) -> Self {
        let (backup_at, sample_at, machine_at, turned_at) = (None, None, None, None);
        Self { config, workspace, samples, backup_at, sample_at, machine_at, turned_at }
    }

    /// Time until a turn has something to do, by its own count: however often the loop is woken
    /// for something else, a turn is neither put off nor made each time.
    pub fn due_in(&self, now: Moment, status: &Status) -> Span {
        let every = if self.samples.has_more() { MORE_EVERY } else { SAMPLE_EVERY };
        let is_new = |seen: &MachineView| self.machine_at != Some(seen.at);
        match self.turned_at {
            Some(at) if !status.machine.as_ref().is_some_and(is_new) => {
                every.minus(now.since(at)).max(Span::ZERO)
            }
            Some(_) | None => Span::ZERO,
        }
    }

    /// Does what is due at `now`.
    pub fn turn(&mut self, now: Moment, keeper: &Keeper, status: &Status) {
        self.turned_at = Some(now);
        if is_due(&mut self.sample_at, now, SAMPLE_EVERY) {
            self.sample(now, status);
        }
        self.sample_machine(now, status);
        self.samples.turn(now);
        if self.backup_is_due(now) {
            self.backup_at = Some(now);
            if let Err(why) = self.backup_now(now, keeper) {
                tracing::error!("the daily backup failed: {why}");
            }
        }
    }

    /// Writes a backup of the state now; says where it is.
    ///
    /// # Errors
    /// A sentence: why there is no new backup.
    pub fn backup_now(&mut self, now: Moment, keeper: &Keeper) -> Result<String, String> {
        let folder = self.workspace.backups_dir();
        let path = backup_path(&folder, now.wall);
        let reader = keeper.readers().borrow().clone();
        write_backup(&path, |backend| reader.backup_to(backend).map(drop))?;
        self.backup_at = Some(now);
        prune(&folder, STATE, self.config.backups_kept)?;
        self.back_samples_up(now);
        Ok(format!("backup written to {}", path.display()))
    }

    /// Copies what was measured, which takes its time: beside the loop. What is wrong with it is
    /// said in the log and is nothing to the state.
    fn back_samples_up(&self, now: Moment) {
        let Some(reader) = self.samples.readers().borrow().clone() else { return };
        let folder = self.workspace.backups_dir();
        let copy = move || {
            let outcome = back_samples_up(&folder, now.wall, &reader);
            outcome.unwrap_or_else(|why| tracing::error!("the metrics have no backup: {why}"));
        };
        if let Err(error) = Builder::new().name("metrics-copy".to_owned()).spawn(copy) {
            tracing::error!("the metrics have no backup: {error}");
        }
    }

    fn sample(&mut self, now: Moment, status: &Status) {
        let counts = status.study.counts;
        #[expect(clippy::cast_precision_loss, reason = "a study has fewer than 2^52 trials")]
        let mut row = vec![
            ("study/trials_complete", counts.complete as f64),
            ("study/trials_running", counts.running as f64),
            ("study/trials_failed", counts.failed as f64),
        ];
        if let Some(live) = &status.deployment.live {
            row.push(("deployment/live_value", live.value));
        }
        row.extend(status.pnl.iter().flat_map(PnlView::samples));
        self.samples.write(now, &row);
    }

    /// Adds the newest look at the machine, once.
    fn sample_machine(&mut self, now: Moment, status: &Status) {
        let Some(seen) = &status.machine else { return };
        if self.machine_at != Some(seen.at) {
            self.machine_at = Some(seen.at);
            self.samples.measure(now, &machine::samples(seen));
        }
    }

    /// The first look finds the newest backup's age on disk: a restarted runner makes no extra one.
    fn backup_is_due(&mut self, now: Moment) -> bool {
        match self.backup_at {
            Some(last) => now.since(last) >= BACKUP_EVERY,
            None => {
                newest_age(&self.workspace.backups_dir(), now).is_none_or(|age| age >= BACKUP_EVERY)
            }
        }
    }
}

/// Whether `every` has passed since `last`; the first look is due at once.
fn is_due(last: &mut Option<Moment>, now: Moment, every: Span) -> bool {
    let due = last.is_none_or(|last| now.since(last) >= every);
    if due {
        *last = Some(now);
    }
    due
}

/// Where a backup of this moment goes.
pub fn backup_path(folder: &Path, at: Timestamp) -> PathBuf {
    path_of(folder, STATE, at)
}

fn path_of(folder: &Path, kind: &str, at: Timestamp) -> PathBuf {
    let name = at.to_string().replace([':', '.'], "-");
    folder.join(format!("{kind}{name}.redb"))
}

/// Writes a copy of the metrics and removes older ones.
///
/// # Errors
/// A sentence: why there is no new file.
pub fn back_samples_up(folder: &Path, at: Timestamp, reader: &SampleReader) -> Result<(), String> {
    let path = path_of(folder, METRICS, at);
    write_backup(&path, |backend| reader.backup_to(backend).map(drop))?;
    prune(folder, METRICS, METRICS_KEPT)
}

/// The newest copy of the metrics.
pub fn newest_metrics(folder: &Path) -> Option<PathBuf> {
    copies(folder, METRICS).ok()?.pop()
}

/// Writes a backup whole or not at all: temporary name, flush, rename, flush the folder.
///
/// # Errors
/// A sentence: why there is no new file.
pub fn write_backup(
    path: &Path,
    copy: impl FnOnce(FileBackend) -> Result<(), StoreError>,
) -> Result<(), String> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let temporary = path.with_extension("tmp");
    let failed = |error: std::io::Error| {
        format!("{}: {error}; check the disk's space and the folder's rights", path.display())
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&temporary)
        .map_err(failed)?;
    let backend = FileBackend::new(file).map_err(|error| error.to_string())?;
    copy(backend).map_err(|error| error.to_string())?;
    File::open(&temporary).and_then(|file| file.sync_all()).map_err(failed)?;
    std::fs::rename(&temporary, path).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Backups of the state in a folder, oldest first.
pub fn backups(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    copies(folder, STATE)
}

/// Copies of one kind, oldest first; their names sort by time.
fn copies(folder: &Path, kind: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let is_copy = path.extension().is_some_and(|extension| extension == "redb");
        if is_copy && name.is_some_and(|name| name.starts_with(kind)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn newest_age(folder: &Path, now: Moment) -> Option<Span> {
    let newest = backups(folder).ok()?.pop()?;
    let modified = std::fs::metadata(newest).ok()?.modified().ok()?;
    let since_epoch = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    let written = i64::try_from(since_epoch.as_millis()).ok()?;
    Some(Span(now.wall.0.saturating_sub(written).max(0)))
}

fn prune(folder: &Path, kind: &str, keep: u32) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("old backups in {}: {error}", folder.display());
    let found = copies(folder, kind).map_err(failed)?;
    let surplus = found.len().saturating_sub(usize::try_from(keep.max(1)).unwrap_or(usize::MAX));
    found.iter().take(surplus).try_for_each(|old| std::fs::remove_file(old).map_err(failed))
}
