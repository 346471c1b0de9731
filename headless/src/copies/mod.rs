//! Copies of the state and of the metrics in the folder of backups: their names, how one is
//! written whole or not at all, which is the newest, how many are kept.

pub mod beside;

use cappuccino_core::store::StoreError;
use cappuccino_core::words::{Span, Timestamp};
use redb::backends::FileBackend;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Copies of the metrics that are kept: they are large, and only the newest is of use.
const METRICS_KEPT: u32 = 2;
/// How the name of a whole copy ends.
const WHOLE: &str = ".redb";
/// How the name of a copy ends while it is written.
const UNFINISHED: &str = ".tmp";
/// As any program makes a file: who may read it is the user's mask to say.
const MODE: u32 = 0o666;

/// What a copy is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The state.
    State,
    /// What was measured.
    Metrics,
}

impl Kind {
    /// What the names begin with.
    const fn prefix(self) -> &'static str {
        match self {
            Self::State => "state-",
            Self::Metrics => "metrics-",
        }
    }

    /// Writes a copy of this moment: temporary name, flush, rename, flush the folder. What a copy
    /// that was cut off left is removed first, and one that fails leaves nothing; so there may be
    /// one at a time of each kind.
    ///
    /// # Errors
    /// A sentence: why there is no new file.
    pub fn write(
        self,
        folder: &Path,
        at: Timestamp,
        copy: impl FnOnce(FileBackend) -> Result<(), StoreError>,
    ) -> Result<PathBuf, String> {
        let name = at.to_string().replace([':', '.'], "-");
        let path = folder.join(format!("{}{name}{WHOLE}", self.prefix()));
        let failed = |error: io::Error| {
            format!("{}: {error}; check the disk's space and the folder's rights", path.display())
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let leftovers = self.found(folder, UNFINISHED).map_err(failed)?;
        leftovers.iter().try_for_each(std::fs::remove_file).map_err(failed)?;
        let temporary = tempfile::Builder::new()
            .prefix(self.prefix())
            .suffix(UNFINISHED)
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(folder)
            .map_err(failed)?;
        let backend = FileBackend::new(temporary.reopen().map_err(failed)?);
        copy(backend.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
        temporary.as_file().sync_all().map_err(failed)?;
        temporary.persist(&path).map_err(|error| failed(error.error))?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(path)
    }

    /// The newest copy in a folder.
    pub fn newest(self, folder: &Path) -> Option<PathBuf> {
        self.found(folder, WHOLE).ok()?.pop()
    }

    /// How old the newest copy in a folder is.
    pub fn age(self, folder: &Path, now: Timestamp) -> Option<Span> {
        let modified = std::fs::metadata(self.newest(folder)?).ok()?.modified().ok()?;
        let since_epoch = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
        let written = Timestamp(i64::try_from(since_epoch.as_millis()).ok()?);
        Some(now.since(written).max(Span::ZERO))
    }

    /// Removes the oldest copies, all but `keep`, and never the newest.
    ///
    /// # Errors
    /// A sentence: the folder cannot be read or a copy not removed.
    pub fn prune(self, folder: &Path, keep: u32) -> Result<(), String> {
        let failed = |error: io::Error| format!("old backups in {}: {error}", folder.display());
        let found = self.found(folder, WHOLE).map_err(failed)?;
        let keep = usize::try_from(keep.max(1)).unwrap_or(usize::MAX);
        let surplus = found.len().saturating_sub(keep);
        found.iter().take(surplus).try_for_each(std::fs::remove_file).map_err(failed)
    }

    /// Files of this kind whose names end so, oldest first: whole ones sort by time.
    fn found(self, folder: &Path, suffix: &str) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(self.prefix()) && name.ends_with(suffix) {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Writes a copy of the metrics and removes older ones.
///
/// # Errors
/// A sentence: why there is no new file.
pub fn back_metrics_up(
    folder: &Path,
    at: Timestamp,
    copy: impl FnOnce(FileBackend) -> Result<(), StoreError>,
) -> Result<(), String> {
    Kind::Metrics.write(folder, at, copy)?;
    Kind::Metrics.prune(folder, METRICS_KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_copy_that_fails_leaves_nothing_and_takes_along_what_one_that_was_cut_off_left() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for name in ["state-cut-off.tmp", "metrics-under-way.tmp", "state-note.txt"] {
            std::fs::write(folder.join(name), "half").unwrap();
        }
        let damaged = |_backend: FileBackend| {
            let unfinished = Kind::State.found(folder, UNFINISHED).unwrap();
            assert_eq!(unfinished.len(), 1, "this one alone: {unfinished:?}");
            Err(StoreError::Closed)
        };
        for day in 0..3 {
            assert!(Kind::State.write(folder, Timestamp(day), damaged).is_err());
            assert_eq!(names(folder), ["metrics-under-way.tmp", "state-note.txt"]);
        }
        let whole = Kind::State.write(folder, Timestamp(3), |_backend| Ok(())).unwrap();
        assert_eq!(Kind::State.newest(folder), Some(whole));
        assert_eq!(names(folder).len(), 3);
    }
}
