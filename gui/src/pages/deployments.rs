//! Which model is live, how it came there, what is under way, and the way back.

mod detail;

use super::{Out, PageState, Sight};
use crate::command::Command;
use crate::intent::{Draft, Intent, named};
use crate::text;
use crate::theme;
use crate::widgets::card;
use crate::widgets::glyph::{self, Sign};
use crate::widgets::headline;
use crate::widgets::lines::{self, Line};
use crate::widgets::press;
use crate::widgets::table::{self, Col};
use cappuccino_core::api::{DeploymentView, RevisionView, Status, sentence};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{Note, RevisionId};
use eframe::egui::{self, Sense, Stroke, Ui, pos2, vec2};

/// The steps of a change of the live model, as the stepper shows them: word and the phases of it.
const STEPS: [(&str, &[&str]); 5] = [
    (
        "Checking",
        &["settling", "staging", "validating", "awaiting approval", "ready", "rolling back"],
    ),
    ("Stopping", &["draining"]),
    ("Starting", &["starting"]),
    ("Proving", &["probation", "on probation"]),
    ("Live", &["live"]),
];

const COLUMNS: [Col; 6] = [
    Col { title: "Revision", width: 72.0 },
    Col { title: "Trial", width: 64.0 },
    Col { title: "Value", width: 90.0 },
    Col { title: "Considered", width: 120.0 },
    Col { title: "", width: 84.0 },
    Col { title: "Standing", width: 160.0 },
];

/// What a card's frame and title take of its height.
const CARD_FRAME: f32 = 52.0;

/// Shows the page.
pub fn show(ui: &mut Ui, sight: &Sight<'_>, state: &mut PageState, out: &mut Out) {
    let Some(status) = &sight.model.status else { return };
    let deployment = &status.deployment;
    headline(ui, sight, deployment, out);
    card::titled(ui, sight.tokens, "Now", |ui| present(ui, sight, deployment, out));
    let height = (ui.available_height() * 0.66).max(300.0);
    ui.horizontal_top(|ui| {
        let chosen = chosen(status, state.revision);
        let side = if chosen.is_some() { theme::SIDE } else { 0.0 };
        let width = ui.available_width() - side - theme::GAP;
        ui.allocate_ui(vec2(width, height), |ui| {
            card::titled(ui, sight.tokens, "Models considered so far", |ui| {
                ui.set_min_height(height - CARD_FRAME);
                models(ui, sight, state, status, out);
            });
        });
        let Some(revision) = chosen else { return };
        ui.allocate_ui(vec2(side, height), |ui| {
            card::titled(ui, sight.tokens, "Chosen model", |ui| {
                detail::show(ui, sight, deployment, revision, out);
            });
        });
    });
    card::titled(ui, sight.tokens, "History of deployments", |ui| lines(ui, sight));
}

/// The model that is looked at: while none was chosen the one on its way, the live one, or else the
/// newest.
pub fn chosen(status: &Status, revision: Option<RevisionId>) -> Option<&RevisionView> {
    let all = &status.deployment.revisions;
    let DeploymentView { live, next, .. } = &status.deployment;
    let first = next.as_ref().or(live.as_ref()).map(|model| model.id);
    let find = |id: RevisionId| all.iter().find(|revision| revision.id == id);
    revision.and_then(find).or_else(|| first.and_then(find)).or_else(|| all.first())
}

fn headline(ui: &mut Ui, sight: &Sight<'_>, deployment: &DeploymentView, out: &mut Out) {
    let (sign, told) = match (&deployment.halted, &deployment.live) {
        (Some(why), _) => (Sign::Critical, format!("Nothing trades: {why}")),
        (None, Some(live)) => (Sign::Good, format!("The trader runs {}", named(live))),
        (None, None) => (Sign::Idle, "No model is live".to_owned()),
    };
    headline::headline(ui, sight.tokens, sign, &told, |ui| {
        let check = Command::RollBack.check(sight.model, sight.now);
        let text = Command::RollBack.text();
        if press::primary(ui, &text, &check, sight.tokens).clicked() {
            out.commands.push(Command::RollBack);
        }
    });
}

fn present(ui: &mut Ui, sight: &Sight<'_>, deployment: &DeploymentView, out: &mut Out) {
    stepper(ui, sight, deployment);
    if let Some(next) = &deployment.next {
        let left = deployment.deadline.map(|at| text::span(at.since(sight.now)));
        let left = left.map(|left| format!(" (at most {left} for this step)")).unwrap_or_default();
        ui.label(format!("On the way to {}: {}{left}", named(next), deployment.phase));
    }
    if let Some(why) = &deployment.declined {
        ui.label(format!("The best trial is not deployed: {why}"));
    }
    ui.horizontal_wrapped(|ui| {
        ui.label(format!("Deployments are {}.", deployment.mode));
        for command in [Command::PauseDeployments, Command::ResumeDeployments] {
            let check = command.check(sight.model, sight.now);
            if check.is_ok() && press::command(ui, command, &check).clicked() {
                out.commands.push(command);
            }
        }
        for command in [Command::Approve, Command::Reject] {
            let check = command.check(sight.model, sight.now);
            if check.is_ok() && press::command(ui, command, &check).clicked() {
                out.commands.push(command);
            }
        }
    });
    for hold in &deployment.holds {
        ui.horizontal(|ui| {
            ui.label(format!("Trial {} is held back: {}", hold.number, hold.reason));
            let intent = Intent::Unhold(hold.number);
            let check = intent.check(sight.model, sight.now);
            if press::button(ui, &format!("Release trial {}", hold.number), &check).clicked() {
                out.intents.push(intent);
            }
        });
    }
}

/// The place of the machine's present phase among the steps; none when nothing is under way.
fn step_of(phase: &str) -> Option<usize> {
    STEPS.iter().position(|(_, phases)| phases.contains(&phase))
}

fn stepper(ui: &mut Ui, sight: &Sight<'_>, deployment: &DeploymentView) {
    let tokens = sight.tokens;
    let Some(reached) = step_of(&deployment.phase) else {
        ui.label(format!("The deployment is {}", deployment.phase));
        return;
    };
    let (rect, response) =
        ui.allocate_exact_size(vec2(520.0_f32.min(ui.available_width()), 44.0), Sense::hover());
    let told = STEPS.get(reached).map_or("", |(word, _)| *word);
    response.widget_info(|| {
        let text = format!("Step {} of {}: {told}", reached + 1, STEPS.len());
        egui::WidgetInfo::labeled(egui::Role::Figure, true, text)
    });
    let place = |step: usize| {
        let part = crate::num::px((crate::num::size(step) + 0.5) / crate::num::size(STEPS.len()));
        pos2(rect.left() + rect.width() * part, rect.top() + 12.0)
    };
    let painter = ui.painter();
    for (step, (word, _)) in STEPS.iter().enumerate() {
        let is_reached = step <= reached;
        let colour = if is_reached { tokens.accent } else { tokens.stroke };
        if step > 0 {
            let line = [place(step - 1) + vec2(8.0, 0.0), place(step) - vec2(8.0, 0.0)];
            painter.line_segment(line, Stroke::new(2.0, colour));
        }
        if is_reached {
            painter.circle_filled(place(step), 6.0, colour);
        } else {
            painter.circle_stroke(place(step), 6.0, Stroke::new(1.5, colour));
        }
        let ink = if step == reached { tokens.text } else { tokens.text3 };
        let font = egui::FontId::proportional(13.0);
        painter.text(place(step) + vec2(0.0, 12.0), egui::Align2::CENTER_TOP, word, font, ink);
    }
}

fn models(ui: &mut Ui, sight: &Sight<'_>, state: &mut PageState, status: &Status, out: &mut Out) {
    let revisions = &status.deployment.revisions;
    if revisions.is_empty() {
        ui.label("None yet: the first finished trial with files is considered at once");
        return;
    }
    let live = status.deployment.live.as_ref().map(|live| live.id);
    let chosen = chosen(status, state.revision).map(|chosen| chosen.id);
    let place = revisions.iter().position(|revision| Some(revision.id) == chosen);
    let (place, count) = (state.chosen_row(place), revisions.len());
    let mut wanted = None;
    let pressed =
        table::table(ui, sight.tokens, "models", &COLUMNS, count, place, |ui, row, col| {
            let Some(revision) = revisions.get(row) else { return };
            if let Some(revision) = cell(ui, sight, revision, live == Some(revision.id), col) {
                wanted = Some(revision);
            }
        });
    if let Some(revision) = pressed.and_then(|row| revisions.get(row)) {
        state.revision = Some(revision.id);
    }
    if let Some(id) = wanted {
        out.draft = Draft::rollback_to(sight.model, id).ok();
    }
}

/// Fills one cell; the answer is the model to go back to, when that was pressed.
fn cell(
    ui: &mut Ui,
    sight: &Sight<'_>,
    revision: &RevisionView,
    is_live: bool,
    column: usize,
) -> Option<RevisionId> {
    match column {
        0 => table::digits(ui, revision.id.to_string()),
        1 => table::digits(ui, revision.trial.to_string()),
        2 => table::digits(ui, text::value(revision.value)),
        3 => table::text(ui, text::clock(revision.created, sight.now)),
        4 if is_live => table::text(ui, "live now"),
        4 if revision.standing == "good" => {
            let check = sight.model.can_ask(sight.now);
            let button = press::button(ui, "Back…", &check);
            let name = format!("Back to {}…", revision.trial);
            button.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::Button, check.is_ok(), &name)
            });
            return button.clicked().then_some(revision.id);
        }
        4 => {}
        _ => {
            let sign = match revision.standing.split(':').next() {
                Some("good") => Sign::Good,
                Some("bad" | "rejected") => Sign::Critical,
                _ => Sign::Idle,
            };
            ui.horizontal(|ui| {
                glyph::sign(ui, sign, sight.tokens);
                table::text(ui, &revision.standing);
            });
        }
    }
    None
}

/// Whether a line of the history is about deployments.
const fn is_about_deployments(note: &Note) -> bool {
    matches!(
        note,
        Note::CandidateDeclined(..)
            | Note::DeploymentBegan(..)
            | Note::RevisionJudged(..)
            | Note::WentLive(..)
            | Note::Halted(_)
            | Note::ModeChanged(_)
            | Note::TrialHeld(..)
            | Note::TrialReleased(..)
            | Note::Asked(..)
            | Note::Imported(..)
            | Note::ModelExamined(..)
    )
}

fn lines(ui: &mut Ui, sight: &Sight<'_>) {
    let about: Vec<&Entry> = sight
        .model
        .history
        .iter()
        .rev()
        .filter(|entry| is_about_deployments(&entry.note))
        .collect();
    if about.is_empty() {
        ui.label("Nothing yet");
        return;
    }
    lines::lines(ui, sight.tokens, "deployments", about.len(), sight.now, |row| {
        let entry = about.get(row)?;
        Some(Line { at: entry.at, sign: None, text: sentence(&entry.note) })
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use cappuccino_core::words::Stage;

    #[test]
    fn every_stage_of_the_machine_has_its_place_in_the_stepper() {
        for stage in [
            Stage::Settling,
            Stage::Staging,
            Stage::Validating,
            Stage::AwaitingApproval,
            Stage::Ready,
            Stage::RollingBack,
            Stage::Draining,
            Stage::Starting,
            Stage::Probation,
        ] {
            assert!(step_of(&stage.to_string()).is_some(), "{stage} has none");
        }
        assert_eq!(step_of("live"), Some(STEPS.len() - 1));
        assert_eq!(step_of("watching"), None);
    }
}
