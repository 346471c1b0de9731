//! What can be wrong with a container, each a sentence.

use std::io;

/// Why a container is refused.
#[derive(Debug, thiserror::Error)]
pub enum ContainerFault {
    /// The file name promises no container that is known here.
    #[error("`{0}` is no model file: its name must end in .pth, .pt or .safetensors")]
    UnknownKind(String),
    /// The bytes could not be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The file is larger than allowed.
    #[error("the file has {size} bytes, more than the {limit} allowed")]
    FileTooLarge {
        /// Length of the file in bytes.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// Unpacked, the contents are larger than allowed.
    #[error("unpacked it would need {size} bytes, more than the {limit} allowed")]
    UnpackedTooLarge {
        /// Bytes it would need.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The table of contents is larger than allowed.
    #[error("no table of contents within the {limit} bytes allowed for one: truncated or hostile")]
    DirectoryTooLarge {
        /// Bytes allowed.
        limit: u64,
    },
    /// More entries than allowed.
    #[error("it lists {count} entries, more than the {limit} allowed")]
    TooManyEntries {
        /// Entries found.
        count: usize,
        /// Entries allowed.
        limit: usize,
    },
    /// The archive itself is broken, most often truncated.
    #[error("it is not a whole zip archive ({0}): truncated, or still being written")]
    NotAZip(String),
    /// A pickle without an archive around it.
    #[error("it is a bare pickle, as PyTorch wrote before 1.6: save it again with a newer one")]
    BarePickle,
    /// Two entries bear one name, so two readers may see two models.
    #[error("two entries bear the same name: readers could disagree about the model")]
    DuplicateName,
    /// Local headers and directory disagree, or entries overlap.
    #[error("the archive contradicts itself: {0}")]
    Inconsistent(String),
    /// A name that would escape from a folder, or is no plain path.
    #[error("the entry name {0:?} is not a plain relative path")]
    HostileName(String),
    /// Entries do not share one top folder.
    #[error("the entry {0:?} lies outside the archive's one top folder")]
    SecondPrefix(String),
    /// An entry that weights do not have.
    #[error("the entry {0:?} does not belong to weights")]
    ForeignEntry(String),
    /// Neither stored nor deflated, or encrypted, or not a regular file.
    #[error("the entry `{entry}` is {what}: only plain stored or deflated files are read")]
    Unsupported {
        /// Name of the entry.
        entry: String,
        /// What it is instead.
        what: &'static str,
    },
    /// An entry's bytes do not match its checksum or length.
    #[error("the entry `{entry}` is damaged: {reason}")]
    Damaged {
        /// Name of the entry.
        entry: String,
        /// What the unpacker said.
        reason: String,
    },
    /// No `data.pkl`.
    #[error("it holds no data.pkl: not written by torch.save")]
    NoPickle,
    /// Tensors of a big-endian machine.
    #[error("its byte order is {0:?}: only little-endian tensors are read")]
    ForeignByteOrder(String),
    /// A layout that is newer than what is known.
    #[error("its format has the version {0:?}: 1 to 10 are known")]
    ForeignVersion(String),
    /// The safetensors header breaks the format.
    #[error("its header is invalid: {0}")]
    BadHeader(String),
    /// A tensor's place or size is wrong.
    #[error("the tensor `{tensor}` {reason}")]
    BadTensor {
        /// Name of the tensor.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Tensors and file do not end together.
    #[error("the tensors end at byte {tensors} of the data, the file at {file}")]
    WrongLength {
        /// Where the last tensor ends.
        tensors: u64,
        /// Where the data ends.
        file: u64,
    },
}
