//! Why a process is where it is: its last lives, and what comes next.

use super::{Explanation, story};
use crate::cli::failure::Failure;
use crate::cli::render::time;
use crate::cli::source::Source;
use cappuccino_core::api::{ProcessView, Status};

/// Lines of a process's history that are shown.
const LINES_MAX: usize = 20;

pub(super) async fn explain(
    source: &mut Source,
    status: &Status,
    name: &str,
) -> Result<Explanation, Failure> {
    let view = status.processes.iter().find(|process| process.name.as_str() == name);
    let view = view.ok_or_else(|| unknown(status, name))?;
    let mut record = story(source, |note| note.about().concerns(&view.name)).await?;
    let surplus = record.len().saturating_sub(LINES_MAX);
    record.drain(..surplus);
    let mut now = vec![outlook(view), restarts(view)];
    now.extend(view.last_exit.as_ref().map(|exit| format!("its last life ended with {exit}")));
    now.extend(view.signs.iter().cloned());
    let prefix = format!("process/{}/", view.name);
    let alerts = status.alerts.iter().filter(|alert| {
        alert.key.starts_with(&prefix) || (view.role == "worker" && alert.key == "workers/failing")
    });
    now.extend(alerts.map(|alert| format!("{}; {}", alert.text, alert.remedy)));
    Ok(Explanation { record, now })
}

/// How much of its budget is spent.
fn restarts(view: &ProcessView) -> String {
    format!(
        "restarts: {} of {} within {}; {} lives so far, {} ended by themselves",
        view.failures, view.budget, view.window, view.starts, view.failures_total
    )
}

/// Where a process is and what comes next.
pub(super) fn outlook(process: &ProcessView) -> String {
    let since = process.since.map_or_else(String::new, |at| format!(" since {}", time(at)));
    let next = if process.next.is_empty() { String::new() } else { format!(", {}", process.next) };
    format!("{}: {}{since}{next}", process.name, process.phase)
}

fn unknown(status: &Status, name: &str) -> Failure {
    let names: Vec<&str> = status.processes.iter().map(|process| process.name.as_str()).collect();
    Failure::usage(
        format!("`{name}` is neither the number of a trial nor a process"),
        format!("the processes are: {}", names.join(", ")),
    )
}
