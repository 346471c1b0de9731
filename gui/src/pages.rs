//! The screens. Each is a function of what is known and its own small state; none knows another.

pub mod alerts;
pub mod deployments;
pub mod offline;
pub mod overview;
pub mod pnl;
pub mod processes;
pub mod settings;
pub mod system;
pub mod trials;

use crate::chart::series::Stage;
use crate::chart::window::TimeWindow;
use crate::command::Command;
use crate::intent::{Draft, Intent};
use crate::model::Model;
use crate::theme::Tokens;
use crate::view::Views;
use crate::widgets::card;
use cappuccino_core::words::{ProcessName, Timestamp};
use eframe::egui::Ui;

/// What every page may see.
pub struct Sight<'a> {
    /// What is known.
    pub model: &'a Model,
    /// What was worked out of it.
    pub views: &'a Views,
    /// The present.
    pub now: Timestamp,
    /// The colours.
    pub tokens: &'a Tokens,
}

/// What a page wants done.
#[derive(Debug, Default)]
pub struct Out {
    /// Asked of the runner without a question.
    pub intents: Vec<Intent>,
    /// A question to open.
    pub draft: Option<Draft>,
    /// Commands, as if their keys were pressed.
    pub commands: Vec<Command>,
    /// Another process is looked at.
    pub choose: Option<ProcessName>,
}

impl PageState {
    /// The stretch of time of all charts.
    pub fn window(&mut self) -> &mut TimeWindow {
        self.window.get_or_insert_default()
    }
}

/// A card of charts that share the window and the moment under the pointer. `draw` answers that
/// moment, while the pointer is over one of them.
fn charts_over_time(
    ui: &mut Ui,
    sight: &Sight<'_>,
    state: &mut PageState,
    draw: impl FnOnce(&mut Ui, &mut Stage<'_>) -> Option<Timestamp>,
) {
    card::titled(ui, sight.tokens, "Over time", |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        let (cursor, now, tokens) = (state.cursor, sight.now, sight.tokens);
        let mut stage = Stage { window: state.window(), cursor, now, tokens };
        let under = draw(ui, &mut stage);
        if under != cursor {
            state.cursor = under;
            ui.ctx().request_repaint();
        }
    });
}

/// What pages remember, from one start to the next.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct PageState {
    /// The stretch of time of all charts; chosen by what there is to see while there is none.
    pub window: Option<TimeWindow>,
    /// The moment under the pointer, shared by all charts.
    #[serde(skip)]
    pub cursor: Option<Timestamp>,
    /// Of the trials.
    pub trials: trials::TrialsState,
    /// Of the log.
    pub log: processes::LogState,
    /// The process that is looked at.
    pub process: Option<ProcessName>,
}
