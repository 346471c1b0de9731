//! One file that another program appends to: what is new since the last look, and whether it is
//! still the same file.
//!
//! A file is another one when its identity changed, when it became shorter, or when the bytes read
//! last are not where they were: a program that takes its last row back and writes on is seen.

use cappuccino_core::trading::Session;
use cappuccino_core::trading::paper::league::League;
use cappuccino_core::words::Timestamp;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes read at a time.
const PIECE: usize = 256 << 10;
/// Bytes read in one look, so that whoever waits for the observer's end waits milliseconds.
const LOOK_MAX: u64 = 32 << 20;
/// Bytes before the place read last that are compared at the next look.
const ANCHOR: usize = 512;

/// Who is told what a file says.
pub trait Listener {
    /// Another file is in the place of the one read so far.
    fn begin_file(&mut self);

    /// The next bytes of it.
    fn feed(&mut self, bytes: &[u8]);
}

impl Listener for Session {
    fn begin_file(&mut self) {
        Self::begin_file(self);
    }

    fn feed(&mut self, bytes: &[u8]) {
        Self::feed(self, bytes);
    }
}

impl Listener for League {
    fn begin_file(&mut self) {
        Self::begin_file(self);
    }

    fn feed(&mut self, bytes: &[u8]) {
        Self::feed(self, bytes);
    }
}

/// A file, read up to some place.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    open: Option<Open>,
    piece: Vec<u8>,
}

/// The file that is being read.
#[derive(Debug)]
struct Open {
    file: File,
    identity: (u64, u64),
    offset: u64,
    anchor: Vec<u8>,
    modified: Option<Timestamp>,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// There is no such file.
    Missing,
    /// Nothing is new.
    Unchanged,
    /// Something is new, and all of it was read.
    Grew,
    /// Something is new, and more of it waits.
    More,
}

impl Tail {
    /// A reader of the file at `path`, which need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, open: None, piece: Vec::new() }
    }

    /// Which file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When the file was written last, as of the newest look that found something.
    pub fn modified(&self) -> Option<Timestamp> {
        self.open.as_ref().and_then(|open| open.modified)
    }

    /// Gives what is new to `listener`.
    ///
    /// # Errors
    /// The file cannot be read; the next look goes on where this one was.
    pub fn look(&mut self, listener: &mut impl Listener) -> io::Result<Look> {
        let about = match std::fs::metadata(&self.path) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Look::Missing),
            Err(error) => return Err(error),
        };
        if !about.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        let open = match self.open.take() {
            Some(open) if open.continues(&about)? => self.open.insert(open),
            Some(_) | None => {
                listener.begin_file();
                self.open.insert(Open::file(&self.path)?)
            }
        };
        if about.len() == open.offset {
            return Ok(Look::Unchanged);
        }
        open.modified = modified(&about);
        self.piece.resize(PIECE, 0);
        open.read(&mut self.piece, listener)
    }
}

impl Open {
    fn file(path: &Path) -> io::Result<Self> {
        // Without waiting, in case the file became a pipe that nobody writes to.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let about = file.metadata()?;
        let (anchor, modified) = (Vec::with_capacity(ANCHOR), modified(&about));
        Ok(Self { file, identity: identity(&about), offset: 0, anchor, modified })
    }

    /// Whether the file that is there now is this one, grown or unchanged.
    fn continues(&self, about: &Metadata) -> io::Result<bool> {
        if identity(about) != self.identity || about.len() < self.offset {
            return Ok(false);
        }
        if about.len() == self.offset && modified(about) == self.modified {
            return Ok(true);
        }
        let mut bytes = vec![0; self.anchor.len()];
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match self.file.read_exact_at(&mut bytes, self.offset.saturating_sub(length)) {
            Ok(()) => Ok(bytes == self.anchor),
            // It became shorter at this moment.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn read(&mut self, piece: &mut [u8], listener: &mut impl Listener) -> io::Result<Look> {
        self.file.seek(SeekFrom::Start(self.offset))?;
        let mut left = LOOK_MAX;
        while left > 0 {
            let count = match self.file.read(piece) {
                Ok(0) => return Ok(Look::Grew),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let bytes = piece.get(..count).unwrap_or_default();
            listener.feed(bytes);
            self.remember(bytes);
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            self.offset = self.offset.saturating_add(count);
            left = left.saturating_sub(count);
        }
        Ok(Look::More)
    }

    /// Keeps the last bytes read.
    fn remember(&mut self, bytes: &[u8]) {
        let newest = bytes.get(bytes.len().saturating_sub(ANCHOR)..).unwrap_or_default();
        let surplus = (self.anchor.len() + newest.len()).saturating_sub(ANCHOR);
        self.anchor.drain(..surplus.min(self.anchor.len()));
        self.anchor.extend_from_slice(newest);
    }
}

fn identity(about: &Metadata) -> (u64, u64) {
    (about.dev(), about.ino())
}

fn modified(about: &Metadata) -> Option<Timestamp> {
    let since_epoch = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since_epoch.as_millis()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    const HEADER: &str = "timestamp,cash,holding_A,price_A\r\n";

    fn row(hour: u32, cash: f64, held: f64) -> String {
        format!("2026-03-01T{hour:02}:00:00+00:00,{cash:.6},{held:.6},100.000000\r\n")
    }

    fn append(path: &Path, text: &str) {
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    struct Reader {
        folder: tempfile::TempDir,
        tail: Tail,
        session: Session,
    }

    impl Reader {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let tail = Tail::new(folder.path().join("session.csv"));
            Self { folder, tail, session: Session::default() }
        }

        fn look(&mut self) -> (Look, u64, u64) {
            let look = self.tail.look(&mut self.session).unwrap();
            let book = self.session.book();
            (look, book.rows, book.ledger.tally().trades)
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("session.csv")
        }
    }

    #[test]
    fn a_file_that_comes_later_is_awaited_and_read_as_it_grows() {
        let mut reader = Reader::new();
        assert_eq!(reader.look(), (Look::Missing, 0, 0));
        append(&reader.path(), &(HEADER.to_owned() + &row(1, 1000.0, 0.0)));
        assert_eq!(reader.look(), (Look::Grew, 1, 0));
        assert_eq!(reader.look(), (Look::Unchanged, 1, 0));
        let next = row(2, 900.0, 1.0);
        append(&reader.path(), &next[..20]);
        assert_eq!(reader.look(), (Look::Grew, 1, 0));
        append(&reader.path(), &next[20..]);
        assert_eq!(reader.look(), (Look::Grew, 2, 1));
    }

    #[test]
    fn a_rotated_file_goes_on_with_the_account() {
        let mut reader = Reader::new();
        append(&reader.path(), &(HEADER.to_owned() + &row(1, 1000.0, 0.0) + &row(2, 900.0, 1.0)));
        assert_eq!(reader.look(), (Look::Grew, 2, 1));
        fs::rename(reader.path(), reader.folder.path().join("session.csv.1")).unwrap();
        assert_eq!(reader.look(), (Look::Missing, 2, 1));
        append(&reader.path(), &(HEADER.to_owned() + &row(3, 999.5, 0.0)));
        assert_eq!(reader.look(), (Look::Grew, 3, 2));
    }

    #[test]
    fn a_row_taken_back_and_written_anew_is_read_anew() {
        let mut reader = Reader::new();
        let first = HEADER.to_owned() + &row(1, 1000.0, 0.0);
        append(&reader.path(), &(first.clone() + &row(2, 900.0, 1.0)));
        assert_eq!(reader.look(), (Look::Grew, 2, 1));
        let file = OpenOptions::new().write(true).open(reader.path()).unwrap();
        file.set_len(first.len().try_into().unwrap()).unwrap();
        // Longer than before at the next look, so that the length alone tells nothing.
        append(&reader.path(), &(row(2, 1000.0, 0.0) + &row(3, 1000.0, 0.0)));
        assert_eq!(reader.look(), (Look::Grew, 3, 0));
        file.set_len(0).unwrap();
        assert_eq!(reader.look(), (Look::Unchanged, 3, 0));
        append(&reader.path(), &first);
        assert_eq!(reader.look(), (Look::Grew, 1, 0));
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let mut reader = Reader::new();
        fs::create_dir(reader.path()).unwrap();
        let error = reader.tail.look(&mut reader.session).unwrap_err();
        assert!(error.to_string().contains("no regular file"));
    }
}
