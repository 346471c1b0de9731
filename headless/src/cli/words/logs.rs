//! What a process printed: read from its file, whether or not a runner is up.

use crate::cli::failure::{Exit, Failure};
use crate::host::first_byte;
use crate::workspace::Workspace;
use cappuccino_core::words::ProcessName;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes read at a time.
const BLOCK: u64 = 64 * 1024;
/// Pause between two looks whether there is more.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

pub(in crate::cli) fn logs(
    workspace: &Workspace,
    name: &str,
    follow: bool,
    lines: usize,
) -> Result<(), Failure> {
    let process = ProcessName::new(name).map_err(|error| Failure::told(Exit::Usage, &error))?;
    let path = workspace.log_file(&process);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(no_log(workspace, name));
        }
        Err(error) => return Err(unreadable(&path, &error)),
    };
    let start = tail_start(&mut file, lines).map_err(|error| unreadable(&path, &error))?;
    let mut tail = Tail { path, file, position: start };
    tail.print()?;
    if follow { tail.follow() } else { Ok(()) }
}

/// Where the last `lines` lines begin. Reads backwards, so a long log costs nothing.
fn tail_start(file: &mut File, lines: usize) -> io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    if lines == 0 {
        return Ok(length);
    }
    let first = first_byte(file)?;
    let mut wanted = lines;
    let mut end = length;
    let mut block = Vec::new();
    while end > first {
        let begin = end.saturating_sub(BLOCK).max(first);
        file.seek(SeekFrom::Start(begin))?;
        block.clear();
        Read::by_ref(file).take(end - begin).read_to_end(&mut block)?;
        let bytes = block.iter().rev().zip((begin..end).rev());
        for (_, offset) in bytes.filter(|(byte, _)| **byte == b'\n') {
            // The newline at the very end closes the last line; it does not begin one.
            if offset + 1 == length {
                continue;
            }
            wanted -= 1;
            if wanted == 0 {
                return Ok(offset + 1);
            }
        }
        end = begin;
    }
    Ok(first)
}

/// A log that is read as it grows.
struct Tail {
    path: PathBuf,
    file: File,
    position: u64,
}

impl Tail {
    /// Prints what there is after the position.
    fn print(&mut self) -> Result<(), Failure> {
        let failed = |error: io::Error| unreadable(&self.path, &error);
        self.position = self.position.max(first_byte(&self.file).map_err(failed)?);
        self.file.seek(SeekFrom::Start(self.position)).map_err(failed)?;
        let mut output = io::stdout().lock();
        let mut block = Vec::new();
        loop {
            block.clear();
            Read::by_ref(&mut self.file).take(BLOCK).read_to_end(&mut block).map_err(failed)?;
            if block.is_empty() {
                return Ok(output.flush()?);
            }
            output.write_all(&block)?;
            self.position = self.position.saturating_add(u64::try_from(block.len()).unwrap_or(0));
        }
    }

    /// Goes on until nobody reads any more.
    fn follow(&mut self) -> Result<(), Failure> {
        loop {
            std::thread::sleep(LOOK_AGAIN);
            self.catch_up()?;
        }
    }

    /// Prints what is new, also when the file was cut or replaced.
    fn catch_up(&mut self) -> Result<(), Failure> {
        let failed = |error: io::Error| unreadable(&self.path, &error);
        let length = self.file.metadata().map_err(failed)?.len();
        if length < self.position {
            self.position = 0;
        }
        self.print()?;
        let (ours, present) = (self.file.metadata(), fs::metadata(&self.path));
        if let (Ok(ours), Ok(present)) = (ours, present)
            && (ours.dev(), ours.ino()) != (present.dev(), present.ino())
        {
            self.file = File::open(&self.path).map_err(|error| unreadable(&self.path, &error))?;
            self.position = 0;
            self.print()?;
        }
        Ok(())
    }
}

fn no_log(workspace: &Workspace, name: &str) -> Failure {
    let known = |entry: io::Result<fs::DirEntry>| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        name.strip_suffix(".log").map(str::to_owned)
    };
    let mut names: Vec<String> =
        fs::read_dir(workspace.logs_dir()).into_iter().flatten().filter_map(known).collect();
    names.sort();
    let help = if names.is_empty() {
        "no process of this workspace has printed anything yet".to_owned()
    } else {
        format!("there are logs of {}", names.join(", "))
    };
    Failure::new(format!("there is no log of `{name}`"), help)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let text = format!("{} cannot be read: {error}", path.display());
    Failure::new(text, "check the rights of the file and its folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(text: &str, lines: usize) -> String {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let start = tail_start(&mut file, lines).unwrap();
        text[usize::try_from(start).unwrap()..].to_owned()
    }

    #[test]
    fn the_last_lines_are_found_with_and_without_a_final_newline() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
        assert_eq!(tail("a\nb\n", 9), "a\nb\n");
        assert_eq!(tail("", 3), "");
        assert_eq!(tail("a\nb\n", 0), "");
        assert_eq!(tail("a\n\n", 1), "\n");
    }

    #[test]
    fn a_head_that_was_given_back_is_not_shown_as_zeros() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.log");
        let mut file = File::create_new(&path).unwrap();
        file.set_len(BLOCK * 5).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(b"a\nb\n").unwrap();
        let mut file = File::open(&path).unwrap();
        assert_eq!(tail_start(&mut file, 50).unwrap(), BLOCK * 5);
        assert_eq!(tail_start(&mut file, 1).unwrap(), BLOCK * 5 + 2);
    }

    #[test]
    fn lines_longer_than_a_block_stay_whole() {
        let long = "x".repeat(usize::try_from(BLOCK).unwrap() * 2 + 3);
        assert_eq!(tail(&format!("first\n{long}\n"), 1), format!("{long}\n"));
    }
}
