//! Why an alert is where it is: its last episodes, and what comes next.

use super::{Explanation, story};
use crate::cli::failure::Failure;
use crate::cli::render::time;
use crate::cli::source::Source;
use crate::cli::words::alerts::concern;
use cappuccino_core::api::{AlertView, AlertsView, Status};

/// Lines of an alert's history that are shown.
const LINES_MAX: usize = 20;

/// The explanation of the alert `key`; none when nothing was ever heard of it.
pub(super) async fn explain(
    source: &mut Source,
    status: &Status,
    key: &str,
) -> Result<Option<Explanation>, Failure> {
    let view = AlertsView::of_status(status).alerts.into_iter().find(|alert| alert.key == key);
    let mut record = story(source, |note| note.about().alert == Some(key)).await?;
    if view.is_none() && record.is_empty() {
        return Ok(None);
    }
    let surplus = record.len().saturating_sub(LINES_MAX);
    record.drain(..surplus);
    let now = view.map_or_else(|| vec![format!("{key} is quiet")], |view| outlook(&view));
    Ok(Some(Explanation { record, now }))
}

fn outlook(alert: &AlertView) -> Vec<String> {
    let mut lines = vec![
        format!("{} is {} since {}", alert.key, alert.state, time(alert.since)),
        format!("{}; {}", alert.text, alert.remedy),
    ];
    lines.extend(concern(alert));
    let next = alert.next.map(|at| match alert.state.as_str() {
        "pending" => format!("it is told at {} unless it ends before", time(at)),
        "ending" => format!("it is over at {} unless it comes back before", time(at)),
        "resolved" => format!("it is forgotten at {}", time(at)),
        _ => format!("it is looked at again at {}", time(at)),
    });
    lines.extend(next);
    lines
}
