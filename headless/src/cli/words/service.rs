//! The runner as a service of the user's systemd: `service install`, `uninstall`, `status`.

use crate::cli::args::Format;
use crate::cli::connect::{block_on, try_connect};
use crate::cli::failure::{Exit, Failure};
use crate::cli::hooks::read_config;
use crate::cli::render::{say, say_json, say_lines};
use crate::service::systemctl::{asked, systemctl};
use crate::service::unit::Unit;
use crate::workspace::Workspace;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Where systemd keeps the names of users whose services run without a login.
const LINGER: &str = "/var/lib/systemd/linger";

/// What `service status` tells.
#[derive(Debug, Serialize)]
struct ServiceView {
    unit: String,
    file: PathBuf,
    installed: bool,
    /// Whether the file is what `service install` would write now.
    current: bool,
    /// `enabled`, `disabled`, …: whether it starts with the session.
    enabled: String,
    /// `active`, `inactive`, `failed`, …
    active: String,
    /// Whether it runs without a login.
    linger: bool,
}

pub(in crate::cli) fn install(workspace: &Workspace) -> Result<(), Failure> {
    read_config(workspace)?;
    let (unit, file) = wanted(workspace)?;
    write(&file, &unit.text)?;
    let is_up = block_on(try_connect(workspace))?.is_some();
    manage(&["daemon-reload"]).inspect_err(|_no_manager| {
        // Without a manager the file would only lie there.
        drop(fs::remove_file(&file));
    })?;
    manage(&["enable", &unit.name])?;
    say(&format!("{} is installed and starts with your session", unit.name))?;
    if !has_linger() {
        say("to have it run without a login, from boot on: loginctl enable-linger")?;
    }
    if is_up && asked(&["is-active", &unit.name]).is_ok_and(|state| state != "active") {
        return say(&format!(
            "a runner is up that was started by hand; to hand over to the service: \
             cappuccino stop --keep-processes && systemctl --user start {}",
            unit.name
        ));
    }
    manage(&["start", &unit.name])?;
    say("the runner is up; see `cappuccino status`")
}

pub(in crate::cli) fn uninstall(workspace: &Workspace) -> Result<(), Failure> {
    let (unit, file) = wanted(workspace)?;
    if !file.exists() {
        return say("no service is installed for this workspace");
    }
    manage(&["disable", &unit.name])?;
    fs::remove_file(&file).map_err(|error| unwritable(&file, &error))?;
    manage(&["daemon-reload"])?;
    say(&format!("{} is gone; a runner that is up stays until `cappuccino stop`", unit.name))
}

pub(in crate::cli) fn status(workspace: &Workspace, format: Format) -> Result<(), Failure> {
    let (unit, file) = wanted(workspace)?;
    let text = fs::read_to_string(&file).ok();
    let told = |words: &[&str]| asked(words).map_err(|error| Failure::told(Exit::Failed, &error));
    let view = ServiceView {
        installed: text.is_some(),
        current: text.as_ref() == Some(&unit.text),
        enabled: told(&["is-enabled", &unit.name])?,
        active: told(&["is-active", &unit.name])?,
        linger: has_linger(),
        unit: unit.name,
        file,
    };
    if format.json {
        return say_json(&view);
    }
    say_lines(&picture(&view))
}

fn picture(view: &ServiceView) -> Vec<String> {
    if !view.installed {
        return vec!["not installed; `cappuccino service install` does it".to_owned()];
    }
    let mut lines = vec![
        format!("{}: {}, {}", view.unit, view.active, view.enabled),
        format!("  {}", view.file.display()),
    ];
    if !view.current {
        lines.push(
            "  it was written for another program or PATH; `cappuccino service install` renews it"
                .to_owned(),
        );
    }
    if !view.linger {
        lines.push(
            "  it ends with your session; `loginctl enable-linger` lets it run on".to_owned(),
        );
    }
    lines
}

/// The unit for this program, and where its file belongs.
fn wanted(workspace: &Workspace) -> Result<(Unit, PathBuf), Failure> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(format!("this program's own file is not known: {error}"), "is /proc mounted?")
    })?;
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let folder = Unit::folder(variable("XDG_CONFIG_HOME"), variable("HOME")).ok_or_else(|| {
        Failure::new("there is no home folder for the unit", "set HOME or XDG_CONFIG_HOME")
    })?;
    let path = std::env::var("PATH").unwrap_or_default();
    let unit = Unit::new(workspace, &program, &path);
    let file = folder.join(&unit.name);
    Ok((unit, file))
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(file, text));
    written.map_err(|error| unwritable(file, &error))
}

fn manage(words: &[&str]) -> Result<(), Failure> {
    systemctl(words).map_err(|error| Failure::told(Exit::Failed, &error))
}

fn has_linger() -> bool {
    let user = std::env::var_os("USER").or_else(|| std::env::var_os("LOGNAME"));
    user.is_some_and(|user| Path::new(LINGER).join(user).exists())
}

fn unwritable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("{} cannot be written: {error}", file.display()),
        "check the rights of its folder",
    )
}
