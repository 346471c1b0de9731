//! The runner and its command line: clocks, files, processes and sockets around the pure core.

pub mod clock;
pub mod config;
pub mod host;
pub mod keeper;
pub mod observe;
pub mod serve;
pub mod shim;
pub mod workspace;

use std::process::ExitCode;

/// Entry point of the program `cappuccino`.
pub fn main() -> ExitCode {
    if let Some(code) = shim::enter_if_asked() {
        return code;
    }
    ExitCode::SUCCESS
}
