//! Where everything of one workspace is on disk, and which socket its runner answers on.

use cappuccino_core::api::place;
pub use cappuccino_core::api::place::{CONFIG_FILE, WORKSPACE_VARIABLE};
use cappuccino_core::words::ProcessName;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One workspace: a folder with a `cappuccino.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    root: PathBuf,
}

/// Why there is no workspace.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// None was named, and none is around.
    #[error(
        "no workspace: there is no {CONFIG_FILE} in {0} or any folder above it; make one with \
         `cappuccino init`, or name one with --workspace or {WORKSPACE_VARIABLE}"
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

impl Workspace {
    /// The workspace `explicit`, or else the nearest one from the current folder upwards.
    ///
    /// # Errors
    /// [`WorkspaceError`]: none there, with where was looked.
    pub fn find(explicit: Option<PathBuf>) -> Result<Self, WorkspaceError> {
        if let Some(folder) = explicit {
            let workspace = Self::at(&folder)?;
            let has_config = workspace.config_file().is_file();
            return has_config.then_some(workspace).ok_or(WorkspaceError::NoConfig(folder));
        }
        let here = Self::at(Path::new("."))?.root;
        let found = here.ancestors().find(|folder| folder.join(CONFIG_FILE).is_file());
        let root = found.map(Path::to_owned);
        root.map(|root| Self { root }).ok_or(WorkspaceError::NotFound(here))
    }

    /// The workspace in `folder`, which exists but may not hold a configuration yet.
    ///
    /// # Errors
    /// [`WorkspaceError::Unreadable`] when there is no such folder.
    pub fn at(folder: &Path) -> Result<Self, WorkspaceError> {
        let unreadable = |source| WorkspaceError::Unreadable { path: folder.to_owned(), source };
        folder.canonicalize().map(|root| Self { root }).map_err(unreadable)
    }

    /// The folder itself, absolute and free of links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `cappuccino.toml`.
    pub fn config_file(&self) -> PathBuf {
        self.root.join(CONFIG_FILE)
    }

    /// The folder of everything that the runner keeps.
    pub fn state_dir(&self) -> PathBuf {
        self.root.join(".cappuccino")
    }

    /// What the machines know, and the history.
    pub fn state_file(&self) -> PathBuf {
        self.state_dir().join("state.redb")
    }

    /// Measurements over time.
    pub fn metrics_file(&self) -> PathBuf {
        self.state_dir().join("metrics.redb")
    }

    /// The content-addressed store of models.
    pub fn models_dir(&self) -> PathBuf {
        self.state_dir().join("models")
    }

    /// Locks, run records and exit records of processes.
    pub fn run_dir(&self) -> PathBuf {
        self.state_dir().join("run")
    }

    /// Who trades beside the live model, for the trader.
    pub fn lanes_file(&self) -> PathBuf {
        self.state_dir().join("lanes")
    }

    /// The processes' output.
    pub fn logs_dir(&self) -> PathBuf {
        self.state_dir().join("logs")
    }

    /// The output of one process.
    pub fn log_file(&self, process: &ProcessName) -> PathBuf {
        self.logs_dir().join(format!("{process}.log"))
    }

    /// A copy of the study's database, while it is checked.
    pub fn study_copy(&self) -> PathBuf {
        self.state_dir().join("study-check.db")
    }

    /// How far each notification channel has told the history.
    pub fn notify_file(&self) -> PathBuf {
        self.state_dir().join("notify.json")
    }

    /// Copies of the state.
    pub fn backups_dir(&self) -> PathBuf {
        self.state_dir().join("backups")
    }

    /// The socket that a runner started from here answers on: in the user's runtime folder, or in
    /// the workspace when there is none.
    pub fn socket_path(&self) -> PathBuf {
        place::socket_path(&self.root, session_runtime_dir().as_deref())
    }

    /// Every socket that a runner of this workspace may answer on, likeliest first.
    pub fn socket_candidates(&self) -> Vec<PathBuf> {
        let uid = Some(rustix::process::getuid().as_raw());
        place::socket_candidates(&self.root, session_runtime_dir().as_deref(), uid)
    }
}

fn session_runtime_dir() -> Option<PathBuf> {
    runtime_dir(std::env::var_os("XDG_RUNTIME_DIR"))
}

/// The user's runtime folder, when the session has one: relative names do not count.
fn runtime_dir(variable: Option<OsString>) -> Option<PathBuf> {
    variable.map(PathBuf::from).filter(|folder| folder.is_absolute() && folder.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_found_from_a_folder_below_it_and_refused_without_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let named = Some(folder.path().to_owned());
        assert!(matches!(Workspace::find(named.clone()), Err(WorkspaceError::NoConfig(_))));
        std::fs::write(folder.path().join(CONFIG_FILE), "").unwrap();
        assert_eq!(Workspace::find(named).unwrap().root(), folder.path().canonicalize().unwrap());
    }

    #[test]
    fn two_workspaces_never_share_a_socket_and_one_always_has_the_same() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let socket = |folder: &Path| {
            place::socket_in(Path::new("/run"), Workspace::at(folder).unwrap().root())
        };
        assert_ne!(socket(one.path()), socket(other.path()));
        assert_eq!(socket(one.path()), socket(&one.path().join(".")));
    }

    #[test]
    fn a_runtime_folder_must_be_absolute_and_there() {
        assert_eq!(runtime_dir(None), None);
        assert_eq!(runtime_dir(Some("relative".into())), None);
        assert_eq!(runtime_dir(Some("/nowhere/at/all".into())), None);
        assert_eq!(runtime_dir(Some("/".into())), Some(PathBuf::from("/")));
    }
}
