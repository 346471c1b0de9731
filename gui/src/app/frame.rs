//! The frame around every page: the bar at the top, the rail, the status line, the banner.

use super::App;
use crate::chart::window::RANGES;
use crate::command::{Command, Screen};
use crate::model::{Connection, Freshness};
use crate::pages::Out;
use crate::text;
use crate::theme::{self, Tokens};
use crate::view::verdict::{alarm, is_troubled};
use crate::widgets::glyph::{self, Sign};
use crate::widgets::press;
use cappuccino_core::words::Timestamp;
use eframe::egui::{
    self, Align, Button, ComboBox, Frame, Label, Layout, Margin, Panel, Rect, RichText, Role,
    Stroke, Ui, WidgetInfo, vec2,
};

impl App {
    /// The bar at the top: what is looked at, how fresh it is, and which time.
    pub(super) fn top(&mut self, ui: &mut Ui, now: Timestamp) -> Out {
        let mut out = Out::default();
        let tokens = theme::of(ui.ctx());
        let frame = Frame::new().fill(tokens.panel).inner_margin(Margin::symmetric(12, 6));
        Panel::top("top").frame(frame).exact_size(theme::TOP).show(ui, |ui| {
            ui.horizontal_centered(|ui| {
                ui.label(RichText::new("Cappuccino").strong().color(tokens.text));
                let study = self.model.status.as_ref().and_then(|status| status.study.name.clone());
                if let Some(study) = study {
                    ui.label(RichText::new(study).color(tokens.text2));
                }
                self.pill(ui, now, &tokens);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let palette = ui.button("Commands");
                    if palette.on_hover_text("Ctrl+K").clicked() {
                        out.commands.push(Command::Palette);
                    }
                    let alerts = self.model.status.as_ref().map_or(0, |status| status.alerts.len());
                    if ui.button(format!("Alerts {alerts}")).clicked() {
                        out.commands.push(Command::Go(Screen::Alerts));
                    }
                    let word = if self.model.is_frozen() { "Unfreeze" } else { "Freeze" };
                    if ui.button(word).on_hover_text("Ctrl+Space").clicked() {
                        out.commands.push(Command::Freeze);
                    }
                    self.ranges(ui, &mut out);
                });
            });
        });
        out
    }

    fn ranges(&mut self, ui: &mut Ui, out: &mut Out) {
        let window = self.kept.pages.window.unwrap_or_default();
        if !window.is_live() && ui.button("To the present").on_hover_text("End").clicked() {
            out.commands.push(Command::LiveEdge);
        }
        if ui.ctx().content_rect().width() < theme::NARROW {
            let known = RANGES.iter().find(|(_, length)| *length == window.length);
            let word =
                known.map_or_else(|| text::span(window.length), |(word, _)| (*word).to_owned());
            let shown = ComboBox::from_id_salt("range").selected_text(word).width(64.0);
            let shown = shown.show_ui(ui, |ui| {
                for (word, length) in RANGES {
                    ui.selectable_value(&mut self.kept.pages.window().length, length, word);
                }
            });
            let told = || WidgetInfo::labeled(Role::ComboBox, true, "Stretch of time");
            shown.response.widget_info(told);
            return;
        }
        for (word, length) in RANGES.iter().rev() {
            let is_chosen = window.length == *length;
            if ui.add(Button::selectable(is_chosen, *word)).clicked() {
                self.kept.pages.window().length = *length;
            }
        }
    }

    /// How far the picture can be trusted, in a word.
    fn pill(&self, ui: &mut Ui, now: Timestamp, tokens: &Tokens) {
        let (sign, word) = match self.model.freshness(now) {
            Freshness::NoRunner => (Sign::Idle, "No runner".to_owned()),
            Freshness::Connecting => (Sign::Idle, "Connecting…".to_owned()),
            Freshness::Live(_) => (Sign::Good, "Live".to_owned()),
            Freshness::Stale(age) => (Sign::Warning, format!("Stale, {} old", text::span(age))),
            Freshness::Lost(_) => (Sign::Critical, "Runner lost".to_owned()),
            Freshness::Frozen(waiting) => {
                (Sign::Warning, format!("Frozen, {waiting} updates wait"))
            }
        };
        Frame::new()
            .fill(tokens.card)
            .stroke(Stroke::new(1.0, sign.colour(tokens)))
            .corner_radius(10)
            .inner_margin(Margin::symmetric(8, 2))
            .show(ui, |ui| {
                glyph::sign(ui, sign, tokens);
                ui.label(RichText::new(word).color(tokens.text));
            });
        if let Some(why) = self.model.read_only() {
            ui.label(RichText::new("Read only").color(tokens.warn)).on_hover_text(why);
        }
    }

    /// The names of the screens, each with a sign or a number of its own.
    pub(super) fn rail(&self, ui: &mut Ui, out: &mut Out) {
        let tokens = theme::of(ui.ctx());
        let is_narrow = ui.ctx().content_rect().width() < theme::NARROW;
        let width = if is_narrow { theme::RAIL_NARROW } else { theme::RAIL };
        let frame = Frame::new().fill(tokens.panel).inner_margin(Margin::same(6));
        Panel::left("rail").frame(frame).exact_size(width).resizable(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            for screen in Screen::ALL {
                let is_shown = self.kept.screen == screen;
                if self.rail_item(ui, screen, is_shown, is_narrow, &tokens) {
                    out.commands.push(Command::Go(screen));
                }
            }
        });
    }

    fn rail_item(
        &self,
        ui: &mut Ui,
        screen: Screen,
        is_shown: bool,
        is_narrow: bool,
        tokens: &Tokens,
    ) -> bool {
        let size = vec2(ui.available_width(), 34.0);
        let (rect, response) = ui.allocate_exact_size(size, egui::Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::Tab, true, is_shown, screen.name()));
        let fill = match (is_shown, response.hovered()) {
            (true, _) => tokens.hover,
            (false, true) => tokens.card,
            (false, false) => tokens.panel,
        };
        ui.painter().rect_filled(rect, 6.0, fill);
        if response.has_focus() {
            let line = Stroke::new(2.0, tokens.accent);
            ui.painter().rect_stroke(rect, 6.0, line, egui::StrokeKind::Inside);
        }
        let icon = Rect::from_center_size(rect.left_center() + vec2(18.0, 0.0), vec2(16.0, 16.0));
        let ink = if is_shown { tokens.accent } else { tokens.text2 };
        glyph::screen(ui.painter(), icon, screen, ink);
        if !is_narrow {
            let at = rect.left_center() + vec2(36.0, 0.0);
            let font = egui::FontId::proportional(14.0);
            ui.painter().text(at, egui::Align2::LEFT_CENTER, screen.name(), font, tokens.text);
            if let Some(sign) = self.rail_sign(screen) {
                sign.paint(ui.painter(), rect.right_center() - vec2(12.0, 0.0), 4.0, tokens);
            }
        }
        response.on_hover_text(screen.name()).clicked()
    }

    /// Only what is not well is shown: a rail full of lights tells nothing.
    fn rail_sign(&self, screen: Screen) -> Option<Sign> {
        let status = self.model.status.as_ref()?;
        match screen {
            Screen::Trials => (status.study.state == "lost").then_some(Sign::Critical),
            Screen::Deployments => match status.deployment.phase.as_str() {
                "live" | "watching" => None,
                "halted" | "halting" => Some(Sign::Critical),
                _ => Some(Sign::Warning),
            },
            Screen::Processes => {
                let troubled = status.processes.iter().any(|process| is_troubled(&process.phase));
                troubled.then_some(Sign::Warning)
            }
            Screen::Alerts => (!status.alerts.is_empty()).then(|| alarm(status)),
            Screen::Overview | Screen::System | Screen::Pnl | Screen::Settings => None,
        }
    }

    /// The line at the bottom: where, how much, what was done last.
    pub(super) fn status_line(&self, ui: &mut Ui, now: Timestamp) {
        let tokens = theme::of(ui.ctx());
        let frame = Frame::new().fill(tokens.panel).inner_margin(Margin::symmetric(12, 2));
        Panel::bottom("status").frame(frame).exact_size(theme::STATUS).show(ui, |ui| {
            ui.horizontal_centered(|ui| {
                let small = |text: String| RichText::new(text).small().color(tokens.text3);
                ui.label(small(self.model.workspace.clone()));
                if let Some(status) = &self.model.status {
                    ui.label(small(format!("history {}", status.sequence)));
                }
                if let Some(pending) = self.model.pending.values().next() {
                    ui.label(small(format!("{}…", pending.text)));
                } else if let Some(last) = self.model.notices.last() {
                    let told = format!("{} {}", text::clock(last.at, now), last.text);
                    ui.add(Label::new(small(told)).truncate());
                }
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if self.kept.frame_times {
                        ui.label(small(format!("{:.1} ms a frame", self.frame_ms)));
                    }
                });
            });
        });
    }

    /// What must be known before anything on the page is believed.
    pub(super) fn banner(&mut self, ui: &mut Ui, now: Timestamp) {
        let tokens = theme::of(ui.ctx());
        let (sign, told) = match self.model.freshness(now) {
            Freshness::Lost(since) => {
                let why = match &self.model.connection {
                    Connection::Gone { why, .. } => why.clone(),
                    Connection::Connecting | Connection::Live(_) => "connecting again".to_owned(),
                };
                let at = text::clock(since, now);
                (Sign::Critical, format!("Runner lost at {at}; this was the picture ({why})"))
            }
            Freshness::Stale(age) => {
                let age = text::span(age);
                (
                    Sign::Warning,
                    format!("The runner has said nothing for {age}; nothing can be asked"),
                )
            }
            Freshness::Frozen(_) => (Sign::Warning, "The picture is frozen".to_owned()),
            Freshness::NoRunner | Freshness::Connecting | Freshness::Live(_) => return,
        };
        let is_lost = matches!(self.model.freshness(now), Freshness::Lost(_));
        Frame::new()
            .fill(tokens.card)
            .stroke(Stroke::new(1.0, sign.colour(&tokens)))
            .corner_radius(6)
            .inner_margin(Margin::symmetric(12, 6))
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.horizontal_wrapped(|ui| {
                    glyph::sign(ui, sign, &tokens);
                    ui.label(RichText::new(told).color(tokens.text));
                    if is_lost {
                        for command in [Command::Retry, Command::StartRunner] {
                            let check = command.check(&self.model, now);
                            if press::command(ui, command, &check).clicked() {
                                let ctx = ui.ctx().clone();
                                self.press(command, &ctx, now);
                            }
                        }
                    }
                });
            });
        ui.add_space(theme::GAP);
    }
}
