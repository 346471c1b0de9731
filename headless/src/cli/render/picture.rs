//! The whole picture on one page: `status` and `processes`.

use super::table::Table;
use super::{Screen, Tone, clean, number, time, trading, value};
use crate::cli::words::alerts;
use cappuccino_core::api::{
    AlertView, DeploymentView, ProcessView, RevisionView, Status, StudyView, TrialView,
};

/// What a person sees at a glance. `alive` says whether a runner vouches for it now.
pub(in crate::cli) fn page(screen: Screen, status: &Status, alive: bool) -> Vec<String> {
    let mut page = vec![runner(screen, status, alive)];
    if alive {
        page.extend(study(screen, &status.study));
    }
    page.extend(deployment(screen, &status.deployment));
    page.extend(pnl(screen, status));
    page.extend(attention(screen, status));
    if !status.processes.is_empty() {
        page.push(String::new());
        page.extend(processes(screen, &status.processes));
    }
    page
}

/// A table of processes.
pub(in crate::cli) fn processes(screen: Screen, processes: &[ProcessView]) -> Vec<String> {
    let heading = ["PROCESS", "ROLE", "PHASE", "PID", "SINCE", "FAILURES", "STARTS", "NOTE"];
    let mut table = Table::new(heading);
    for process in processes {
        let dash = || "-".to_owned();
        table.row([
            (Tone::Strong, process.name.to_string()),
            (Tone::Plain, process.role.clone()),
            (tone(&process.phase), process.phase.clone()),
            (Tone::Plain, process.pid.map_or_else(dash, |pid| pid.to_string())),
            (Tone::Plain, process.since.map_or_else(dash, time)),
            (Tone::Plain, format!("{} of {}", process.failures, process.budget)),
            (Tone::Plain, process.starts.to_string()),
            (Tone::Faint, remark(process)),
        ]);
    }
    table.lines(screen)
}

/// A model in a few words.
pub(in crate::cli) fn model(revision: &RevisionView) -> String {
    format!("revision {} (trial {} = {})", revision.id, revision.trial, number(revision.value))
}

fn runner(screen: Screen, status: &Status, alive: bool) -> String {
    if !alive {
        return field(screen, "runner", "not up; this is what it left", Tone::Bad);
    }
    if status.shutting_down {
        return field(screen, "runner", "going down", Tone::Busy);
    }
    field(screen, "runner", &format!("up since {}", time(status.runner_since)), Tone::Good)
}

fn study(screen: Screen, study: &StudyView) -> Vec<String> {
    let name = study.name.as_deref().unwrap_or("(no name)");
    let tone = if study.state == "following" { Tone::Good } else { Tone::Bad };
    let direction = study.direction.map_or_else(String::new, |way| format!(", {way}"));
    let counts = study.counts;
    let mut lines = vec![
        field(screen, "study", &format!("{} {name}{direction}", study.state), tone),
        indented(&study.database),
        indented(&format!(
            "{} complete, {} running{}, {} waiting, {} pruned, {} failed; {} finished in the last hour",
            counts.complete,
            counts.running,
            abandoned(study),
            counts.waiting,
            counts.pruned,
            counts.failed,
            study.finished_last_hour
        )),
    ];
    let best = |title: &str, trial: &TrialView| {
        indented(&format!("{title} trial {} = {}", trial.number, value(trial.value.as_ref())))
    };
    lines.extend(study.best.as_ref().map(|trial| best("best", trial)));
    let other = study
        .best_deployable
        .as_ref()
        .filter(|trial| study.best.as_ref().is_none_or(|best| best.trial_id != trial.trial_id));
    lines.extend(other.map(|trial| best("best that may be deployed:", trial)));
    lines
}

/// How many of the running trials nobody works on.
fn abandoned(study: &StudyView) -> String {
    match study.zombies.len() {
        0 => String::new(),
        count => format!(" ({count} of them abandoned)"),
    }
}

fn deployment(screen: Screen, view: &DeploymentView) -> Vec<String> {
    let summary = format!("{}; {} (generation {})", view.phase, view.mode, view.generation);
    let tone = match view.phase.as_str() {
        "live" => Tone::Good,
        "halting" | "halted" => Tone::Bad,
        _ => Tone::Busy,
    };
    let mut lines = vec![field(screen, "deployment", &summary, tone)];
    let live = view
        .live
        .as_ref()
        .map(|revision| format!("live {}: {}", model(revision), revision.standing));
    lines.push(indented(&live.unwrap_or_else(|| "no model is live".to_owned())));
    let deadline = view.deadline.map_or_else(String::new, |at| format!(", until {}", time(at)));
    if let Some(next) = &view.next {
        lines.push(indented(&format!("next {}: {}{deadline}", model(next), view.phase)));
    } else if !deadline.is_empty() {
        lines.push(indented(&format!("{}{deadline}", view.phase)));
    }
    lines.extend(view.halted.as_ref().map(|why| indented(&format!("halted: {why}"))));
    lines.extend(
        view.declined.as_ref().map(|why| indented(&format!("best trial not deployed: {why}"))),
    );
    lines.extend(
        view.rollback_target
            .as_ref()
            .map(|target| indented(&format!("a rollback goes to {}", model(target)))),
    );
    lines.extend(
        view.holds
            .iter()
            .map(|hold| indented(&format!("held back: trial {} ({})", hold.number, hold.reason))),
    );
    lines
}

fn pnl(screen: Screen, status: &Status) -> Vec<String> {
    let Some(view) = &status.pnl else { return Vec::new() };
    let (tone, headline, more) = trading::picture(view);
    let mut lines = vec![field(screen, "trading", &headline, tone)];
    lines.extend(more.iter().map(|line| indented(line)));
    lines
}

fn attention(screen: Screen, status: &Status) -> Vec<String> {
    if status.alerts.is_empty() {
        return vec![field(screen, "alerts", "none", Tone::Good)];
    }
    let lines = |alert: &AlertView| {
        let text = format!("{} (since {})", alert.text, time(alert.since));
        let mut lines = vec![field(screen, "alert", &text, Tone::Bad), indented(&alert.remedy)];
        lines.extend(alerts::concern(alert).map(|text| indented(&text)));
        lines
    };
    status.alerts.iter().flat_map(lines).collect()
}

fn remark(process: &ProcessView) -> String {
    let exit = process.last_exit.as_ref().map(|exit| format!("last: {exit}"));
    let next = Some(process.next.clone()).filter(|next| !next.is_empty());
    let signs = process.signs.iter().cloned();
    next.into_iter().chain(exit).chain(signs).collect::<Vec<_>>().join("; ")
}

fn tone(phase: &str) -> Tone {
    match phase {
        "ready" | "done" => Tone::Good,
        "backoff" | "cooldown" | "unknown" => Tone::Bad,
        "stopped" => Tone::Faint,
        _ => Tone::Busy,
    }
}

fn field(screen: Screen, name: &str, text: &str, tone: Tone) -> String {
    format!("{} {}", screen.paint(Tone::Faint, &format!("{name:<11}")), screen.paint(tone, text))
}

fn indented(text: &str) -> String {
    format!("{:<11} {}", "", clean(text))
}
