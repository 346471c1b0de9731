//! The whole demonstration: makes the workspace, runs the runner in the foreground, tells what
//! happens.

use super::error::DemoError;
use super::{narrator, setup};
use crate::boot::{self, BootError, RunOptions};
use crate::runner::Ending;
use crate::workspace::{Workspace, WorkspaceError};
use std::path::PathBuf;

/// How the demonstration is wanted.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// Where; a new folder under the temporary one when not given.
    pub folder: Option<PathBuf>,
    /// How long, in seconds; until Ctrl-C when not given.
    pub seconds: Option<u64>,
    /// How fast trials and bars come: 1 is one bar and about one trial a second. Above it only
    /// trials come faster.
    pub speed: f64,
    /// Seed of candles and training: the same seed gives the same data.
    pub seed: u64,
}

/// Why there is no demonstration.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Its folder cannot be prepared.
    #[error(
        "cannot prepare the demonstration in {folder}: {source}; name another: \
         `cappuccino demo FOLDER`"
    )]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its study cannot be made.
    #[error(transparent)]
    Study(#[from] DemoError),
    /// The folder is no workspace after all.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The runner does not come up.
    #[error(transparent)]
    Boot(#[from] BootError),
}

/// Runs the demonstration until its time is over or it is interrupted.
///
/// # Errors
/// [`StageError`], before anything was started.
pub fn run(options: &DemoOptions) -> Result<Ending, StageError> {
    let folder = setup::prepare(options)?;
    let workspace = Workspace::at(&folder)?;
    println!("{}", setup::introduction(&workspace));
    let narrator = narrator::start(workspace.clone(), options.clone());
    let ending = boot::run(&workspace, RunOptions::default())?;
    narrator.finish();
    println!("{}", setup::farewell(&workspace));
    Ok(ending)
}
