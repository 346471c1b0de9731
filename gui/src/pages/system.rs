//! The graphics card, the machine, the disk: how they are, and how they were.

use super::{Out, PageState, Sight, charts_over_time};
use crate::chart::series::{self, Look};
use crate::command::Command;
use crate::num;
use crate::text;
use crate::theme::{self, Tokens};
use crate::widgets::card::{self, Figure};
use crate::widgets::glyph::Sign;
use crate::widgets::headline;
use crate::widgets::table::{self, Col};
use cappuccino_core::api::MachineView;
use eframe::egui::{RichText, Ui, vec2};

/// A card from here on is shown as warm, in °C; the runner's configuration decides about alerts.
const WARM_CELSIUS: f64 = 80.0;

const COLUMNS: [Col; 4] = [
    Col { title: "Process", width: 140.0 },
    Col { title: "Processor", width: 100.0 },
    Col { title: "Memory", width: 110.0 },
    Col { title: "Memory on the card", width: 140.0 },
];

/// The series that the page shows, for the machine as it is.
pub fn series_of(machine: &MachineView) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(gpu) = machine.gpus.first() {
        for what in ["utilisation", "temperature", "memory_used", "power"] {
            names.push(format!("gpu/{}/{what}", gpu.index));
        }
    }
    names.extend(["host/cpu", "host/memory_used", "disk/used"].map(str::to_owned));
    names
}

/// Shows the page.
pub fn show(ui: &mut Ui, sight: &Sight<'_>, state: &mut PageState, out: &mut Out) {
    let machine = sight.model.status.as_ref().and_then(|status| status.machine.as_ref());
    let Some(machine) = machine else {
        ui.label(RichText::new("The machine was not looked at yet").heading());
        ui.label("The runner looks every few seconds; the first numbers appear by themselves");
        return;
    };
    headline(ui, sight, machine);
    figures(ui, sight, machine);
    let names = series_of(machine);
    let count = num::px(num::size(names.len()));
    let height = ((ui.available_height() - 210.0) / count).clamp(84.0, 150.0);
    charts_over_time(ui, sight, state, |ui, stage| {
        let mut under = None;
        for (place, name) in names.iter().enumerate() {
            let look = look(name, machine, sight.tokens, place);
            let known = sight.model.series.get(name);
            under = series::show(ui, known, &look, height, stage).or(under);
        }
        under
    });
    card::titled(ui, sight.tokens, "By process", |ui| uses(ui, sight, machine));
    if ui.button(Command::Go(crate::command::Screen::Processes).text()).clicked() {
        out.commands.push(Command::Go(crate::command::Screen::Processes));
    }
}

fn headline(ui: &mut Ui, sight: &Sight<'_>, machine: &MachineView) {
    let (sign, told) = if let Some(gpu) = machine.gpus.first() {
        let is_warm = gpu.temperature_celsius.is_some_and(|celsius| celsius >= WARM_CELSIUS);
        let sign = if is_warm { Sign::Warning } else { Sign::Good };
        let used = gpu.utilisation_percent;
        let used =
            used.map_or_else(|| "use unknown".to_owned(), |used| format!("{used:.0} % used"));
        (sign, format!("{}: {used}", gpu.name))
    } else {
        let why = machine.gpu_absent.clone().unwrap_or_else(|| "no card answers".to_owned());
        (Sign::Idle, format!("No graphics card is read: {why}"))
    };
    headline::headline(ui, sight.tokens, sign, &told, |_ui| {});
}

fn figures(ui: &mut Ui, sight: &Sight<'_>, machine: &MachineView) {
    let mut all = Vec::new();
    let figure = |label, value, aside| Figure { label, value, aside, sign: None };
    if let Some(gpu) = machine.gpus.first() {
        let shown = |value: Option<f64>, unit: &str| {
            value.map_or_else(|| "not told".to_owned(), |value| format!("{value:.0} {unit}"))
        };
        let power = shown(gpu.power_watts, "W");
        all.push(figure("Card temperature", shown(gpu.temperature_celsius, "°C"), power));
        let memory = gpu.memory_used_bytes.map_or_else(|| "not told".to_owned(), text::bytes);
        let of = gpu
            .memory_total_bytes
            .map_or_else(String::new, |all| format!("of {}", text::bytes(all)));
        all.push(figure("Card memory", memory, of));
    }
    let cpu = machine.cpu_percent.map_or_else(|| "not told".to_owned(), |p| format!("{p:.0} %"));
    all.push(figure("Processor", cpu, "all cores".to_owned()));
    let of = format!("of {}", text::bytes(machine.memory_total_bytes));
    all.push(figure("Memory", text::bytes(machine.memory_used_bytes), of));
    let free = match (machine.disk_used_bytes, machine.disk_total_bytes) {
        (Some(used), Some(total)) => text::bytes(total.saturating_sub(used)),
        _ => "not told".to_owned(),
    };
    let of =
        machine.disk_total_bytes.map_or_else(String::new, |all| format!("of {}", text::bytes(all)));
    all.push(figure("Disk free", free, of));
    let size = machine.study_bytes.map_or_else(|| "not there".to_owned(), text::bytes);
    all.push(figure("Study database", size, "on disk".to_owned()));
    card::row(ui, sight.tokens, &all);
}

pub(super) fn look<'a>(
    name: &'a str,
    machine: &MachineView,
    tokens: &Tokens,
    place: usize,
) -> Look<'a> {
    let percent = |value: f64| format!("{value:.0} %");
    let bytes = |value: f64| text::bytes(u64::try_from(num::whole(value)).unwrap_or(0));
    let colours = tokens.series;
    let colour = colours.get(place % colours.len()).copied().unwrap_or(tokens.accent);
    let what = name.rsplit('/').next().unwrap_or(name);
    let card_memory = machine.gpus.first().and_then(|gpu| gpu.memory_total_bytes).map(num::real);
    let zero = Some(0.0);
    let (title, value, limit, range): (_, fn(f64) -> String, _, _) = match (name, what) {
        (_, "utilisation") => ("Card use", percent, None, (zero, Some(100.0))),
        (_, "temperature") => (
            "Card temperature",
            |value| format!("{value:.0} °C"),
            Some((WARM_CELSIUS, "warm")),
            (None, None),
        ),
        (_, "power") => ("Card power", |value| format!("{value:.0} W"), None, (zero, None)),
        ("host/cpu", _) => ("Processor", percent, None, (zero, Some(100.0))),
        ("host/memory_used", _) => {
            ("Memory", bytes, None, (zero, Some(num::real(machine.memory_total_bytes))))
        }
        ("disk/used", _) => ("Disk used", bytes, None, (None, None)),
        _ => ("Card memory", bytes, None, (zero, card_memory)),
    };
    let (marks, tints) = (Vec::new(), Vec::new());
    Look { title, colour, value, limit, range, marks, tints }
}

fn uses(ui: &mut Ui, sight: &Sight<'_>, machine: &MachineView) {
    let all = &machine.processes;
    if all.is_empty() {
        ui.label("No process runs");
        return;
    }
    let height = theme::ROW * (num::px(num::size(all.len())) + 1.5);
    ui.allocate_ui(vec2(ui.available_width(), height), |ui| {
        table::table(ui, sight.tokens, "uses", &COLUMNS, all.len(), None, |ui, row, column| {
            let Some(used) = all.get(row) else { return };
            match column {
                0 => table::text(ui, &used.name),
                1 => table::digits(ui, format!("{:.0} %", used.cpu_percent)),
                2 => table::digits(ui, text::bytes(used.memory_bytes)),
                _ => table::digits(ui, used.gpu_memory_bytes.map(text::bytes).unwrap_or_default()),
            }
        });
    });
}
