//! The pure core of Cappuccino: what it knows, how it decides, how it remembers.
//!
//! Nothing here reads a clock, touches a file, starts a process or opens a socket: time, bytes and
//! outcomes come in as arguments, effects go out as data. Layers, lowest first; a file uses only
//! lower layers or its own room:
//!
//! 1. [`words`]: time, names, trials, runs: the nouns everything else is said in
//! 2. [`rules`], [`model`], [`trading`]: pure functions that judge
//! 3. [`machines`]: `study`, `deployment`, `process`, `alert`
//! 4. [`world`], [`decision`], [`engine`]: the mind that routes observations through the machines
//! 5. [`store`]: redb behind the promise that effects leave only through a commit
//! 6. [`api`], [`export`], `client`: what clients may see

pub mod api;
#[cfg(feature = "client")]
pub mod client;
pub mod decision;
pub mod engine;
pub mod export;
pub mod fleet;
pub mod legacy;
pub mod machines;
pub mod model;
pub mod rules;
pub mod store;
pub mod trading;
pub mod words;
pub mod world;
