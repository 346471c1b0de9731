//! What was measured, beside the state: it is copied, checked and mended with it, and never keeps
//! it from being saved or restored.

use super::keeping::aside;
use crate::copies::{Kind, back_metrics_up};
use crate::samples::open_samples;
use crate::workspace::Workspace;
use cappuccino_core::store::{Report, StoreError};
use cappuccino_core::words::Timestamp;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Copies what was measured, if anything was.
pub(super) fn back_up(workspace: &Workspace, now: Timestamp) {
    let path = workspace.metrics_file();
    if !path.exists() {
        return;
    }
    let copied = open_samples(&path, now).map_err(|error| error.to_string()).and_then(|samples| {
        let copy = |backend| samples.reader().backup_to(backend).map(drop);
        back_metrics_up(&workspace.backups_dir(), now, copy)
    });
    if let Err(why) = copied {
        eprintln!("note: the metrics have no backup: {why}");
    }
}

/// Every row of what was measured; `None` when nothing was.
pub(super) fn check(workspace: &Workspace, now: Timestamp) -> Result<Option<Report>, String> {
    let path = workspace.metrics_file();
    path.exists().then(|| inspect(&path, now)).transpose()
}

fn inspect(path: &Path, now: Timestamp) -> Result<Report, String> {
    let report = open_samples(path, now).and_then(|samples| samples.reader().check());
    report.map_err(|error| error.to_string())
}

/// Puts the newest copy of `backups` in the place of metrics that are missing or damaged; says so.
/// Sound ones stay, however old the state that is restored: what was measured since stays true.
pub(super) fn mend(workspace: &Workspace, backups: &Path, now: Timestamp) -> Option<String> {
    let path = workspace.metrics_file();
    let present = path
        .exists()
        .then(|| open_samples(&path, now).and_then(|samples| samples.reader().check()));
    let what = match present {
        Some(Ok(report)) if report.findings.is_empty() => return None,
        // Whoever holds them can read them.
        Some(Err(StoreError::Locked)) => return None,
        Some(Ok(_) | Err(_)) => "damaged",
        None => "missing",
    };
    let Some(copy) = Kind::Metrics.newest(backups) else {
        let folder = backups.display();
        return Some(format!("the metrics are {what}, and {folder} holds no copy of them"));
    };
    let fresh = path.with_extension("redb.copy");
    let outcome = put(&copy, &fresh, &path, now);
    if outcome.is_err() {
        // It may not be there at all.
        drop(fs::remove_file(&fresh));
    }
    Some(match outcome {
        Ok(()) => format!("the metrics are those of {}", copy.display()),
        Err(why) => format!("the metrics stay as they are: {}: {why}", copy.display()),
    })
}

fn put(copy: &Path, fresh: &Path, path: &Path, now: Timestamp) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    fs::copy(copy, fresh).map_err(failed)?;
    if !inspect(fresh, now)?.findings.is_empty() {
        return Err("it is damaged".to_owned());
    }
    if path.exists() {
        fs::rename(path, aside(path)).map_err(failed)?;
    }
    File::open(fresh).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(fresh, path).map_err(failed)
}
