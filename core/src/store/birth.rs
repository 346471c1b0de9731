//! A file whose making was cut short is made again.
//!
//! redb writes its magic number last, so a crash in the very first moments of a new file leaves
//! one that it takes for somebody else's, for ever. Such a file can be told from every other: the
//! magic number is not whole, each byte of it is right or zero, and no page after the first has
//! anything on it. Nothing was ever stored there, so it is emptied.

use super::error::{Doing, StoreError};
use redb::{StorageBackend, StorageError};
use std::{io, ops::Bound};

const MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";
const PAGE_BYTES: usize = 4096;
/// A new file has 72 KiB. One that has grown was in use.
const NEW_FILE_LIMIT_BYTES: u64 = 128 << 10;
const EVERYTHING: (Bound<u64>, Bound<u64>) = (Bound::Unbounded, Bound::Unbounded);

/// Empties the file when its making was cut short. Holds the file's lock meanwhile, because the
/// making may be under way in another process.
pub(super) fn clear_unfinished(backend: &impl StorageBackend) -> Result<(), StoreError> {
    let lock = backend.try_lock_range(EVERYTHING.0, EVERYTHING.1).map_err(io::Error::from);
    let locked = match lock {
        Ok(true) => true,
        Ok(false) => return Err(StoreError::Locked),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => false,
        Err(error) => return Err(StorageError::from(error)).doing(DOING),
    };
    let cleared = clear(backend);
    if locked {
        let unlocked = backend.unlock_range(EVERYTHING.0, EVERYTHING.1);
        unlocked.map_err(StorageError::from).doing(DOING)?;
    }
    cleared
}

const DOING: &str = "opening the data file";

fn clear(backend: &impl StorageBackend) -> Result<(), StoreError> {
    let length = backend.len().map_err(StorageError::from).doing(DOING)?;
    if length == 0 || length > NEW_FILE_LIMIT_BYTES {
        return Ok(());
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    backend.read(0, &mut bytes).map_err(StorageError::from).doing(DOING)?;
    if is_unfinished(&bytes) {
        backend.set_len(0).map_err(StorageError::from).doing(DOING)?;
    }
    Ok(())
}

fn is_unfinished(bytes: &[u8]) -> bool {
    let begun = bytes.iter().zip(MAGIC).all(|(byte, magic)| *byte == magic || *byte == 0);
    begun && !bytes.starts_with(&MAGIC) && bytes.iter().skip(PAGE_BYTES).all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(first: &[u8], last: u8) -> Vec<u8> {
        let mut bytes = vec![0; 3 * PAGE_BYTES];
        bytes[..first.len()].copy_from_slice(first);
        bytes[3 * PAGE_BYTES - 1] = last;
        bytes
    }

    #[test]
    fn only_a_file_that_never_held_anything_is_unfinished() {
        assert!(is_unfinished(&file(&[], 0)));
        assert!(is_unfinished(&file(b"re\0b\0\0\xA9", 0)), "torn in the magic number");
        assert!(is_unfinished(b"red"), "shorter than the magic number");

        assert!(!is_unfinished(&file(&MAGIC, 0)), "a finished file");
        assert!(!is_unfinished(&file(&[], 1)), "a file in use that lost its first page");
        assert!(!is_unfinished(b"{\"trials\": []}"), "somebody's text");
    }
}
