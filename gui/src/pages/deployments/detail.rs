//! The chosen model: what it is, what can be done with it, and what its examination found.

use super::super::{Out, Sight};
use crate::command::Command;
use crate::intent::Draft;
use crate::model::Examination;
use crate::text;
use crate::widgets::glyph::{self, Sign};
use crate::widgets::press;
use cappuccino_core::api::{DeploymentView, RevisionView};
use cappuccino_core::words::{Finding, Outcome};
use eframe::egui::{Label, RichText, ScrollArea, Ui};

/// Shows the card's content.
pub(super) fn show(
    ui: &mut Ui,
    sight: &Sight<'_>,
    deployment: &DeploymentView,
    revision: &RevisionView,
    out: &mut Out,
) {
    ui.heading(format!("Trial {}", revision.trial));
    let age = text::ago(sight.now, revision.created);
    ui.label(format!(
        "Revision {}, value {}, considered {age}",
        revision.id,
        text::value(revision.value)
    ));
    ui.label(RichText::new(text::capitalised(&revision.standing)).color(sight.tokens.text2));
    ui.horizontal_wrapped(|ui| actions(ui, sight, deployment, revision, out));
    ui.separator();
    let area = ScrollArea::vertical().id_salt("examination").auto_shrink([false, false]);
    area.show(ui, |ui| {
        if let Some(examination) = sight.model.examined.get(&revision.id) {
            findings(ui, sight, examination);
        } else {
            let told = format!(
                "Its examination is not in the part of the history that the app has read; \
                 `cappuccino why {}` tells it",
                revision.trial
            );
            ui.label(told);
        }
    });
}

fn actions(
    ui: &mut Ui,
    sight: &Sight<'_>,
    deployment: &DeploymentView,
    revision: &RevisionView,
    out: &mut Out,
) {
    let can_ask = sight.model.can_ask(sight.now);
    let target = || Draft::rollback_to(sight.model, revision.id).map(drop);
    let check = can_ask.clone().and_then(|()| target());
    if press::button(ui, &format!("Back to {}…", revision.trial), &check).clicked() {
        out.commands.push(Command::BackTo);
    }
    let is_held = deployment.holds.iter().any(|hold| hold.number == revision.trial);
    let word = if is_held { "Release" } else { "Hold back" };
    if press::button(ui, word, &can_ask).clicked() {
        out.commands.push(Command::Hold);
    }
}

/// Each step with what it came to, and below it everything that was seen: what holds in one line
/// each, whole under the pointer, what does not as long as it is.
fn findings(ui: &mut Ui, sight: &Sight<'_>, examination: &Examination) {
    let tokens = sight.tokens;
    let Examination { at, verdict } = examination;
    let outcome = verdict.outcome();
    let told = format!("Examination {outcome}, {}", text::ago(sight.now, *at));
    glyph::line(ui, sign(outcome), RichText::new(told).strong().color(tokens.text), tokens);
    for examined in &verdict.steps {
        let outcome = examined.outcome();
        let told = text::capitalised(&format!("{}: {outcome}", examined.step));
        glyph::line(ui, sign(outcome), told, tokens);
        for finding in &examined.findings {
            let ink = match finding {
                Finding::Holds(_) | Finding::NotChecked(_) => tokens.text2,
                Finding::Refused(_) | Finding::Hostile(_) => tokens.crit,
            };
            let seen = Label::new(RichText::new(finding.text()).small().color(ink));
            let holds = matches!(finding, Finding::Holds(_));
            ui.indent(examined.step.to_string(), |ui| {
                let seen = if holds { seen.truncate() } else { seen.wrap() };
                ui.add(seen).on_hover_text(finding.text());
            });
        }
    }
}

const fn sign(outcome: Outcome) -> Sign {
    match outcome {
        Outcome::Passed => Sign::Good,
        Outcome::NotChecked => Sign::Idle,
        Outcome::Refused | Outcome::Hostile => Sign::Critical,
    }
}
