//! The command line: one word, one answer, one exit code.

mod args;
pub mod connect;
pub mod failure;
pub mod hooks;
pub mod render;
mod source;
mod words;

use crate::boot::RunOptions;
use crate::demo;
use crate::demo::stage::DemoOptions;
use crate::trade;
use crate::workspace::Workspace;
use args::{Cli, Demo, Service, Word};
use cappuccino_core::api::CommandBody;
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;
use words::{
    alerts, asking, check, handover, import, keeping, lanes, legacy, lifecycle, logs, notify,
    reading, record, report, service, trading, validate, why,
};

/// Reads the command line, does what it says.
pub fn main() -> ExitCode {
    act(Cli::parse()).unwrap_or_else(|failure| failure.report())
}

fn act(cli: Cli) -> Result<ExitCode, Failure> {
    let at = || Workspace::find(cli.workspace.clone());
    match cli.word {
        Word::Demo(demo) => return hooks::demo(&demo.into()),
        Word::Run { once, no_auto_deploy } => {
            return hooks::run(&at()?, RunOptions { once, no_auto_deploy });
        }
        Word::Validate(asked) => return validate::validate(at().ok().as_ref(), &asked),
        Word::DemoWorker(args) => demo::worker::run(&args).map_err(|error| told(&error))?,
        Word::Trade(args) => trade::run(&args).map_err(|error| untraded(&error))?,
        Word::Lanes { session: Some(session), format } => lanes::of(&session, format)?,
        Word::Lanes { session: None, format } => lanes::present(&at()?, format)?,
        Word::Init { dir, force } => lifecycle::init(dir.or(cli.workspace), force)?,
        Word::Start => lifecycle::start(&at()?)?,
        Word::Stop { keep_processes, timeout } => lifecycle::stop(&at()?, keep_processes, timeout)?,
        Word::Status { watch, format } => reading::status(&at()?, watch, format)?,
        Word::Processes { format } => reading::processes(&at()?, format)?,
        Word::Trials { number: Some(number), format, .. } => {
            reading::trial(&at()?, number, format)?;
        }
        Word::Trials { number: None, best, limit, format } => {
            reading::trials(&at()?, best, limit, format)?;
        }
        Word::Trades { revision, limit, format } => {
            trading::trades(&at()?, revision, limit, format)?;
        }
        Word::Pnl { format } => trading::pnl(&at()?, format)?,
        Word::Watch { format } => record::watch(&at()?, format)?,
        Word::History { limit, follow, format } => record::history(&at()?, limit, follow, format)?,
        Word::Export { legacy: Some(folder), .. } => legacy::export(&at()?, &folder)?,
        Word::Export { file, legacy: None } => record::export(&at()?, file.as_deref())?,
        Word::Import { dir, dry_run, format } => import::import(&at()?, &dir, dry_run, format)?,
        Word::Alerts { all, format } => alerts::list(&at()?, all, format)?,
        Word::Ack { key, why, format } => {
            alerts::acknowledge(&at()?, key, why.reason, format)?;
        }
        Word::Unack { key, format } => alerts::unacknowledge(&at()?, key, format)?,
        Word::Silence(silence) => alerts::silence(&at()?, silence)?,
        Word::Silences { format } => alerts::silences(&at()?, format)?,
        Word::Unsilence { id, format } => alerts::unsilence(&at()?, id, format)?,
        Word::Report(asked) => report::report(&at()?, &asked)?,
        Word::Why { about, format } => why::why(&at()?, about.as_deref(), format)?,
        Word::Logs { name, follow, lines } => logs::logs(&at()?, &name, follow, lines)?,
        Word::Deploy { trial, why, format } => asking::deploy(&at()?, trial, why.reason, format)?,
        Word::Rollback(rollback) => asking::rollback(&at()?, rollback)?,
        Word::Hold { trial, why, format } => asking::hold(&at()?, trial, why.reason, format)?,
        Word::Unhold { trial, format } => asking::unhold(&at()?, trial, format)?,
        Word::Approve { format } => asking::seen(&at()?, CommandBody::Approve, format)?,
        Word::Reject { why: args::Why { reason }, format } => {
            asking::seen(&at()?, CommandBody::Reject { reason }, format)?;
        }
        Word::Pause { pin, why: args::Why { reason }, format } => {
            asking::seen(&at()?, CommandBody::Pause { pin, reason }, format)?;
        }
        Word::Resume { format } => asking::seen(&at()?, CommandBody::Resume, format)?,
        Word::Restart { name: Some(name), format, .. } => asking::restart(&at()?, &name, format)?,
        Word::Restart { name: None, format, .. } => handover::restart_runner(&at()?, format)?,
        Word::Service { what: Service::Install } => service::install(&at()?)?,
        Word::Service { what: Service::Uninstall } => service::uninstall(&at()?)?,
        Word::Service { what: Service::Status { format } } => service::status(&at()?, format)?,
        Word::Reset { name, format } => asking::reset(&at()?, &name, format)?,
        Word::Notifications { format } => notify::channels(&at()?, format)?,
        Word::NotifyTest { channel, format } => notify::test(&at()?, channel.as_deref(), format)?,
        Word::Check { format } => check::check(&at()?, format)?,
        Word::Backup { format } => keeping::backup(&at()?, format)?,
        Word::Restore { file } => keeping::restore(&at()?, &file)?,
        Word::Completions { shell } => lifecycle::completions(shell)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Why the trader ended, with its exit code.
fn untraded(error: &trade::TradeError) -> Failure {
    let exit = if error.is_usage() { failure::Exit::Usage } else { failure::Exit::Failed };
    Failure::told(exit, error)
}

/// A failure of one of the demonstration's programs, with its own exit code.
fn told(error: &demo::error::DemoError) -> Failure {
    let exit = if error.exit_code() == 2 { failure::Exit::Usage } else { failure::Exit::Failed };
    Failure::told(exit, error)
}

impl From<Demo> for DemoOptions {
    fn from(demo: Demo) -> Self {
        let Demo { folder, seconds, speed, seed } = demo;
        Self { folder, seconds, speed, seed }
    }
}
