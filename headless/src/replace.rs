//! Small files that are replaced whole: a reader sees the old one or the new one, however the
//! writer ended.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Puts `content` in the place of what is at `path`. A power cut may leave an empty file; the one
/// that is given back can be [`flush`]ed.
///
/// # Errors
/// The folder cannot be written to; the old file stays.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<File> {
    let (draft, file) = draft(path, content)?;
    fs::rename(draft, path)?;
    Ok(file)
}

/// As [`replace`], through a power cut as well: the old file or the new one, and the new one once
/// this returns.
///
/// # Errors
/// As [`replace`]'s; or the disk fails, and either may be there.
pub fn replace_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let (draft, file) = draft(path, content)?;
    file.sync_all()?;
    fs::rename(draft, path)?;
    flush_folder(path)
}

/// Returns when a file that was [`replace`]d outlasts a power cut, or a later one is in its place.
///
/// # Errors
/// The disk fails.
pub fn flush(path: &Path, file: &File) -> io::Result<()> {
    file.sync_all()?;
    flush_folder(path)
}

/// The folder of the file at `path`; the present one of a bare name.
pub fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// What is to be put in place, beside it.
fn draft(path: &Path, content: &[u8]) -> io::Result<(PathBuf, File)> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".tmp");
    let mut file = File::create(&draft)?;
    file.write_all(content)?;
    Ok((draft.into(), file))
}

/// Returns when the name of the file at `path` outlasts a power cut.
///
/// # Errors
/// The disk fails.
pub fn flush_folder(path: &Path) -> io::Result<()> {
    match File::open(folder_of(path))?.sync_all() {
        // The file system cannot flush folders, so there is nothing to wait for.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        flushed => flushed,
    }
}
