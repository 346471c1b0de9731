//! From a configured command to what is started: placeholders, environment, files.

use super::shelf::Shelf;
use crate::config::Config;
use crate::host::LaunchSpec;
use crate::trade::args::LANES_VARIABLE;
use crate::workspace::Workspace;
use cappuccino_core::words::{Generation, ProcessName, Revision, Span};
use std::path::Path;

/// What `{…}` stands for in a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Placeholders(Vec<(&'static str, String)>);

impl Placeholders {
    /// The placeholders for a trader that runs `revision`.
    fn of(
        workspace: &Workspace,
        name: &ProcessName,
        revision: &Revision,
        session_csv: &Path,
    ) -> Result<Self, String> {
        let content = revision
            .content
            .ok_or_else(|| format!("revision {} has no files in the model store", revision.id))?;
        // Whoever changed the files since the cutover gets no start: it fails, is counted, and
        // leads back to a model that is intact.
        let shelf = Shelf::new(workspace.models_dir());
        shelf.verify(content, revision).map_err(|error| error.to_string())?;
        let model_dir = shelf.folder(content);
        Ok(Self(vec![
            ("{model_dir}", model_dir.display().to_string()),
            ("{trial}", revision.candidate.trial_id.to_string()),
            ("{number}", revision.candidate.number.to_string()),
            ("{session_csv}", session_csv.display().to_string()),
            ("{log}", workspace.log_file(name).display().to_string()),
        ]))
    }

    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

/// What to start for `name`.
///
/// # Errors
/// A sentence: the process is not configured, or its model is not there.
pub fn launch_spec(
    config: &Config,
    workspace: &Workspace,
    name: &ProcessName,
    generation: Generation,
    revision: Option<&Revision>,
) -> Result<LaunchSpec, String> {
    let command = config
        .commands
        .get(name)
        .ok_or_else(|| format!("process `{name}` is not in cappuccino.toml any more"))?;
    let mut placeholders = match revision.zip(config.session_csv.as_ref()) {
        Some((revision, path)) => {
            let session_csv = path.of(revision.id);
            make_folder_of(&session_csv)?;
            Placeholders::of(workspace, name, revision, &session_csv)?
        }
        None => Placeholders::default(),
    };
    placeholders.0.push(("{instance}", command.instance.to_string()));
    let mut environment: Vec<(String, String)> =
        command.environment.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    environment.push(("CAPPUCCINO_PROCESS".into(), name.to_string()));
    environment.push(("CAPPUCCINO_INSTANCE".into(), command.instance.to_string()));
    if let Some(revision) = revision {
        environment.push(("CAPPUCCINO_REVISION".into(), revision.id.to_string()));
        let lanes = workspace.lanes_file().display().to_string();
        environment.push((LANES_VARIABLE.into(), lanes));
    }
    Ok(LaunchSpec {
        name: name.clone(),
        generation,
        command: command.command.iter().map(|word| placeholders.fill(word)).collect(),
        directory: command.directory.clone(),
        environment,
        log_file: workspace.log_file(name),
        stop_signal: command.stop_signal,
        stop_grace: config
            .policy
            .processes
            .get(name)
            .map_or(Span::seconds(30), |policy| policy.stop_grace),
    })
}

fn make_folder_of(file: &Path) -> Result<(), String> {
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))
}
