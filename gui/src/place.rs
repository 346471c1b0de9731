//! Which workspace the app shows, and where its runner would listen.

use cappuccino_core::api::place::{CONFIG_FILE, socket_candidates};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One workspace, as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its folder, absolute and free of links.
    pub root: PathBuf,
    /// Sockets that its runner may listen on, likeliest first.
    pub sockets: Vec<PathBuf>,
}

/// Why there is no workspace to show.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// None was named, and none is around.
    #[error(
        "there is no {CONFIG_FILE} in {0} or any folder above it; start the app in a workspace, \
         name one with --workspace, or make one with `cappuccino init`"
    )]
    NotFound(PathBuf),
    /// The named folder is not one.
    #[error("{0} is not a workspace: it holds no {CONFIG_FILE}; make one with `cappuccino init`")]
    NoConfig(PathBuf),
    /// A folder cannot be looked at.
    #[error("cannot look at {path}: {source}; check that it exists and may be read")]
    Unreadable {
        /// Which folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Place {
    /// The workspace `named`, or else the nearest one from the current folder upwards.
    ///
    /// # Errors
    /// [`PlaceError`]
    pub fn find(named: Option<PathBuf>) -> Result<Self, PlaceError> {
        if let Some(folder) = named {
            let root = absolute(&folder)?;
            let is_one = root.join(CONFIG_FILE).is_file();
            return if is_one { Ok(Self::at(root)) } else { Err(PlaceError::NoConfig(folder)) };
        }
        let here = absolute(Path::new("."))?;
        let found = here.ancestors().find(|folder| folder.join(CONFIG_FILE).is_file());
        let root = found.map(Path::to_owned);
        root.map(Self::at).ok_or(PlaceError::NotFound(here))
    }

    /// The workspace at `root`, which is absolute and free of links.
    pub fn at(root: PathBuf) -> Self {
        let sockets = socket_candidates(&root, runtime_dir().as_deref(), uid());
        Self { root, sockets }
    }
}

fn absolute(folder: &Path) -> Result<PathBuf, PlaceError> {
    let unreadable = |source| PlaceError::Unreadable { path: folder.to_owned(), source };
    folder.canonicalize().map_err(unreadable)
}

/// The session's runtime folder, when it has one.
fn runtime_dir() -> Option<PathBuf> {
    let folder = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    folder.filter(|folder| folder.is_absolute() && folder.is_dir())
}

/// Whose process this is: the owner of its own folder in `/proc`.
pub fn uid() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|metadata| metadata.uid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cappuccino_core::api::place::FALLBACK_SOCKET;

    #[test]
    fn a_workspace_is_found_by_name_and_refused_without_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let named = Some(folder.path().to_owned());
        assert!(matches!(Place::find(named.clone()), Err(PlaceError::NoConfig(_))));
        std::fs::write(folder.path().join(CONFIG_FILE), "").unwrap();
        let place = Place::find(named).unwrap();
        // As the command line does: last with a runtime folder, first without one.
        let has_runtime = runtime_dir().is_some();
        let found = if has_runtime { place.sockets.last() } else { place.sockets.first() };
        assert_eq!(found, Some(&place.root.join(FALLBACK_SOCKET)));
    }
}
