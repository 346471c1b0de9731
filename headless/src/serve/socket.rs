//! The runner's socket on disk: made for its owner alone, removed with the runner.

use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Longest name of a Unix socket on Linux, in bytes.
pub const SOCKET_PATH_MAX: usize = 107;
/// Clients that may wait to be accepted.
const BACKLOG: i32 = 128;

/// The socket's place on disk; removed when this is dropped, unless the next runner has already
/// put its own there.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Which file it is: device and number.
    identity: (u64, u64),
}

/// Why there is no socket, or none that may be used.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The name does not fit.
    #[error(
        "the socket's path {path} is {length} bytes long and the system takes {SOCKET_PATH_MAX}; \
         set XDG_RUNTIME_DIR to a short folder (/run/user/UID), or move the workspace to a \
         shorter path"
    )]
    TooLong {
        /// Which path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// Somebody else's file or folder is in the place.
    #[error(
        "{path} belongs to user {owner}, not to you (user {us}): whoever owns it could read and \
         answer your requests; work as that user, or have it removed"
    )]
    ForeignOwner {
        /// Which file or folder.
        path: PathBuf,
        /// User id of its owner.
        owner: u32,
        /// Our user id.
        us: u32,
    },
    /// Something that is no folder, or no socket, is in the place.
    #[error("{path} is in the way: it is not a {expected}; move it away")]
    InTheWay {
        /// What.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
    },
    /// The system refuses.
    #[error("{doing} {path} failed: {source}; check the rights and the space of its folder")]
    System {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| identity(&found) == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!("the socket {} stays behind: {error}", self.path.display());
        }
    }
}

/// Listens at `path`: folder 0700, socket 0600. The caller holds the store's lock, so whatever
/// socket is there already belongs to a runner that is gone, and is removed.
///
/// Must be called within a runtime.
///
/// # Errors
/// [`SocketError`].
pub fn bind(path: &Path) -> Result<(UnixListener, SocketFile), SocketError> {
    let address = address(path)?;
    if let Some(folder) = path.parent() {
        make_private(folder)?;
    }
    remove_stale(path)?;
    listen(path, &address).map_err(|source| SocketError::System {
        doing: "listening at",
        path: path.into(),
        source,
    })
}

/// Checks that the socket at `path` and its folder are ours; whether there is one at all.
///
/// # Errors
/// [`SocketError::ForeignOwner`], [`SocketError::InTheWay`], or the path does not fit.
pub fn is_ours(path: &Path) -> Result<bool, SocketError> {
    address(path)?;
    if let Some(folder) = path.parent()
        && let Some(found) = look(folder)?
    {
        owned(folder, &found)?;
    }
    match look(path)? {
        None => Ok(false),
        Some(found) => owned(path, &found).and_then(|()| socket(path, &found)).map(|()| true),
    }
}

fn address(path: &Path) -> Result<SocketAddrUnix, SocketError> {
    let length = path.as_os_str().len();
    if length > SOCKET_PATH_MAX {
        return Err(SocketError::TooLong { path: path.into(), length });
    }
    SocketAddrUnix::new(path).map_err(|source| SocketError::System {
        doing: "naming the socket",
        path: path.into(),
        source: source.into(),
    })
}

fn make_private(folder: &Path) -> Result<(), SocketError> {
    let failed = |source| SocketError::System { doing: "making", path: folder.into(), source };
    match DirBuilder::new().recursive(true).mode(0o700).create(folder) {
        // A link or a file of that name is reported below.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let found = fs::symlink_metadata(folder).map_err(failed)?;
    if !found.is_dir() {
        return Err(SocketError::InTheWay { path: folder.into(), expected: "folder" });
    }
    owned(folder, &found)?;
    if found.mode() & 0o777 != 0o700 {
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let Some(found) = look(path)? else { return Ok(()) };
    owned(path, &found)?;
    socket(path, &found)?;
    fs::remove_file(path).map_err(|source| SocketError::System {
        doing: "removing the old socket",
        path: path.into(),
        source,
    })
}

fn listen(path: &Path, address: &SocketAddrUnix) -> io::Result<(UnixListener, SocketFile)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, address)?;
    let identity = identity(&fs::symlink_metadata(path)?);
    let file = SocketFile { path: path.to_owned(), identity };
    // Before it listens nobody can connect, so there is no moment with wider rights.
    rustix::fs::chmod(path, Mode::RUSR | Mode::WUSR)?;
    rustix::net::listen(&socket, BACKLOG)?;
    let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket))?;
    Ok((listener, file))
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn look(path: &Path) -> Result<Option<Metadata>, SocketError> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SocketError::System { doing: "looking at", path: path.into(), source }),
    }
}

fn owned(path: &Path, found: &Metadata) -> Result<(), SocketError> {
    let (owner, us) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner == us {
        return Ok(());
    }
    Err(SocketError::ForeignOwner { path: path.into(), owner, us })
}

fn socket(path: &Path, found: &Metadata) -> Result<(), SocketError> {
    let is_socket = found.file_type().is_socket();
    is_socket
        .then_some(())
        .ok_or_else(|| SocketError::InTheWay { path: path.into(), expected: "socket" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_for_its_owner_alone_and_goes_with_its_runner() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run/api.sock");
        fs::create_dir(home.path().join("run")).unwrap();
        let (listener, file) = bind(&path).unwrap();
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert!(is_ours(&path).unwrap());
        drop((listener, file));
        assert!(!is_ours(&path).unwrap());
    }

    #[tokio::test]
    async fn a_dead_runners_socket_is_replaced_but_another_file_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("api.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        drop(bind(&path).unwrap());
        fs::write(&path, "precious").unwrap();
        assert!(matches!(bind(&path), Err(SocketError::InTheWay { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn a_runner_that_leaves_late_does_not_take_the_next_ones_socket_along() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("api.sock");
        let (old, new) = (bind(&path).unwrap(), bind(&path).unwrap());
        drop(old);
        assert!(is_ours(&path).unwrap());
        drop(new);
        assert!(!is_ours(&path).unwrap());
    }

    #[tokio::test]
    async fn a_path_that_does_not_fit_is_refused_with_its_length() {
        let path = PathBuf::from(format!("/tmp/{}", "x".repeat(120)));
        let error = bind(&path).unwrap_err().to_string();
        assert!(error.contains("125 bytes long and the system takes 107"), "{error}");
    }
}
