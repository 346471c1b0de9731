//! The zip archive of `torch.save`: every entry is unpacked to its end, so every checksum counts.

use super::{ContainerFault, Limits};
use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// A reader that gives out no more bytes than its budget holds.
struct Metered<'a, R> {
    inner: R,
    budget: &'a Cell<u64>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let budget = self.budget.get();
        if budget == 0 && !buffer.is_empty() {
            return Err(io::Error::other("the reading budget is spent"));
        }
        let length = buffer.len().min(usize::try_from(budget).unwrap_or(usize::MAX));
        let count = self.inner.read(buffer.get_mut(..length).unwrap_or_default())?;
        self.budget.set(budget.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX)));
        Ok(count)
    }
}

impl<R: Seek> Seek for Metered<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// Number of entries and their unpacked length in bytes.
pub(super) fn check(
    reader: impl Read + Seek,
    limits: &Limits,
) -> Result<(usize, u64), ContainerFault> {
    let budget = Cell::new(limits.directory_bytes);
    let mut archive = open(Metered { inner: reader, budget: &budget }, &budget, limits)?;
    let unpacked = check_directory(&archive, limits)?;
    // Every entry is disjoint from every other, so each byte of the file is read at most once here.
    budget.set(limits.file_bytes.saturating_add(limits.directory_bytes));
    let mut holds_pickle = false;
    for index in 0..archive.len() {
        holds_pickle |= read_to_end(&mut archive, index)?;
    }
    if holds_pickle { Ok((archive.len(), unpacked)) } else { Err(ContainerFault::NoPickle) }
}

fn open<R: Read + Seek>(
    reader: R,
    budget: &Cell<u64>,
    limits: &Limits,
) -> Result<ZipArchive<R>, ContainerFault> {
    let too_large = ContainerFault::DirectoryTooLarge { limit: limits.directory_bytes };
    let mut archive = match ZipArchive::new(reader) {
        Ok(archive) => archive,
        Err(_spent) if budget.get() == 0 => return Err(too_large),
        Err(fault) => return Err(fault.into()),
    };
    if archive.len() > limits.entries {
        let (count, limit) = (archive.len(), limits.entries);
        return Err(ContainerFault::TooManyEntries { count, limit });
    }
    if archive.has_duplicate_names() {
        return Err(ContainerFault::DuplicateName);
    }
    budget.set(limits.file_bytes.saturating_add(limits.directory_bytes));
    archive
        .validate_header_consistency()
        .map_err(|fault| ContainerFault::Inconsistent(fault.to_string()))?;
    Ok(archive)
}

/// Judges names, kinds and declared sizes; returns the sum of the sizes in bytes.
fn check_directory<R: Read + Seek>(
    archive: &ZipArchive<R>,
    limits: &Limits,
) -> Result<u64, ContainerFault> {
    let mut prefix: Option<String> = None;
    let mut unpacked: u64 = 0;
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index)?;
        let name = plain_name(entry.name_raw())?;
        let (top, _rest) =
            name.split_once('/').ok_or_else(|| ContainerFault::SecondPrefix(name.to_owned()))?;
        if prefix.get_or_insert_with(|| top.to_owned()).as_str() != top {
            return Err(ContainerFault::SecondPrefix(name.to_owned()));
        }
        let plain = [CompressionMethod::Stored, CompressionMethod::Deflated];
        let what = if entry.encrypted() {
            Some("encrypted")
        } else if entry.is_dir() || entry.is_symlink() {
            Some("a folder or a link")
        } else if plain.contains(&entry.compression()) {
            None
        } else {
            Some("packed in an unusual way")
        };
        if let Some(what) = what {
            return Err(ContainerFault::Unsupported { entry: name.to_owned(), what });
        }
        unpacked = unpacked.saturating_add(entry.size());
    }
    if unpacked > limits.unpacked_bytes {
        let limit = limits.unpacked_bytes;
        return Err(ContainerFault::UnpackedTooLarge { size: unpacked, limit });
    }
    Ok(unpacked)
}

/// The name as text, if it is a relative path of ordinary parts.
fn plain_name(raw: &[u8]) -> Result<&str, ContainerFault> {
    let hostile = || ContainerFault::HostileName(String::from_utf8_lossy(raw).into_owned());
    let name = std::str::from_utf8(raw).map_err(|_not_utf8| hostile())?;
    let ordinary = |part: &str| !part.is_empty() && part != "." && part != "..";
    let clean = |c: char| !c.is_control() && c != '\\' && c != ':';
    let path = name.strip_suffix('/').unwrap_or(name);
    if path.split('/').all(ordinary) && name.chars().all(clean) { Ok(name) } else { Err(hostile()) }
}

/// Unpacks one entry, so that its checksum is compared; says whether it is the pickle.
fn read_to_end<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
) -> Result<bool, ContainerFault> {
    let mut entry = archive.by_index(index)?;
    let name = plain_name(entry.name_raw())?.to_owned();
    let inner = name.split_once('/').map_or("", |(_top, rest)| rest);
    let damaged = |reason: String| ContainerFault::Damaged { entry: name.clone(), reason };
    let declared = entry.size();
    let mut order = [0u8; 16];
    let head = read_head(&mut entry, &mut order).map_err(|fault| damaged(fault.to_string()))?;
    let rest = io::copy(&mut entry, &mut io::sink()).map_err(|fault| damaged(fault.to_string()))?;
    let length = u64::try_from(head.len()).unwrap_or(u64::MAX).saturating_add(rest);
    if length != declared {
        return Err(damaged(format!("{length} bytes where {declared} were declared")));
    }
    if inner == "byteorder" && head != b"little" {
        return Err(ContainerFault::ForeignByteOrder(String::from_utf8_lossy(head).into_owned()));
    }
    Ok(inner == "data.pkl")
}

/// The first bytes of `reader`, as many as fit into `buffer`.
fn read_head<'a>(reader: &mut impl Read, buffer: &'a mut [u8; 16]) -> io::Result<&'a [u8]> {
    let mut filled = 0;
    loop {
        match reader.read(buffer.get_mut(filled..).unwrap_or_default())? {
            0 => return Ok(buffer.get(..filled).unwrap_or_default()),
            count => filled += count,
        }
    }
}

impl From<ZipError> for ContainerFault {
    fn from(fault: ZipError) -> Self {
        Self::NotAZip(fault.to_string())
    }
}
