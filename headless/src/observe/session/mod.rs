//! Following the trader's session files: what it traded, holds and earned, for each revision.
//!
//! Files are read as they grow, in pieces, never held whole; only the newest trades are kept.

pub mod followed;
pub mod rivals;
pub mod tail;
pub mod thread;
pub mod watcher;
