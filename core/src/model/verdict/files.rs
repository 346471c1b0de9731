//! Step 1: the files themselves, before any of them is read as a model.

use super::{Known, Readable};
use crate::model::container::Limits;
use crate::words::{Digest, Finding, Timestamp};

/// Bytes that an archive has besides its numbers, for the whole and for each tensor: headers,
/// names, and gaps up to the next multiple of 64.
const OVERHEAD: (u64, u64) = (4096, 1024);
/// How far a file's length may lie from that of its numbers, in percent.
const SIZE_TOLERANCE_PERCENT: u64 = 5;

/// A file of a model as it lies on disk.
#[derive(Debug)]
pub struct ModelFile<R> {
    /// Its name, such as `actor.pth`.
    pub name: String,
    /// What lies there.
    pub kind: FileKind,
    /// Length in bytes.
    pub size_bytes: u64,
    /// When it was last written.
    pub modified: Option<Timestamp>,
    /// SHA-256 of its content.
    pub digest: Option<Digest>,
    /// Its content; only of a regular file that is not larger than the limits allow.
    pub content: Option<R>,
}

/// What lies under a file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A symbolic link, wherever it leads.
    Link,
    /// A folder.
    Folder,
    /// A pipe, a socket, a device.
    Special,
    /// Nothing.
    Missing,
    /// Nobody could see; why.
    Unreadable(String),
}

pub(super) fn examine<R>(
    files: &[ModelFile<R>],
    finished: &Known<Timestamp>,
    limits: &Limits,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = files.iter().map(|file| lies(file, limits)).collect();
    match finished {
        Err(why) => findings.push(Finding::not_checked(format_args!("age: {why}"))),
        Ok(finished) => findings.extend(files.iter().filter_map(|file| age(file, *finished))),
    }
    findings
}

/// What lies under the name.
fn lies<R>(file: &ModelFile<R>, limits: &Limits) -> Finding {
    let name = &file.name;
    match &file.kind {
        FileKind::Missing => Finding::refused(format_args!("{name} is missing")),
        FileKind::Link => Finding::refused(format_args!(
            "{name} is a symbolic link: what it leads to may change after it was examined"
        )),
        FileKind::Folder => Finding::refused(format_args!("{name} is a folder")),
        FileKind::Special => Finding::refused(format_args!("{name} is no regular file")),
        FileKind::Unreadable(why) => {
            Finding::not_checked(format_args!("{name} cannot be read: {why}"))
        }
        FileKind::Regular if file.size_bytes == 0 => {
            Finding::refused(format_args!("{name} is empty"))
        }
        FileKind::Regular if file.size_bytes > limits.file_bytes => {
            let (size, most) = (file.size_bytes, limits.file_bytes);
            Finding::refused(format_args!("{name} has {size} bytes, more than the {most} allowed"))
        }
        FileKind::Regular => {
            let digest = file.digest.map_or_else(String::new, |own| format!(", sha-256 {own}"));
            Finding::holds(format_args!("{name}: regular, {} bytes{digest}", file.size_bytes))
        }
    }
}

/// A file that was written after its trial ended is not what the trial's value was measured with.
fn age<R>(file: &ModelFile<R>, finished: Timestamp) -> Option<Finding> {
    let modified = file.modified?;
    let name = &file.name;
    Some(if modified > finished {
        Finding::refused(format_args!(
            "{name} was written at {modified}, after its trial had ended (by {finished}): it is \
             not the model that was measured"
        ))
    } else {
        Finding::holds(format_args!("{name}: written at {modified}, its trial ended by {finished}"))
    })
}

/// Whether the file is about as long as its numbers.
pub(super) fn size_fits(file: &Readable) -> Finding {
    let tensors = u64::try_from(file.weights.tensors.len()).unwrap_or(u64::MAX);
    let due = file.weights.size_bytes();
    let slack = (due / 100).saturating_mul(SIZE_TOLERANCE_PERCENT);
    let overhead = OVERHEAD.0.saturating_add(OVERHEAD.1.saturating_mul(tensors));
    let most = due.saturating_add(slack).saturating_add(overhead);
    let (name, size) = (&file.name, file.size_bytes);
    if (due.saturating_sub(slack)..=most).contains(&size) {
        Finding::holds(format_args!("{name}: its shapes account for {due} of its {size} bytes"))
    } else {
        Finding::refused(format_args!(
            "{name} has {size} bytes, but its shapes account for {due} only"
        ))
    }
}
