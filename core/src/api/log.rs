//! A piece of what a process printed: answer to `GET /v1/logs/PROCESS`.

use serde::{Deserialize, Serialize};

/// Whole lines of one process's output, and where they lie in its file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// Offset of the first byte of `text` in the file; offsets start anew when the file is cut.
    pub from: u64,
    /// Offset after the last byte of `text`: ask with it for what follows.
    pub to: u64,
    /// Length of the file, in bytes; smaller than before when it was cut.
    pub length: u64,
    /// The lines; bytes that are no UTF-8 are shown as U+FFFD.
    pub text: String,
}
