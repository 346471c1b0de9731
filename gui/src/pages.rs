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

use crate::chart::export::{ExportError, Sheet, sheets};
use crate::chart::series::Stage;
use crate::chart::window::TimeWindow;
use crate::command::{Command, Screen};
use crate::intent::{Draft, Intent};
use crate::model::Model;
use crate::theme::{LIGHT, Tokens};
use crate::view::Views;
use crate::widgets::card;
use crate::widgets::log::LogState;
use crate::widgets::table::Chosen;
use cappuccino_core::words::{ProcessName, RevisionId, Timestamp, TrialNumber};
use eframe::egui::{Ui, Vec2};

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
    /// Trials whose parameters are shown.
    pub params: Vec<TrialNumber>,
    /// Another process is looked at.
    pub choose: Option<ProcessName>,
}

impl PageState {
    /// The stretch of time of all charts.
    pub fn window(&mut self) -> &mut TimeWindow {
        self.window.get_or_insert_default()
    }

    /// A table's chosen row, scrolled to once when a key chose it.
    fn chosen_row(&mut self, row: Option<usize>) -> Chosen {
        Chosen { row, shows: std::mem::take(&mut self.shows_chosen) }
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
        state.cursor = under;
        // Charts above the pointer learn of it in the next frame. The moment under a pointer that
        // rests moves on with the present, which is no reason to draw again.
        let moves = ui.input(|input| input.pointer.delta() != Vec2::ZERO);
        if under.is_some() != cursor.is_some() || (under.is_some() && moves) {
            ui.ctx().request_repaint();
        }
    });
}

/// The chart of a screen as it is now, to be saved.
///
/// # Errors
/// One sentence: there is none, or nothing is on it.
pub fn sheet(
    screen: Screen,
    model: &Model,
    views: &Views,
    kept: &PageState,
    now: Timestamp,
) -> Result<Sheet, String> {
    let Some(status) = &model.status else { return Err("nothing is known yet".to_owned()) };
    let range = kept.window.unwrap_or_default().range(now);
    let study = status.study.name.clone().unwrap_or_else(|| "study".to_owned());
    let told = |error: ExportError| error.to_string();
    let known = |name: &str| model.series.get(name);
    match screen {
        Screen::Trials => sheets::trials(&views.study, study).map_err(told),
        Screen::Overview | Screen::Deployments | Screen::Processes => {
            sheets::lanes(format!("{study}: states over time"), &views.lanes, range).map_err(told)
        }
        Screen::Pnl => {
            let looks = pnl::looks(views, &LIGHT).into_iter();
            let all: Vec<_> =
                looks.zip(pnl::SERIES).map(|(look, name)| (look, known(name))).collect();
            sheets::series(format!("{study}: worth of the account"), &all, range).map_err(told)
        }
        Screen::System => {
            let Some(machine) = &status.machine else { return Err(told(ExportError::Empty)) };
            let names = system::series_of(machine);
            let all: Vec<_> = names
                .iter()
                .enumerate()
                .map(|(place, name)| (system::look(name, machine, &LIGHT, place), known(name)))
                .collect();
            sheets::series(format!("{study}: the machine"), &all, range).map_err(told)
        }
        Screen::Alerts | Screen::Settings => Err("this page has no chart to save".to_owned()),
    }
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
    pub log: LogState,
    /// The alert that is looked at; the first one while there is none.
    #[serde(skip)]
    pub alert: Option<String>,
    /// The process that is looked at.
    pub process: Option<ProcessName>,
    /// The model that is looked at; the live one while there is none.
    #[serde(skip)]
    pub revision: Option<RevisionId>,
    /// Whether the table scrolls to the chosen row: a key chose it.
    #[serde(skip)]
    pub shows_chosen: bool,
}
