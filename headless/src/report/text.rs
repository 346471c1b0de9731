//! The report as text, in the order of the monitor that was here before: best trial, counts,
//! recent completions, graphics cards, paper trading; then deployments, alerts, processes.

use super::Report;
use crate::cli::render::{money, percent, sentence_line, time, value};
use cappuccino_core::api::{GpuView, PnlView, ProcessView, TrialView};
use cappuccino_core::store::Entry;

/// A heading and its lines.
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// Its lines; never empty.
    pub lines: Vec<String>,
}

/// Every section, in order.
pub fn sections(report: &Report) -> Vec<Section> {
    let status = &report.status;
    let section = |title, lines: Vec<String>, otherwise: &str| {
        let lines = if lines.is_empty() { vec![otherwise.to_owned()] } else { lines };
        Section { title, lines }
    };
    let trials = |list: &[TrialView]| list.iter().map(trial).collect::<Vec<_>>();
    let entries = |list: &[Entry]| list.iter().map(entry).collect::<Vec<_>>();
    let gpus = status.machine.as_ref().map(|machine| machine.gpus.as_slice()).unwrap_or_default();
    let mut alerts: Vec<String> = report.open_alerts().iter().map(open).collect();
    alerts.extend(entries(&report.alerts));
    let mut processes: Vec<String> = status.processes.iter().map(process).collect();
    processes.extend(entries(&report.failures));
    vec![
        section("Best trials", trials(&report.best), "no trial has finished yet"),
        section("Study", counts(report), ""),
        section("Newest trials", trials(&report.recent), "there is no trial yet"),
        section("Graphics cards", gpus.iter().map(gpu).collect(), "none is seen"),
        section("Paper trading", sessions(&report.sessions), "no session is known yet"),
        section("Deployments", deployments(report), "nothing changed"),
        section("Alerts", alerts, "none"),
        section("Processes", processes, "none is configured"),
        section("Bests and trades", entries(&report.events), "none"),
    ]
}

/// The head line: which stretch, which study.
pub fn title(report: &Report) -> String {
    let study = report.status.study.name.as_deref().unwrap_or("no study");
    format!("{study}, {} to {}", time(report.from), time(report.to))
}

/// The whole report.
pub fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![title(report)];
    for Section { title, lines: own } in sections(report) {
        lines.push(String::new());
        lines.push(title.to_owned());
        lines.extend(own.into_iter().map(|line| format!("  {line}")));
    }
    lines
}

fn trial(view: &TrialView) -> String {
    let finished = view.completed.map_or_else(String::new, |at| format!(", {}", time(at)));
    let value = value(view.value.as_ref());
    format!("trial {} = {value}, {}{finished}", view.number, view.state)
}

fn counts(report: &Report) -> Vec<String> {
    let study = &report.status.study;
    let counts = study.counts;
    vec![format!(
        "{} complete, {} running, {} waiting, {} pruned, {} failed; {} finished in the last hour",
        counts.complete,
        counts.running,
        counts.waiting,
        counts.pruned,
        counts.failed,
        study.finished_last_hour
    )]
}

fn gpu(view: &GpuView) -> String {
    let figure = |figure: Option<f64>, unit: &str| {
        figure.map_or_else(|| format!("- {unit}"), |figure| format!("{figure:.0} {unit}"))
    };
    format!(
        "{} {}: {}, used {}, {}",
        view.index,
        view.name,
        figure(view.temperature_celsius, "°C"),
        figure(view.utilisation_percent, "%"),
        figure(view.power_watts, "W")
    )
}

fn sessions(sessions: &[PnlView]) -> Vec<String> {
    let line = |view: &PnlView| {
        let revision = view.revision.map_or_else(|| "any".to_owned(), |id| id.to_string());
        let worth = view.equity.map_or_else(|| view.state.clone(), money);
        format!(
            "revision {revision}: worth {worth}, {}, largest drawdown {}, trades {}, in 24 h {}",
            percent(view.growth, true),
            percent(view.max_drawdown, false),
            view.trades,
            view.trades_24h
        )
    };
    sessions.iter().map(line).collect()
}

fn deployments(report: &Report) -> Vec<String> {
    let view = &report.status.deployment;
    let live = view.live.as_ref().map_or_else(
        || format!("no model is live; {}", view.mode),
        |live| {
            let cappuccino_core::api::RevisionView { id, trial, standing, .. } = live;
            format!("revision {id} (trial {trial}) is live and {standing}; {}", view.mode)
        },
    );
    let mut lines = vec![live];
    lines.extend(report.deployments.iter().map(entry));
    lines
}

fn open(alert: &cappuccino_core::api::AlertView) -> String {
    let since = time(alert.since);
    format!("now {}: {} (since {since}); {}", alert.severity, alert.text, alert.remedy)
}

fn process(view: &ProcessView) -> String {
    let since = view.since.map_or_else(String::new, |at| format!(" since {}", time(at)));
    let plural = if view.starts == 1 { "life" } else { "lives" };
    let ended = match view.failures_total {
        1 => "1 ended by itself".to_owned(),
        many => format!("{many} ended by themselves"),
    };
    format!("{}: {}{since}, {} {plural}, {ended}", view.name, view.phase, view.starts)
}

fn entry(entry: &Entry) -> String {
    sentence_line(entry.at, &entry.note)
}
