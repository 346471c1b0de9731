//! Copies of the state: `backup` and `restore`.

use super::asking::blind;
use super::metrics;
use crate::cli::args::Format;
use crate::cli::connect::{block_on, try_connect};
use crate::cli::failure::Failure;
use crate::cli::render::{say, say_json};
use crate::cli::source::{Record, in_the_way, the_clock};
use crate::copies::Kind;
use crate::keeper::{KeeperError, open_store};
use crate::workspace::Workspace;
use cappuccino_core::api::CommandBody;
use cappuccino_core::store::{StoreError, is_readable};
use cappuccino_core::words::Sequence;
use redb::backends::FileBackend;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

pub(in crate::cli) fn backup(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    if block_on(try_connect(workspace))?.is_some() {
        return blind(workspace, CommandBody::Backup, format);
    }
    let record = Record::open(workspace)?;
    let (now, reader) = (record.clock().now().wall, record.reader());
    let path = Kind::State
        .write(&workspace.backups_dir(), now, |backend| reader.backup_to(backend).map(drop))
        .map_err(|why| Failure::new(why, "nothing was changed; try again"))?;
    metrics::back_up(workspace, now);
    let text = format!("backup written to {}", path.display());
    if format.json { say_json(&serde_json::json!({ "text": text })) } else { say(&text) }
}

/// Puts a backup in the state's place. It is read whole before anything is touched; what was there
/// is kept beside it. A crash at any moment leaves either state whole in its place.
pub(in crate::cli) fn restore(workspace: &Workspace, backup: &Path) -> Result<(), Failure> {
    if block_on(try_connect(workspace))?.is_some() {
        return Err(Failure::new(
            "a runner is up and holds the state",
            "stop it first with `cappuccino stop`",
        ));
    }
    let state = workspace.state_file();
    fs::create_dir_all(workspace.state_dir()).map_err(|error| unwritable(&state, &error))?;
    // Held until the end: a runner that starts now waits in vain for the old file.
    let held = hold(&state)?;
    let copy = copy_of(backup, &state)?;
    let newest = newest_line(copy.path())?;
    let kept = held.is_some().then(|| keep(&state)).transpose()?;
    let whole_path = std::path::absolute(backup).map_err(|error| unwritable(backup, &error))?;
    let folder = whole_path.parent().unwrap_or(Path::new("/"));
    let mended = metrics::mend(workspace, folder, the_clock()?.now().wall);
    copy.persist(&state).map_err(|error| unwritable(&state, &error.error))?;
    File::open(workspace.state_dir())
        .and_then(|folder| folder.sync_all())
        .map_err(|error| unwritable(&state, &error))?;
    say(&format!("the state is that of {}, with {newest} lines of history", backup.display()))?;
    mended.map_or(Ok(()), |told| say(&told))?;
    match kept {
        Some(path) => say(&format!("what was there before is kept in {}", path.display())),
        None => Ok(()),
    }
}

/// The lock of the present state, which may well be damaged; none when there is no state.
fn hold(state: &Path) -> Result<Option<FileBackend>, Failure> {
    let file = match OpenOptions::new().read(true).write(true).open(state) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unwritable(state, &error)),
    };
    FileBackend::new(file).map(Some).map_err(|error| {
        let source = StoreError::from(error);
        in_the_way(KeeperError::Store { path: state.display().to_string(), source })
    })
}

/// A copy of the backup beside the state, on the disk.
fn copy_of(backup: &Path, state: &Path) -> Result<NamedTempFile, Failure> {
    let mut source = File::open(backup).map_err(|error| {
        Failure::new(
            format!("the backup {} cannot be read: {error}", backup.display()),
            "`ls .cappuccino/backups` shows what there is",
        )
    })?;
    let folder = state.parent().unwrap_or(Path::new("."));
    let copied = NamedTempFile::new_in(folder).and_then(|mut copy| {
        io::copy(&mut source, copy.as_file_mut())?;
        copy.as_file().sync_all()?;
        Ok(copy)
    });
    copied.map_err(|error| unwritable(state, &error))
}

/// Reads the copy whole; the number of its newest line of history.
fn newest_line(copy: &Path) -> Result<Sequence, Failure> {
    let damaged = |why: &dyn std::fmt::Display| {
        Failure::new(format!("this is no sound backup: {why}"), "use another; nothing was changed")
    };
    if fs::metadata(copy).is_ok_and(|found| found.len() == 0) {
        return Err(damaged(&"the file is empty"));
    }
    let store = open_store(copy, the_clock()?).map_err(|error| match error {
        KeeperError::Store { source, .. } => damaged(&source),
        error @ KeeperError::Open { .. } => error.into(),
    })?;
    let report = store.reader().check(&is_readable)?;
    store.close()?;
    match report.findings.first() {
        None => Ok(Sequence(report.history)),
        Some(finding) => Err(damaged(&format!("{}: {}", finding.place, finding.problem))),
    }
}

/// A name for what a file was before a restore, never that of an earlier one.
pub(super) fn aside(file: &Path) -> PathBuf {
    let name = |number: u32| match number {
        1 => file.with_extension("redb.before-restore"),
        _ => file.with_extension(format!("redb.before-restore-{number}")),
    };
    let free = (1..=u32::MAX).map(name).find(|path| !path.exists());
    free.unwrap_or_else(|| name(1))
}

/// Copies the present state to a name of its own.
fn keep(state: &Path) -> Result<PathBuf, Failure> {
    let path = aside(state);
    let kept = File::open(state).and_then(|mut source| {
        let mut target = File::create_new(&path)?;
        io::copy(&mut source, &mut target)?;
        target.sync_all()
    });
    kept.map(|()| path.clone()).map_err(|error| unwritable(&path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        format!("{} cannot be written: {error}", path.display()),
        "check the rights and the space of the workspace; nothing was changed",
    )
}
