//! The runner's own restart: the program as it is on disk now takes over, and no process notices.
//!
//! A runner under a service manager ends and is started again by it. Any other becomes the new
//! program itself: same process id, same arguments, same environment.

use crate::config;
use crate::service::{RESTART_EXIT, manager};
use crate::workspace::Workspace;
use cappuccino_core::words::{Effect, Refusal};
use cappuccino_core::world::World;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// How long the new program may take to say its version.
const VERSION_PATIENCE: Duration = Duration::from_secs(10);
/// What the kernel appends to the name of a program whose file was replaced.
const REPLACED: &str = " (deleted)";

/// Who takes over.
#[derive(Clone, Debug)]
pub struct Successor {
    program: Option<PathBuf>,
    config_file: PathBuf,
}

impl Successor {
    /// The program in the place of this one.
    pub fn new(workspace: &Workspace) -> Self {
        Self { program: program().ok(), config_file: workspace.config_file() }
    }

    /// Whether this is a good moment, and the successor would come up.
    ///
    /// # Errors
    /// [`Refusal::UnderWay`], [`Refusal::NoSuccessor`].
    pub async fn can_take_over(&self, world: &World) -> Result<(), Refusal> {
        if let Some(what) = under_way(world) {
            return Err(Refusal::UnderWay(what));
        }
        let none = |why: String, remedy: &str| Refusal::NoSuccessor(why, remedy.to_owned());
        if let Err(error) = config::load(&self.config_file) {
            let remedy = "correct cappuccino.toml; `cappuccino check` shows the place";
            return Err(none("the configuration has a mistake".to_owned(), remedy))
                .inspect_err(|_refusal| tracing::warn!("{error}"));
        }
        let remedy = "install the program again, then ask again";
        let Some(program) = self.program.clone() else {
            return Err(none("this program's own file is not known".to_owned(), remedy));
        };
        let shown = program.display().to_string();
        let asked = tokio::task::spawn_blocking(move || runs(&program));
        match tokio::time::timeout(VERSION_PATIENCE, asked).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(why))) => Err(none(format!("{shown} {why}"), remedy)),
            Ok(Err(_)) | Err(_) => Err(none(format!("{shown} does not say its version"), remedy)),
        }
    }
}

/// What would have to begin anew, or would go on unwatched for a moment.
fn under_way(world: &World) -> Option<String> {
    if world.shutting_down {
        return Some("the runner is going down already".to_owned());
    }
    world.intents.values().find_map(|intent| match &intent.effect {
        Effect::Launch { process, .. } => Some(format!("{process} is being started")),
        Effect::Stop { process, .. } => Some(format!("{process} is being stopped")),
        Effect::Stage { revision, .. } => Some(format!("revision {revision} is being copied")),
        Effect::Validate { revision, .. } | Effect::Verify { revision, .. } => {
            Some(format!("revision {revision} is being checked"))
        }
        // Looking and waiting begin anew without loss.
        Effect::Probe { .. } | Effect::AwaitFiles { .. } | Effect::AwaitReady { .. } => None,
    })
}

fn runs(program: &Path) -> Result<(), String> {
    let mut version = Command::new(program);
    version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match version.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("does not run ({status})")),
        Err(error) => Err(format!("cannot be run: {error}")),
    }
}

/// The path of this program, whatever file is there now.
fn program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let text = path.to_string_lossy();
    Ok(text.strip_suffix(REPLACED).map_or_else(|| path.clone(), PathBuf::from))
}

/// Hands over; comes back with an exit code for the service manager, or because it failed.
///
/// # Errors
/// The new program could not be entered: the old one has ended already.
pub fn hand_over() -> io::Result<ExitCode> {
    if manager::is_managed() {
        return Ok(ExitCode::from(RESTART_EXIT));
    }
    let program = program()?;
    tracing::info!("handing over to {}", program.display());
    Err(Command::new(&program).args(std::env::args_os().skip(1)).exec())
}
