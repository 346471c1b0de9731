//! The output of a process: filtered, searched, marked, followed.

use crate::command::Command;
use crate::model::log::{Level, LineId};
use crate::model::{LogLine, LogModel};
use crate::num;
use crate::pages::{Out, Sight};
use crate::text;
use crate::widgets::press;
use cappuccino_core::words::{ProcessName, Timestamp};
use eframe::egui::text::LayoutJob;
use eframe::egui::{
    self, ComboBox, Id, Label, Rect, RichText, ScrollArea, Sense, TextEdit, TextFormat, TextStyle,
    TextWrapMode, Ui, vec2,
};
use serde::{Deserialize, Serialize};

/// Height of a line.
const LINE: f32 = 18.0;
/// Room for marks left of the lines.
const GUTTER: f32 = 8.0;

/// How times at the beginning of lines are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Times {
    /// As they were printed.
    #[default]
    Printed,
    /// How long ago.
    Ago,
    /// Not at all.
    Hidden,
}

impl Times {
    const ALL: [Self; 3] = [Self::Printed, Self::Ago, Self::Hidden];

    const fn word(self) -> &'static str {
        match self {
            Self::Printed => "Times as printed",
            Self::Ago => "How long ago",
            Self::Hidden => "No times",
        }
    }

    /// The next one.
    pub const fn next(self) -> Self {
        match self {
            Self::Printed => Self::Ago,
            Self::Ago => Self::Hidden,
            Self::Hidden => Self::Printed,
        }
    }
}

/// What the log remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of one view")]
pub struct LogState {
    /// What is typed into the filter.
    pub filter: String,
    /// Least level that is shown: 0 all, 1 warnings, 2 errors.
    pub least: u8,
    /// How times are shown.
    pub times: Times,
    /// What is looked for.
    #[serde(skip)]
    pub find: String,
    /// Whether the end is followed.
    #[serde(skip)]
    pub follow: bool,
    /// Whether long lines are cut.
    pub wrap: bool,
    /// Whether the log has the page to itself.
    #[serde(skip)]
    pub full: bool,
    /// Whether the filter is to be typed into.
    #[serde(skip)]
    pub focus_filter: bool,
    /// Whether what is looked for is to be typed.
    #[serde(skip)]
    pub focus_find: bool,
    /// The line that a hand or a search chose.
    #[serde(skip)]
    pub line: Option<LineId>,
    #[serde(skip)]
    picked: Picked,
    #[serde(skip)]
    top: Option<LineId>,
    #[serde(skip)]
    jump: Option<LineId>,
}

impl Default for LogState {
    fn default() -> Self {
        Self {
            filter: String::new(),
            least: 0,
            times: Times::default(),
            find: String::new(),
            follow: true,
            wrap: false,
            full: false,
            focus_filter: false,
            focus_find: false,
            line: None,
            picked: Picked::default(),
            top: None,
            jump: None,
        }
    }
}

/// What the shown lines depend on.
type Of = (Option<ProcessName>, u64, String, u8, String);

/// Which lines are shown, and which of them are hits: worked out when something changed, not for
/// each frame.
#[derive(Clone, Debug, Default)]
struct Picked {
    of: Option<Of>,
    /// Places of the lines in the log.
    places: Vec<usize>,
    /// Numbers of the hits, in order.
    hits: Vec<LineId>,
    first: LineId,
}

impl Picked {
    /// Brings it up to date; whether older lines came in before.
    fn refresh(&mut self, log: &LogModel, filter: &str, least: u8, find: &str) -> bool {
        let (process, find) = (log.process().cloned(), find.to_lowercase());
        let of = Some((process, log.added, filter.to_owned(), least, find.clone()));
        if self.of == of {
            return false;
        }
        let is_older = self.of.is_some() && log.id(0) < self.first;
        (self.of, self.first) = (of, log.id(0));
        let wanted = filter.to_lowercase();
        let levels = [Level::Plain, Level::Warning, Level::Error];
        let least = levels.get(usize::from(least)).copied().unwrap_or(Level::Plain);
        let has = |line: &LogLine, text: &str| line.text.to_lowercase().contains(text);
        let lines = log.lines().iter().enumerate();
        let shown = lines
            .filter(|(_, line)| line.level >= least && (wanted.is_empty() || has(line, &wanted)));
        self.places.clear();
        self.hits.clear();
        for (place, line) in shown {
            self.places.push(place);
            if !find.is_empty() && has(line, &find) {
                self.hits.push(log.id(place));
            }
        }
        is_older
    }

    fn row(&self, log: &LogModel, line: LineId) -> Option<usize> {
        self.places.binary_search_by_key(&line, |place| log.id(*place)).ok()
    }
}

impl LogState {
    /// Goes to the next hit, or the one before; round at the ends.
    pub fn step(&mut self, forwards: bool) {
        let hits = &self.picked.hits;
        self.go(next_of(hits, self.line, forwards));
    }

    /// Goes to the next mark.
    pub fn step_mark(&mut self, log: &LogModel) {
        let marks: Vec<LineId> = log.marks.iter().copied().collect();
        self.go(next_of(&marks, self.line, true));
    }

    /// Shows louder lines only, or all again.
    pub const fn next_level(&mut self) {
        self.least = if self.least >= 2 { 0 } else { self.least + 1 };
    }

    /// Another log is looked at: the chosen line was in the former one.
    pub const fn leave(&mut self) {
        (self.line, self.jump, self.top, self.follow) = (None, None, None, true);
    }

    fn go(&mut self, to: Option<LineId>) {
        if to.is_some() {
            (self.line, self.jump, self.follow) = (to, to, false);
        }
    }

    /// `3 of 17`, while something is looked for.
    fn hits(&self) -> String {
        let hits = &self.picked.hits;
        let at = self.line.and_then(|line| hits.binary_search(&line).ok());
        match (at, hits.len()) {
            (_, 0) => "no hit".to_owned(),
            (Some(at), all) => format!("{} of {all}", at + 1),
            (None, 1) => "1 hit".to_owned(),
            (None, all) => format!("{all} hits"),
        }
    }
}

/// The one after `line` in sorted numbers, or before it; round at the ends.
fn next_of(all: &[LineId], line: Option<LineId>, forwards: bool) -> Option<LineId> {
    let Some(line) = line else {
        return if forwards { all.first().copied() } else { all.last().copied() };
    };
    if forwards {
        all.iter().find(|one| **one > line).or_else(|| all.first()).copied()
    } else {
        all.iter().rev().find(|one| **one < line).or_else(|| all.last()).copied()
    }
}

/// Shows the log of the chosen process.
pub fn show(ui: &mut Ui, sight: &Sight<'_>, state: &mut LogState, out: &mut Out) {
    let log = &sight.model.log;
    let is_older = state.picked.refresh(log, &state.filter, state.least, &state.find);
    if is_older && state.jump.is_none() {
        state.jump = state.top;
    }
    bar(ui, sight, state, out);
    if let Some(why) = &log.failure {
        ui.label(RichText::new(why).color(sight.tokens.warn));
        return;
    }
    if !log.is_read {
        ui.label("Reading…");
        return;
    }
    if state.picked.places.is_empty() {
        ui.label("No line");
        return;
    }
    lines(ui, sight, state);
}

fn lines(ui: &mut Ui, sight: &Sight<'_>, state: &mut LogState) {
    let log = &sight.model.log;
    // Rows are as high as the area believes, or its end would not be the log's end.
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut area = ScrollArea::both().id_salt("log").auto_shrink([false, false]);
    area = area.stick_to_bottom(state.follow);
    if let Some(row) = state.jump.take().and_then(|line| state.picked.row(log, line)) {
        let above = (ui.available_height() / 3.0 / LINE).floor() * LINE;
        area = area.vertical_scroll_offset((num::px(num::size(row)) * LINE - above).max(0.0));
    }
    let (mut pressed, mut top) = (None, None);
    let shown = &state.picked.places;
    let output = area.show_rows(ui, LINE, shown.len(), |ui, rows| {
        let mode = if state.wrap { TextWrapMode::Truncate } else { TextWrapMode::Extend };
        ui.style_mut().wrap_mode = Some(mode);
        ui.spacing_mut().interact_size.y = LINE;
        top = shown.get(rows.start).map(|place| log.id(*place));
        for place in shown.get(rows).unwrap_or_default() {
            let Some(line) = log.lines().get(*place) else { continue };
            let id = log.id(*place);
            if one(ui, sight, state, line, id) {
                pressed = Some(id);
            }
        }
    });
    state.top = top;
    if pressed.is_some() {
        state.line = pressed;
    }
    // Scrolling up is a wish to stay there.
    let wheel = ui.input(|input| input.smooth_scroll_delta.y);
    if wheel > 0.0 && ui.rect_contains_pointer(output.inner_rect) {
        state.follow = false;
    }
}

/// One line; whether it was pressed.
fn one(ui: &mut Ui, sight: &Sight<'_>, state: &LogState, line: &LogLine, id: LineId) -> bool {
    let tokens = sight.tokens;
    let size = vec2(ui.available_width(), LINE);
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let shown = ui.allocate_ui_with_layout(size, layout, |ui| {
        let (gutter, _) = ui.allocate_exact_size(vec2(GUTTER, LINE), Sense::hover());
        ui.spacing_mut().item_spacing.x = 0.0;
        if state.line == Some(id) {
            let wide = Rect::from_min_size(gutter.min, vec2(ui.clip_rect().width(), LINE));
            ui.painter().rect_filled(wide, 0.0, tokens.hover);
        }
        if sight.model.log.marks.contains(&id) {
            let bar = Rect::from_min_size(gutter.min, vec2(4.0, LINE));
            ui.painter().rect_filled(bar, 1.0, tokens.accent);
        }
        let job = layout_of(ui, sight, state, line);
        ui.add(Label::new(job).sense(Sense::click()))
    });
    shown.inner.clicked()
}

/// The line's text: its colour by level, its time as wanted, what is looked for on a ground.
fn layout_of(ui: &Ui, sight: &Sight<'_>, state: &LogState, line: &LogLine) -> LayoutJob {
    let tokens = sight.tokens;
    let ink = match line.level {
        Level::Plain => tokens.text2,
        Level::Warning => tokens.warn,
        Level::Error => tokens.crit,
    };
    let font = TextStyle::Monospace.resolve(ui.style());
    let plain = TextFormat::simple(font, ink);
    let hit = TextFormat { background: tokens.accent.gamma_multiply(0.35), ..plain.clone() };
    let mut job = LayoutJob::default();
    let text = timed(line, state.times, sight.now);
    let (find, lower) = (state.find.to_lowercase(), text.to_lowercase());
    // Where lower case has other lengths, places would not fit; such a line is shown plain.
    if find.is_empty() || lower.len() != text.len() {
        job.append(&text, 0.0, plain);
        return job;
    }
    let mut from = 0;
    for (at, found) in lower.match_indices(&find) {
        job.append(text.get(from..at).unwrap_or_default(), 0.0, plain.clone());
        from = at + found.len();
        job.append(text.get(at..from).unwrap_or_default(), 0.0, hit.clone());
    }
    job.append(text.get(from..).unwrap_or_default(), 0.0, plain);
    job
}

fn timed(line: &LogLine, times: Times, now: Timestamp) -> String {
    let Some(stamp) = line.stamp else { return line.text.clone() };
    let (start, end) = stamp.range;
    let (before, after) =
        (line.text.get(..start).unwrap_or_default(), line.text.get(end..).unwrap_or_default());
    match (times, stamp.at) {
        (Times::Hidden, _) => format!("{before}{}", after.trim_start_matches(' ')),
        (Times::Ago, Some(at)) => format!("{before}{:>14}{after}", text::ago(now, at)),
        (Times::Printed, _) | (Times::Ago, None) => line.text.clone(),
    }
}

fn bar(ui: &mut Ui, sight: &Sight<'_>, state: &mut LogState, out: &mut Out) {
    ui.horizontal_wrapped(|ui| {
        let (filter, focus) = (&mut state.filter, &mut state.focus_filter);
        field(ui, "Filter", "text in the line", filter, focus);
        for (least, word) in [(0, "All"), (1, "Warnings"), (2, "Errors")] {
            ui.selectable_value(&mut state.least, least, word);
        }
        let (find, focus) = (&mut state.find, &mut state.focus_find);
        let is_done = field(ui, "Find", "Enter: next", find, focus);
        if is_done {
            state.step(true);
        }
        if !state.find.is_empty() {
            ui.label(RichText::new(state.hits()).small().color(sight.tokens.text2));
            for command in [Command::LogPrevious, Command::LogNext] {
                if press::command(ui, command, &Ok(())).clicked() {
                    out.commands.push(command);
                }
            }
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut state.follow, "Follow");
        ui.checkbox(&mut state.wrap, "Cut long lines");
        let shown = ComboBox::from_id_salt("times").selected_text(state.times.word());
        let shown = shown.show_ui(ui, |ui| {
            for times in Times::ALL {
                ui.selectable_value(&mut state.times, times, times.word());
            }
        });
        let told = || egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Times of the log");
        shown.response.widget_info(told);
        let check = Command::LogOlder.check(sight.model, sight.now);
        if press::command(ui, Command::LogOlder, &check).clicked() {
            out.commands.push(Command::LogOlder);
        }
        if state.full && ui.button("Back to the processes").clicked() {
            state.full = false;
        }
        let (count, marks) = (sight.model.log.lines().len(), sight.model.log.marks.len());
        let marks = if marks == 0 { String::new() } else { format!(", {marks} marked") };
        let told = format!("{count} lines{marks}");
        ui.label(RichText::new(told).small().color(sight.tokens.text3));
    });
}

/// A field with its name; whether it was left with Enter.
fn field(ui: &mut Ui, name: &str, hint: &str, text: &mut String, focus: &mut bool) -> bool {
    let label = ui.label(name);
    let field = TextEdit::singleline(text)
        .id(Id::unique(("log", name)))
        .hint_text(hint)
        .desired_width(150.0);
    let field = ui.add(field).labelled_by(label.id);
    if std::mem::take(focus) {
        field.request_focus();
    }
    field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_round_at_both_ends() {
        let hits = [-4, 2, 9];
        assert_eq!(next_of(&hits, None, true), Some(-4));
        assert_eq!(next_of(&hits, Some(9), true), Some(-4));
        assert_eq!(next_of(&hits, Some(-4), false), Some(9));
        assert_eq!(next_of(&hits, Some(3), false), Some(2));
        assert_eq!(next_of(&[], Some(3), false), None);
    }
}
