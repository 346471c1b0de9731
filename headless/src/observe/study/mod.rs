//! Reading an Optuna study without ever disturbing its writers.
//!
//! The database is opened through SQLite alone (opening the file otherwise would drop SQLite's
//! locks), read in snapshots of a few milliseconds, and polled by its change counter. A reader
//! that holds a snapshot for seconds makes training trials fail; this one cannot.

pub mod catalog;
pub mod chart;
pub mod datetime;
pub mod decode;
pub mod detail;
pub mod error;
pub mod integrity;
pub(crate) mod open;
pub mod reader;
mod rows;
pub mod schema;
pub mod source;
pub mod thread;

pub use error::StudyError;
