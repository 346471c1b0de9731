//! Names that a runner and its clients must agree on before they can talk.

use crate::words::Digest;
use sha2::{Digest as _, Sha256};

/// The file that makes a folder a workspace.
pub const CONFIG_FILE: &str = "cappuccino.toml";
/// The variable that names the workspace when no option does.
pub const WORKSPACE_VARIABLE: &str = "CAPPUCCINO_WORKSPACE";
/// Folder of the sockets in the user's runtime folder.
pub const SOCKET_FOLDER: &str = "cappuccino";
/// The socket in the workspace, relative to it, where there is no runtime folder.
pub const FALLBACK_SOCKET: &str = ".cappuccino/run/api.sock";
/// Hexadecimal digits of the workspace's hash in the name of its socket.
const HASH_DIGITS: usize = 16;

/// Name of the socket of the workspace at this path (absolute, free of links).
pub fn socket_name(workspace: &[u8]) -> String {
    let mut name = Digest(Sha256::digest(workspace).into()).to_string();
    name.truncate(HASH_DIGITS);
    name.push_str(".sock");
    name
}
