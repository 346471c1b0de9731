//! The picture as Prometheus reads it: text format 0.0.4, names and base units as its naming
//! conventions ask.

use super::Window;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use cappuccino_core::api::{GpuView, MachineView, PnlView, ProcessView, Status, ViewValue};
use std::fmt::Write as _;

/// The format and its version.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn metrics(State(window): State<Window>) -> impl IntoResponse {
    let text = exposition(&window.port.status.borrow(), &window.port.hello.version);
    ([(CONTENT_TYPE, FORMAT)], text)
}

/// How a metric counts.
#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

/// Metrics in the making.
#[derive(Default)]
struct Page(String);

impl Page {
    /// One metric with its samples: labels, as written between braces, and value.
    fn metric(&mut self, name: &str, kind: Kind, help: &str, samples: &[(String, f64)]) {
        if samples.is_empty() {
            return;
        }
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        let text = &mut self.0;
        // Writing to a string cannot fail.
        write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").ok();
        for (labels, value) in samples {
            match labels.as_str() {
                "" => writeln!(text, "{name} {value}").ok(),
                labels => writeln!(text, "{name}{{{labels}}} {value}").ok(),
            };
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: Option<f64>) {
        let samples: Vec<_> = value.map(|value| (String::new(), value)).into_iter().collect();
        self.metric(name, Kind::Gauge, help, &samples);
    }
}

/// One label with its value, escaped as the format asks.
fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, and no count here is larger")]
const fn real(count: u64) -> f64 {
    count as f64
}

fn exposition(status: &Status, version: &str) -> String {
    let mut page = Page::default();
    let build = [(label("version", version), 1.0)];
    page.metric("cappuccino_build_info", Kind::Gauge, "The runner.", &build);
    study(&mut page, status);
    deployment(&mut page, status);
    processes(&mut page, &status.processes);
    let alerts = u64::try_from(status.alerts.len()).unwrap_or(u64::MAX);
    page.gauge("cappuccino_alerts", "Alerts that are raised now.", Some(real(alerts)));
    if let Some(seen) = &status.machine {
        machine(&mut page, seen);
    }
    if let Some(pnl) = &status.pnl {
        account(&mut page, pnl);
    }
    page.0
}

fn study(page: &mut Page, status: &Status) {
    let counts = &status.study.counts;
    let states = [
        ("running", counts.running),
        ("complete", counts.complete),
        ("pruned", counts.pruned),
        ("failed", counts.failed),
        ("waiting", counts.waiting),
    ];
    let samples = states.map(|(state, count)| (label("state", state), real(count)));
    page.metric("cappuccino_trials", Kind::Gauge, "Trials of the study by state.", &samples);
    let is_followed = f64::from(u8::from(status.study.state == "following"));
    page.gauge("cappuccino_study_followed", "Whether the study can be read.", Some(is_followed));
    let best = status.study.best.as_ref().and_then(|best| match best.value.as_ref()? {
        ViewValue::Finite(value) => Some(*value),
        ViewValue::Infinite(_) => None,
    });
    page.gauge("cappuccino_best_value", "Value of the best trial.", best);
}

fn deployment(page: &mut Page, status: &Status) {
    let live = status.deployment.live.as_ref();
    let is_halted = f64::from(u8::from(status.deployment.halted.is_some()));
    page.gauge("cappuccino_live_value", "Value of the live model.", live.map(|live| live.value));
    let revision = live.map(|live| real(live.id.0));
    page.gauge("cappuccino_live_revision", "Number of the live revision.", revision);
    page.gauge(
        "cappuccino_halted",
        "Whether nothing trades until a person decides.",
        Some(is_halted),
    );
}

fn processes(page: &mut Page, all: &[ProcessView]) {
    let of = |value: fn(&ProcessView) -> f64| -> Vec<(String, f64)> {
        all.iter().map(|one| (label("process", one.name.as_str()), value(one))).collect()
    };
    let up = of(|one| f64::from(u8::from(one.pid.is_some())));
    page.metric("cappuccino_process_up", Kind::Gauge, "Whether a process lives.", &up);
    let starts = of(|one| real(one.starts));
    page.metric("cappuccino_process_starts_total", Kind::Counter, "Lives that began.", &starts);
    let failures = of(|one| real(one.failures_total));
    let help = "Ends that nobody asked for.";
    page.metric("cappuccino_process_failures_total", Kind::Counter, help, &failures);
}

fn machine(page: &mut Page, seen: &MachineView) {
    let gpus = |value: fn(&GpuView) -> Option<f64>| -> Vec<(String, f64)> {
        let sample = |gpu: &GpuView| Some((label("gpu", &gpu.index.to_string()), value(gpu)?));
        seen.gpus.iter().filter_map(sample).collect()
    };
    let gauge = Kind::Gauge;
    let celsius = gpus(|gpu| gpu.temperature_celsius);
    page.metric("cappuccino_gpu_temperature_celsius", gauge, "Temperature of a card.", &celsius);
    let used = gpus(|gpu| gpu.utilisation_percent.map(|percent| percent / 100.0));
    page.metric("cappuccino_gpu_utilisation_ratio", gauge, "Use of a card, 0 to 1.", &used);
    let memory = gpus(|gpu| gpu.memory_used_bytes.map(real));
    page.metric("cappuccino_gpu_memory_used_bytes", gauge, "Used memory of a card.", &memory);
    let watts = gpus(|gpu| gpu.power_watts);
    page.metric("cappuccino_gpu_power_watts", gauge, "Power that a card draws.", &watts);
    let memory = Some(real(seen.memory_used_bytes));
    page.gauge("cappuccino_host_memory_used_bytes", "Used memory of the machine.", memory);
    let cpu = seen.cpu_percent.map(|percent| percent / 100.0);
    page.gauge("cappuccino_host_cpu_ratio", "Use of all cores, 0 to 1.", cpu);
    let (used, total) = (seen.disk_used_bytes.map(real), seen.disk_total_bytes.map(real));
    page.gauge("cappuccino_disk_used_bytes", "Used space of the workspace's disk.", used);
    page.gauge("cappuccino_disk_size_bytes", "Size of the workspace's disk.", total);
}

fn account(page: &mut Page, pnl: &PnlView) {
    page.gauge("cappuccino_account_equity", "Worth of the paper account.", pnl.equity);
    let begun = pnl.equity.is_some();
    let drawdown = begun.then_some(pnl.drawdown);
    page.gauge(
        "cappuccino_account_drawdown_ratio",
        "Loss from the highest worth, 0 to 1.",
        drawdown,
    );
    let trades = if begun { vec![(String::new(), real(pnl.trades))] } else { Vec::new() };
    page.metric("cappuccino_trades_total", Kind::Counter, "Trades of the session.", &trades);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_follows_its_explanation_and_absent_readings_are_absent() {
        let machine = MachineView {
            gpus: vec![GpuView { index: 1, temperature_celsius: Some(71.5), ..GpuView::default() }],
            ..MachineView::default()
        };
        let status = Status { machine: Some(machine), ..Status::default() };
        let text = exposition(&status, "0.1.0 \"x\"\\");
        assert!(text.ends_with('\n'));
        assert!(text.contains("cappuccino_build_info{version=\"0.1.0 \\\"x\\\"\\\\\"} 1\n"));
        assert!(text.contains("cappuccino_gpu_temperature_celsius{gpu=\"1\"} 71.5\n"));
        assert!(!text.contains("cappuccino_gpu_power_watts"), "what is not told is not zero");
        assert!(!text.contains("cappuccino_best_value"));
        let mut explained = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                explained = rest.split(' ').next().unwrap();
            } else if !line.starts_with('#') {
                assert!(line.starts_with(explained), "{line} stands under {explained}");
            }
        }
    }
}
