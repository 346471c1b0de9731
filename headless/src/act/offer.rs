//! A model's files as they lie in a folder, looked at without following links or waiting for pipes.

use cappuccino_core::model::container::{ContainerFault, ContainerKind, Limits};
use cappuccino_core::model::torch::TorchFault;
use cappuccino_core::model::verdict::{FileKind, ModelFile};
use cappuccino_core::model::weights::Weights;
use cappuccino_core::model::{safetensors, torch};
use cappuccino_core::words::{Digest, Timestamp};
use sha2::{Digest as _, Sha256};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Opens a file that is no link: what is read is what was looked at.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    // A pipe must not make us wait for whoever writes into it.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// The file `name` of the model in `folder`, opened when it is one that may be read.
pub fn look(folder: &Path, name: &str, limits: &Limits) -> ModelFile<BufReader<File>> {
    let path = folder.join(name);
    let mut file = ModelFile {
        name: name.to_owned(),
        kind: FileKind::Missing,
        size_bytes: 0,
        modified: None,
        digest: None,
        content: None,
    };
    let seen = std::fs::symlink_metadata(&path).and_then(|metadata| {
        file.kind = kind_of(&metadata);
        if file.kind != FileKind::Regular {
            return Ok(());
        }
        let mut content = open_regular(&path)?;
        let metadata = content.metadata()?;
        file.kind = kind_of(&metadata);
        file.size_bytes = metadata.len();
        file.modified = Some(modified(&metadata));
        if file.kind == FileKind::Regular && metadata.len() <= limits.file_bytes {
            file.digest = Some(digest(&mut content)?);
            file.content = Some(BufReader::new(content));
        }
        Ok(())
    });
    if let Err(error) = seen
        && error.kind() != io::ErrorKind::NotFound
    {
        file.kind = FileKind::Unreadable(error.to_string());
    }
    file
}

/// The weights in the file `name` of `folder`.
///
/// # Errors
/// [`TorchFault`] when they cannot be read, or are no weights.
pub(super) fn weights(folder: &Path, name: &str, limits: &Limits) -> Result<Weights, TorchFault> {
    let file = open_regular(&folder.join(name)).map_err(ContainerFault::from)?;
    let reader = BufReader::new(file);
    match ContainerKind::of(name) {
        Some(ContainerKind::TorchZip) => torch::read(reader, limits),
        Some(ContainerKind::Safetensors) => safetensors::read(reader, limits),
        None => Err(ContainerFault::UnknownKind(name.to_owned()).into()),
    }
}

fn kind_of(metadata: &Metadata) -> FileKind {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        FileKind::Link
    } else if kind.is_dir() {
        FileKind::Folder
    } else if kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device()
    {
        FileKind::Special
    } else {
        FileKind::Regular
    }
}

fn modified(metadata: &Metadata) -> Timestamp {
    let milliseconds = metadata.mtime_nsec() / 1_000_000;
    Timestamp(metadata.mtime().saturating_mul(1000).saturating_add(milliseconds))
}

fn digest(file: &mut File) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 256 * 1024];
    loop {
        let count = file.read(&mut chunk)?;
        let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
    }
    Ok(Digest(hash.finalize().into()))
}
