//! What the configuration speaks of and this machine does not have: the study, programs, scripts,
//! folders. Some of it may still come; the rest will never work.

use crate::clock::Clock;
use crate::config::{CommandConfig, Config};
use crate::observe::study::reader::{Poll, StudyReader};
use cappuccino_core::words::ProcessName;
use rustix::fs::{Access, access};
use std::path::{Path, PathBuf};

/// Something that is not as the configuration has it.
pub(super) struct Lack {
    /// What speaks of it.
    pub(super) place: String,
    /// A sentence with the remedy.
    pub(super) problem: String,
    /// Whether it may come by itself, so that nothing is wrong yet.
    pub(super) is_awaited: bool,
}

impl Lack {
    fn wrong(place: &str, problem: String) -> Self {
        Self { place: place.to_owned(), problem, is_awaited: false }
    }

    fn awaited(place: &str, problem: String) -> Self {
        Self { is_awaited: true, ..Self::wrong(place, problem) }
    }
}

/// Everything that lacks.
pub(super) fn look(config: &Config) -> Vec<Lack> {
    let programs = config.commands.iter().filter_map(|(name, command)| program(name, command));
    let scripts = config.commands.iter().flat_map(|(name, command)| scripts(name, command));
    study(config).into_iter().chain(programs).chain(scripts).collect()
}

fn study(config: &Config) -> Option<Lack> {
    let source = config.study.source();
    let look = Clock::new().map_err(|error| error.to_string()).and_then(|clock| {
        let mut reader = StudyReader::new(source.clone());
        reader.poll(clock.now()).map_err(|error| error.to_string())
    });
    match look {
        Ok(Poll::Missing) => Some(Lack::awaited("study", source.missing())),
        Ok(Poll::StudyAbsent(names)) if names.is_empty() => {
            Some(Lack::awaited("study", source.absent(&names)))
        }
        Ok(Poll::StudyAbsent(names)) => Some(Lack::wrong("study", source.absent(&names))),
        Ok(Poll::Unchanged | Poll::Busy | Poll::Initialising | Poll::Changed(_)) => None,
        Err(why) => Some(Lack::wrong("study", why)),
    }
}

/// Why a process could not even be started.
fn program(name: &ProcessName, command: &CommandConfig) -> Option<Lack> {
    let directory = &command.directory;
    if !directory.is_dir() {
        let problem = format!(
            "its folder {} is not there; make it, or correct `directory` in cappuccino.toml",
            directory.display()
        );
        return Some(Lack::wrong(name.as_str(), problem));
    }
    let program = command.command.first()?;
    let is_there = if program.contains('/') {
        may_be_run(&directory.join(program))
    } else {
        search_path(command).iter().any(|folder| may_be_run(&folder.join(program)))
    };
    (!is_there).then(|| {
        let problem = format!(
            "`{program}` is no program that can be run; write its full path in cappuccino.toml, \
             put it on PATH, or make it executable (chmod +x)"
        );
        Lack::wrong(name.as_str(), problem)
    })
}

/// Folders in which the process's program is looked for.
fn search_path(command: &CommandConfig) -> Vec<PathBuf> {
    let own = command.environment.get("PATH").map(Into::into);
    let path = own.or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    std::env::split_paths(&path).collect()
}

fn may_be_run(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// Scripts among the arguments that are not in the process's folder. It may be meant otherwise, so
/// nothing is wrong for certain.
fn scripts(name: &ProcessName, command: &CommandConfig) -> Vec<Lack> {
    let is_script = |text: &str| {
        let suffix = Path::new(text).extension().and_then(|suffix| suffix.to_str());
        matches!(suffix, Some("py" | "sh")) && !text.contains('{')
    };
    let arguments = command.command.iter().skip(1).filter(|text| is_script(text));
    let missing = arguments.filter(|text| !command.directory.join(text).exists());
    let folder = command.directory.display();
    missing
        .map(|text| {
            let problem = format!("{text} is not in {folder}; correct its command or `directory`");
            Lack::awaited(name.as_str(), problem)
        })
        .collect()
}
