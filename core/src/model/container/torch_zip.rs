//! The zip archive of `torch.save`: every entry is unpacked to its end, so every checksum counts.

use super::{ContainerFault, Limits};
use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// How every archive of `torch.save` begins; a file that begins otherwise is read by
/// `torch.load` as something else, whatever archive lies further behind.
const FIRST_BYTES: [u8; 4] = *b"PK\x03\x04";
/// Flags that an entry may bear: how hard the packer tried (bits 1 and 2), lengths behind the data
/// (3), a name in UTF-8 (11). Others mean encryption or patches, which readers treat differently.
const PLAIN_FLAGS: u16 = 0x0002 | 0x0004 | 0x0008 | 0x0800;
/// Where the flags lie within an entry's own header, in bytes.
const FLAGS_AT: u64 = 6;
/// Entries of `torch.save` besides the numbers. Others, such as the code of a TorchScript archive,
/// would make `torch.load` do something else.
const ENTRIES: [&str; 6] = [
    "data.pkl",
    "byteorder",
    "version",
    ".format_version",
    ".storage_alignment",
    ".data/serialization_id",
];

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
    let mut reader = Metered { inner: reader, budget: &budget };
    check_first_bytes(&mut reader)?;
    let mut archive = open(reader, &budget, limits)?;
    let unpacked = check_directory(&archive, limits)?;
    // Every entry is disjoint from every other, so each byte of the file is read at most once here.
    budget.set(limits.file_bytes.saturating_add(limits.directory_bytes));
    let mut holds_pickle = false;
    for index in 0..archive.len() {
        holds_pickle |= read_to_end(&mut archive, index)?;
    }
    let count = archive.len();
    check_own_flags(archive)?;
    if holds_pickle { Ok((count, unpacked)) } else { Err(ContainerFault::NoPickle) }
}

fn check_first_bytes(reader: &mut (impl Read + Seek)) -> Result<(), ContainerFault> {
    let mut first = [0; 4];
    let found = reader.read_exact(&mut first);
    reader.seek(SeekFrom::Start(0))?;
    match found {
        Ok(()) if first == FIRST_BYTES => Ok(()),
        Ok(()) if first.starts_with(&[0x80]) => Err(ContainerFault::BarePickle),
        Ok(()) => Err(ContainerFault::NotAZip("it begins with something else".into())),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(ContainerFault::NotAZip("it ends within four bytes".into()))
        }
        Err(error) => Err(error.into()),
    }
}

/// The flags in the entries' own headers; the directory's were judged before.
fn check_own_flags<R: Read + Seek>(archive: ZipArchive<R>) -> Result<(), ContainerFault> {
    let mut places = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index)?;
        places.push((entry.header_start(), plain_name(entry.name_raw())?.to_owned()));
    }
    let mut reader = archive.into_inner();
    for (start, entry) in places {
        let mut flags = [0; 2];
        reader.seek(SeekFrom::Start(start.saturating_add(FLAGS_AT)))?;
        reader.read_exact(&mut flags)?;
        if u16::from_le_bytes(flags) & !PLAIN_FLAGS != 0 {
            return Err(ContainerFault::Unsupported { entry, what: "encrypted or patched" });
        }
    }
    Ok(())
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
    if archive.offset() != 0 || !archive.comment().is_empty() {
        return Err(ContainerFault::Inconsistent("something lies before or behind it".into()));
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
        let (top, inner) =
            name.split_once('/').ok_or_else(|| ContainerFault::SecondPrefix(name.to_owned()))?;
        if prefix.get_or_insert_with(|| top.to_owned()).as_str() != top {
            return Err(ContainerFault::SecondPrefix(name.to_owned()));
        }
        let plain = [CompressionMethod::Stored, CompressionMethod::Deflated];
        let what = if entry.flags().as_u16() & !PLAIN_FLAGS != 0 {
            Some("encrypted or patched")
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
        if !belongs(inner) {
            return Err(ContainerFault::ForeignEntry(name.to_owned()));
        }
        unpacked = unpacked.saturating_add(entry.size());
    }
    if unpacked > limits.unpacked_bytes {
        let limit = limits.unpacked_bytes;
        return Err(ContainerFault::UnpackedTooLarge { size: unpacked, limit });
    }
    Ok(unpacked)
}

/// Whether `torch.save` writes an entry of this name into the archive's folder.
fn belongs(inner: &str) -> bool {
    let is_key = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    ENTRIES.contains(&inner) || inner.strip_prefix("data/").is_some_and(is_key)
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
    if inner == "version" && !is_known_version(head) {
        return Err(ContainerFault::ForeignVersion(String::from_utf8_lossy(head).into_owned()));
    }
    Ok(inner == "data.pkl")
}

/// PyTorch itself reads versions 1 to 10 (`kMaxSupportedFileFormatVersion`).
fn is_known_version(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).map(str::trim).unwrap_or_default();
    text.parse().is_ok_and(|version: u8| (1..=10).contains(&version))
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
