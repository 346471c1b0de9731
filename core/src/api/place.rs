//! Names that a runner and its clients must agree on before they can talk.

use crate::words::Digest;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// The file that makes a folder a workspace.
pub const CONFIG_FILE: &str = "cappuccino.toml";
/// The variable that names the workspace when no option does.
pub const WORKSPACE_VARIABLE: &str = "CAPPUCCINO_WORKSPACE";
/// Folder of the sockets in the user's runtime folder.
const SOCKET_FOLDER: &str = "cappuccino";
/// The socket in the workspace, relative to it, where there is no runtime folder.
pub const FALLBACK_SOCKET: &str = ".cappuccino/run/api.sock";
/// Hexadecimal digits of the workspace's hash in the name of its socket.
const HASH_DIGITS: usize = 16;

/// The socket of the workspace at `root` (absolute, free of links) in a user's runtime folder.
pub fn socket_in(runtime: &Path, root: &Path) -> PathBuf {
    let hash = Digest(Sha256::digest(root.as_os_str().as_encoded_bytes()).into());
    let mut name = hash.to_string();
    name.truncate(HASH_DIGITS);
    name.push_str(".sock");
    runtime.join(SOCKET_FOLDER).join(name)
}

/// The socket that a runner started from this session answers on: in the session's runtime
/// folder, or in the workspace when it has none.
pub fn socket_path(root: &Path, runtime: Option<&Path>) -> PathBuf {
    runtime.map_or_else(|| root.join(FALLBACK_SOCKET), |runtime| socket_in(runtime, root))
}

/// Every socket that a runner of the workspace may answer on, likeliest first. A runner that was
/// started from a session with another environment is found all the same.
pub fn socket_candidates(root: &Path, runtime: Option<&Path>, uid: Option<u32>) -> Vec<PathBuf> {
    let of_user = uid.map(|uid| socket_in(&PathBuf::from(format!("/run/user/{uid}")), root));
    let mut sockets = vec![socket_path(root, runtime)];
    for socket in of_user.into_iter().chain([root.join(FALLBACK_SOCKET)]) {
        if !sockets.contains(&socket) {
            sockets.push(socket);
        }
    }
    sockets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_socket_is_tried_once_and_the_session_s_own_first() {
        let (root, fallback) = (Path::new("/w"), PathBuf::from("/w/.cappuccino/run/api.sock"));
        let in_run = |folder: &str| socket_in(Path::new(folder), root);
        let candidates =
            |runtime: Option<&str>| socket_candidates(root, runtime.map(Path::new), Some(7));
        let of_user = in_run("/run/user/7");
        assert_eq!(candidates(Some("/x")), [in_run("/x"), of_user.clone(), fallback.clone()]);
        assert_eq!(candidates(Some("/run/user/7")), [of_user.clone(), fallback.clone()]);
        assert_eq!(candidates(None), [fallback, of_user]);
    }
}
