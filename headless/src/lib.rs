//! The runner and its command line: clocks, files, processes and sockets around the pure core.

pub mod act;
pub mod boot;
pub mod cli;
pub mod clock;
pub mod config;
pub mod copies;
pub mod demo;
pub mod duty;
pub mod handover;
pub mod host;
pub mod keeper;
pub mod notify;
pub mod observe;
pub mod replace;
pub mod report;
pub mod runner;
pub mod samples;
pub mod serve;
pub mod service;
pub mod shim;
mod stop;
pub mod trade;
pub mod upkeep;
pub mod workspace;

use std::process::ExitCode;

/// Entry point of the program `cappuccino`.
pub fn main() -> ExitCode {
    shim::enter_if_asked().unwrap_or_else(cli::main)
}
