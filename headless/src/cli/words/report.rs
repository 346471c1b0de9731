//! `report`: what happened lately, as text, JSON, one HTML page, pictures.

use crate::cli::args::Report as Asked;
use crate::cli::connect::{block_on, connect, within};
use crate::cli::failure::{Exit, Failure};
use crate::cli::render::{say, say_json, say_lines};
use crate::report::chart::{Picture, pictures};
use crate::report::{Report, html, text};
use crate::workspace::Workspace;
use std::path::Path;
use std::time::Duration;

/// How long the runner may take for all questions together.
const PATIENCE: Duration = Duration::from_mins(1);

pub(in crate::cli) fn report(workspace: &Workspace, asked: &Asked) -> Result<(), Failure> {
    let report = block_on(async {
        let mut client = connect(workspace).await?;
        within(PATIENCE, Report::gather(&mut client, asked.since)).await
    })?;
    let is_drawn = asked.html.is_some() || asked.svg.is_some();
    let drawn = if is_drawn { draw(&report)? } else { Vec::new() };
    if let Some(file) = &asked.html {
        write(file, &html::page(&report, &drawn))?;
    }
    if let Some(folder) = &asked.svg {
        write_pictures(folder, &drawn)?;
    }
    if asked.format.json {
        return say_json(&report);
    }
    if is_drawn { Ok(()) } else { say_lines(&text::lines(&report)) }
}

fn draw(report: &Report) -> Result<Vec<Picture>, Failure> {
    pictures(report).map_err(|why| Failure::new(why, "please report this with the report's --json"))
}

fn write_pictures(folder: &Path, pictures: &[Picture]) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    if pictures.is_empty() {
        return say("nothing was measured in this time, so there is no picture");
    }
    pictures
        .iter()
        .try_for_each(|Picture { name, svg }| write(&folder.join(format!("{name}.svg")), svg))
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|error| unwritten(file, &error))?;
    eprintln!("written: {}", file.display());
    Ok(())
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure {
        exit: Exit::Failed,
        error: format!("{} cannot be written: {error}", path.display()),
        help: Some("check the folder's rights and the disk's space".to_owned()),
    }
}
