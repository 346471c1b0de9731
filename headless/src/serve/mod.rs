//! The runner's window to its clients: HTTP on a Unix socket.

pub mod port;
