//! The unit file of a workspace's runner.

use crate::workspace::Workspace;
use cappuccino_core::api::place;
use std::path::{Path, PathBuf};

/// One workspace's unit.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its name: each workspace has its own.
    pub name: String,
    /// What its file says.
    pub text: String,
}

impl Unit {
    /// The unit that runs `program` for a workspace. `path` is where it looks for programs: the
    /// manager's own is short, and knows no Python environment.
    pub fn new(workspace: &Workspace, program: &Path, path: &str) -> Self {
        let root = workspace.root();
        let socket = place::socket_in(Path::new("/"), root);
        let hash = socket.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (program, folder) = (quoted(program), quoted(root));
        let log = workspace.logs_dir().join("runner.log");
        let text = format!(
            "# Written by `cappuccino service install`; `cappuccino service uninstall` removes it.\n\
             [Unit]\n\
             Description=Cappuccino in {description}\n\
             # It is started again however often it ends: it keeps processes alive.\n\
             StartLimitIntervalSec=0\n\
             \n\
             [Service]\n\
             Type=notify\n\
             NotifyAccess=main\n\
             ExecStart={program} --workspace {folder} run\n\
             Environment={environment}\n\
             Restart=always\n\
             RestartSec=100ms\n\
             # `cappuccino stop` ends it for good; after `restart --runner` it comes back.\n\
             RestartPreventExitStatus=0\n\
             SuccessExitStatus={restart}\n\
             # The processes live on when the runner does not; the next one takes them over.\n\
             KillMode=process\n\
             OOMPolicy=continue\n\
             TimeoutStartSec=120\n\
             TimeoutStopSec=180\n\
             WatchdogSec=30\n\
             WatchdogSignal=SIGKILL\n\
             StandardOutput=append:{log}\n\
             StandardError=inherit\n\
             \n\
             [Install]\n\
             WantedBy=default.target\n",
            description = plain(&root.display().to_string()),
            environment = quoted(Path::new(&format!("PATH={path}"))),
            restart = super::RESTART_EXIT,
            log = plain(&log.display().to_string()),
        );
        Self { name: format!("cappuccino-{hash}.service"), text }
    }

    /// Where the user's units are.
    pub fn folder(config_home: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
        let absolute = config_home.filter(|folder| folder.is_absolute());
        let config = absolute.or_else(|| home.map(|home| home.join(".config")))?;
        Some(config.join("systemd/user"))
    }
}

/// A word of a unit file as systemd reads it back: quoted, `%` and `$` not replaced.
fn quoted(word: &Path) -> String {
    let text = word.display().to_string();
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$");
    format!("\"{}\"", plain(&text))
}

/// A text in which nothing is replaced.
fn plain(text: &str) -> String {
    text.replace('%', "%%").replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_workspace_has_its_unit_and_strange_paths_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("my 100% \"lab\" $x");
        std::fs::create_dir(&odd).unwrap();
        let unit = |root: &Path| {
            let workspace = Workspace::at(root).unwrap();
            Unit::new(&workspace, Path::new("/opt/my bin/cappuccino"), "/a:/b")
        };
        let (one, other) = (unit(folder.path()), unit(&odd));
        assert_ne!(one.name, other.name);
        let start = "ExecStart=\"/opt/my bin/cappuccino\" --workspace \"";
        assert!(one.text.contains(start) && one.text.contains("Environment=\"PATH=/a:/b\""));
        assert!(other.text.contains("my 100%% \\\"lab\\\" $$x\" run"), "{}", other.text);
    }

    #[test]
    fn units_are_where_the_user_has_his_configuration() {
        let at = |config: Option<&str>, home: Option<&str>| {
            Unit::folder(config.map(PathBuf::from), home.map(PathBuf::from))
        };
        assert_eq!(at(Some("/c"), Some("/h")), Some("/c/systemd/user".into()));
        assert_eq!(at(Some("relative"), Some("/h")), Some("/h/.config/systemd/user".into()));
        assert_eq!(at(None, None), None);
    }
}
