//! Files that are whole or not there: written beside their place, then renamed into it.

use crate::cli::failure::Failure;
use crate::replace::folder_of;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Makes the file at `path` of what `fill` writes; until that is on the disk, an earlier file of
/// that name stays as it is.
///
/// # Errors
/// What `fill` says, or that the file cannot be written.
pub(super) fn fill(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut File>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error: io::Error| unwritable(path, &error);
    let mut partial = tempfile::NamedTempFile::new_in(folder_of(path)).map_err(failed)?;
    let mut output = BufWriter::new(partial.as_file_mut());
    fill(&mut output)?;
    output.flush().map_err(failed)?;
    drop(output);
    partial.as_file().sync_all().map_err(failed)?;
    partial.persist(path).map(drop).map_err(|error| failed(error.error))
}

/// As [`fill`], for a text.
///
/// # Errors
/// That the file cannot be written.
pub(super) fn put(path: &Path, text: &str) -> Result<(), Failure> {
    fill(path, |output| output.write_all(text.as_bytes()).map_err(|error| unwritable(path, &error)))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let text = format!("{} cannot be written: {error}", path.display());
    Failure::new(text, "check the space and the rights of its folder")
}
