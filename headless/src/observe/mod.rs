//! Looking at the world: each observer tells what it saw, and decides nothing.

pub mod listings;
pub mod machine;
mod rest;
pub mod session;
pub mod signs;
pub mod study;
pub mod watcher;
pub mod zombies;
