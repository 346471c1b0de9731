//! Keeping a log file within its cap while its writer has it open.
//!
//! The writer appends directly to the file, so the runner is never in its way. A file over its cap
//! is copied to `<log>.1` and then emptied in place; with O_APPEND the writer goes on at the new
//! end. Lines written between copy and emptying are lost, a gap of microseconds at most once per
//! cap; disk use stays under twice the cap plus one pause of the caller.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Cuts the log when it is over `cap_bytes`; whether it was.
///
/// # Errors
/// The file or its archive cannot be read or written.
pub fn cap_log(path: &Path, cap_bytes: u64) -> io::Result<bool> {
    let length = fs::metadata(path)?.len();
    if length <= cap_bytes {
        return Ok(false);
    }
    let archive = archive_of(path);
    let temporary = archive.with_extension("tmp");
    let mut source = File::open(path)?;
    let mut target = File::create(&temporary)?;
    let mut copied = io::copy(&mut source, &mut target)?;
    fs::rename(&temporary, &archive)?;
    // What came during the copy is taken along, until nothing did.
    loop {
        let more = io::copy(&mut source, &mut target)?;
        if more == 0 {
            break;
        }
        copied = copied.saturating_add(more);
    }
    OpenOptions::new().write(true).open(path)?.set_len(0)?;
    tracing::info!("{} was cut: {copied} bytes are in {}", path.display(), archive.display());
    Ok(true)
}

fn archive_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn an_appending_writer_goes_on_in_the_emptied_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.log");
        let mut writer = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        writer.write_all(&[b'a'; 2000]).unwrap();
        assert!(!cap_log(&path, 2000).unwrap());
        writer.write_all(b"b").unwrap();
        assert!(cap_log(&path, 2000).unwrap());
        writer.write_all(b"after").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(fs::metadata(folder.path().join("w.log.1")).unwrap().len(), 2001);
    }
}
