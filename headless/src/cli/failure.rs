//! Why a word did not do its work: what, why and the remedy, and the exit code that goes with it.

use crate::keeper::KeeperError;
use crate::serve::socket::SocketError;
use crate::workspace::{Workspace, WorkspaceError};
use cappuccino_core::client::ClientError;
use cappuccino_core::store::StoreError;
use std::fmt::Display;
use std::io;
use std::process::ExitCode;

/// What scripts see of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did not work.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// No runner is up.
    NoRunner,
    /// The runner declined; nothing changed.
    Refused,
    /// Whoever read our output stopped reading (`cappuccino history | head`): no failure at all.
    ReaderLeft,
}

/// A word that did not do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What scripts see.
    pub exit: Exit,
    /// What happened and why.
    pub error: String,
    /// What helps.
    pub help: Option<String>,
}

impl Failure {
    /// A failure with a text as the house writes them: "what, why; remedy".
    pub fn told(exit: Exit, text: &impl Display) -> Self {
        let text = text.to_string();
        match text.rsplit_once("; ") {
            Some((error, help)) => {
                Self { exit, error: error.to_owned(), help: Some(help.to_owned()) }
            }
            None => Self { exit, error: text, help: None },
        }
    }

    /// It did not work; what and why, and the remedy.
    pub fn new(error: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, error: error.into(), help: Some(help.into()) }
    }

    /// The command line makes no sense; what and why, and the remedy.
    pub fn usage(error: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(error, help) }
    }

    /// Nobody answers for this workspace.
    pub fn no_runner(workspace: &Workspace) -> Self {
        let error = format!("no runner is up for this workspace ({})", workspace.root().display());
        Self { exit: Exit::NoRunner, ..Self::new(error, "start it with `cappuccino start`") }
    }

    /// Says it on stderr; the code for the system.
    pub fn report(&self) -> ExitCode {
        if self.exit != Exit::ReaderLeft {
            eprintln!("error: {}", self.error);
            if let Some(help) = &self.help {
                eprintln!("help: {help}");
            }
        }
        ExitCode::from(match self.exit {
            Exit::ReaderLeft => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NoRunner => 3,
            Exit::Refused => 4,
        })
    }
}

impl From<WorkspaceError> for Failure {
    fn from(error: WorkspaceError) -> Self {
        Self::told(Exit::Failed, &error)
    }
}

impl From<SocketError> for Failure {
    fn from(error: SocketError) -> Self {
        Self::told(Exit::Failed, &error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::told(Exit::Failed, &error)
    }
}

impl From<KeeperError> for Failure {
    fn from(error: KeeperError) -> Self {
        Self::told(Exit::Failed, &error)
    }
}

impl From<ClientError> for Failure {
    /// Only a decision of the runner is a refusal; what is busy, unknown or malformed failed.
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Refused { code: 409 | 422, .. } => Exit::Refused,
            ClientError::Refused { .. }
            | ClientError::Broken(_)
            | ClientError::Unreadable { .. } => Exit::Failed,
        };
        Self::told(exit, &error)
    }
}

impl From<io::Error> for Failure {
    /// Writing our own output failed.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { exit: Exit::ReaderLeft, error: String::new(), help: None };
        }
        Self::new(format!("the output could not be written: {error}"), "check where it goes to")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_is_what_follows_the_last_semicolon() {
        let failure = Failure::told(Exit::Failed, &"it broke (a; b); try again");
        assert_eq!(failure.error, "it broke (a; b)");
        assert_eq!(failure.help.as_deref(), Some("try again"));
    }
}
