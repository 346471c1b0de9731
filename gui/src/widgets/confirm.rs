//! The question before anything is stopped: what it does, a safe default, the verb on the button.

use crate::intent::{self, Draft, Intent, RollbackDraft, named};
use crate::model::Model;
use crate::news::Foreseen;
use crate::text;
use crate::theme::{self, Tokens};
use crate::widgets::glyph::{self, Sign};
use crate::widgets::press;
use cappuccino_core::api::Status;
use cappuccino_core::words::Timestamp;
use eframe::egui::{
    self, Button, ComboBox, Frame, Id, Key, Margin, Modal, Modifiers, RichText, ScrollArea, Stroke,
    TextEdit, Ui,
};

/// Room for what the runner would begin with: its title and three lines.
const FORESEEN: f32 = 76.0;

/// What became of the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is still open.
    Open,
    /// Nothing is done.
    Keep,
    /// It is asked.
    Go(Intent),
}

/// Shows the question.
pub fn confirm(ui: &Ui, draft: &mut Draft, model: &Model, now: Timestamp) -> Verdict {
    let tokens = theme::of(ui.ctx());
    let frame = Frame::new()
        .fill(tokens.panel)
        .stroke(Stroke::new(1.0, tokens.stroke))
        .corner_radius(8)
        .inner_margin(Margin::same(theme::PAGE));
    let id = Id::unique("confirm");
    let shown = Modal::new(id).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(theme::DIALOG);
        match draft {
            Draft::Rollback(rollback) => rollback_body(ui, rollback, model, now, &tokens),
            Draft::Plain(intent) => plain_body(ui, intent, model, &tokens),
        }
        // As high before the answer as after it: no button moves away under a hand.
        let area = ScrollArea::vertical().id_salt("foreseen").auto_shrink([false, false]);
        area.max_height(FORESEEN).min_scrolled_height(FORESEEN).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            foreseen(ui, model, &tokens);
        });
        ui.add_space(theme::GAP);
        buttons(ui, draft, model, now, &tokens)
    });
    if shown.should_close() && shown.inner == Verdict::Open { Verdict::Keep } else { shown.inner }
}

fn buttons(ui: &mut Ui, draft: &Draft, model: &Model, now: Timestamp, tokens: &Tokens) -> Verdict {
    let intent = draft.intent(model);
    let check = match (&intent, &model.foreseen) {
        (None, _) => Err("that model is not known any more".to_owned()),
        (Some(intent), Some((_, Some(Foreseen::Refused(why))))) => {
            intent.check(model, now).and_then(|()| Err(format!("the runner would refuse: {why}")))
        }
        (Some(intent), _) => intent.check(model, now),
    };
    if let Err(why) = &check {
        glyph::line(ui, Sign::Warning, RichText::new(why).color(tokens.warn), tokens);
    }
    let (keep, go) = words(draft, model);
    // Read before the buttons see it: a focused button takes every Enter for a press.
    let by_key = ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Enter));
    // A plain Enter on the button would confirm what was opened with the same key by mistake.
    let by_enter = ui.input(|input| input.key_pressed(Key::Enter));
    let layout = egui::Layout::right_to_left(egui::Align::Center);
    ui.with_layout(layout, |ui| {
        let pressed = press::primary(ui, &go, &check, tokens);
        let kept = ui.add(Button::new(keep));
        let is_first = ui.memory(|memory| memory.focused().is_none());
        if is_first {
            kept.request_focus();
        }
        if kept.clicked() {
            return Verdict::Keep;
        }
        match intent {
            Some(intent) if check.is_ok() && (by_key || (pressed.clicked() && !by_enter)) => {
                Verdict::Go(intent)
            }
            Some(_) | None => Verdict::Open,
        }
    })
    .inner
}

/// What the runner says it would do.
fn foreseen(ui: &mut Ui, model: &Model, tokens: &Tokens) {
    let quiet = |text: String| RichText::new(text).small().color(tokens.text2);
    let Some((_, answer)) = &model.foreseen else { return };
    match answer {
        None => {
            ui.label(quiet("Asking the runner what this would do…".to_owned()));
        }
        Some(Foreseen::Leads(foresight)) if foresight.lines.is_empty() => {
            ui.label(quiet("The runner says that nothing would change".to_owned()));
        }
        Some(Foreseen::Leads(foresight)) => {
            ui.label(quiet("The runner would begin with".to_owned()));
            for line in &foresight.lines {
                glyph::line(ui, Sign::Idle, quiet(line.clone()), tokens);
            }
        }
        Some(Foreseen::Unknown(why)) => {
            let told = format!("The runner does not say what this would do: {why}");
            glyph::line(ui, Sign::Warning, quiet(told), tokens);
        }
        // Said beside the button that it turns off.
        Some(Foreseen::Refused(_)) => {}
    }
}

/// The words on the two buttons: what stays, and the verb.
fn words(draft: &Draft, model: &Model) -> (String, String) {
    let live = model.status.as_ref().and_then(|status| status.deployment.live.as_ref());
    match draft {
        Draft::Rollback(rollback) => {
            let keep = match live {
                Some(live) => format!("Keep trial {}", live.trial),
                None => "Leave it".to_owned(),
            };
            let go = match intent::revision(model, rollback.to) {
                Some(target) => format!("Roll back to trial {}", target.trial),
                None => "Roll back".to_owned(),
            };
            (keep, go)
        }
        Draft::Plain(intent) => ("Leave it".to_owned(), intent.text()),
    }
}

fn rollback_body(
    ui: &mut Ui,
    draft: &mut RollbackDraft,
    model: &Model,
    now: Timestamp,
    tokens: &Tokens,
) {
    let Some(status) = &model.status else { return };
    let target = intent::revision(model, draft.to);
    let title = match target {
        Some(target) => format!("Roll back to trial {}?", target.trial),
        None => "Roll back?".to_owned(),
    };
    ui.heading(title);
    ui.label(change(status, draft, model, now));
    for (sign, line) in consequences(status, draft, model) {
        glyph::line(ui, sign, line, tokens);
    }
    ui.horizontal(|ui| {
        let label = ui.label("Target");
        let chosen = target.map_or_else(String::new, named);
        let combo = ComboBox::from_id_salt("target").selected_text(chosen).show_ui(ui, |ui| {
            for revision in targets(status) {
                ui.selectable_value(&mut draft.to, revision.id, named(revision));
            }
        });
        combo.response.labelled_by(label.id);
    });
    if let Some(live) = &status.deployment.live {
        ui.checkbox(&mut draft.hold, format!("Do not deploy trial {} again", live.trial));
    }
    ui.horizontal(|ui| {
        let label = ui.label("Reason");
        let field =
            TextEdit::singleline(&mut draft.reason).hint_text("optional, kept in the history");
        ui.add(field.desired_width(f32::INFINITY)).labelled_by(label.id);
    });
}

/// Good models other than the live one.
fn targets(status: &Status) -> impl Iterator<Item = &cappuccino_core::api::RevisionView> {
    let live = status.deployment.live.as_ref().map(|live| live.id);
    status
        .deployment
        .revisions
        .iter()
        .filter(move |revision| revision.standing == "good" && Some(revision.id) != live)
}

fn change(status: &Status, draft: &RollbackDraft, model: &Model, now: Timestamp) -> String {
    let to = intent::revision(model, draft.to).map_or_else(|| "another model".to_owned(), named);
    match &status.deployment.live {
        Some(live) => format!(
            "The trader switches from {} (considered {}) to {to}.",
            named(live),
            text::ago(now, live.created)
        ),
        None => format!("The trader starts with {to}."),
    }
}

fn consequences(status: &Status, draft: &RollbackDraft, model: &Model) -> Vec<(Sign, String)> {
    let mut lines = Vec::new();
    let content = intent::revision(model, draft.to).and_then(|target| target.content);
    lines.push(match content {
        Some(_) => (
            Sign::Good,
            "Its files are in the model store; they are checked against their digest before the \
             present trader is stopped."
                .to_owned(),
        ),
        None => (Sign::Warning, "Its files are not in the model store.".to_owned()),
    });
    if let Some(trader) = intent::trader(model) {
        let is_well = matches!(trader.phase.as_str(), "ready" | "running");
        let sign = if is_well { Sign::Good } else { Sign::Warning };
        lines.push((sign, format!("The trader ({}) is {} now.", trader.name, trader.phase)));
    }
    lines
        .push((Sign::Warning, "The trader restarts: for some seconds there are no orders.".into()));
    if !draft.hold && status.deployment.mode == "automatic" {
        lines.push((
            Sign::Warning,
            "Automatic deployment may bring the present trial back within a minute.".into(),
        ));
    }
    lines
}

fn plain_body(ui: &mut Ui, intent: &Intent, model: &Model, tokens: &Tokens) {
    ui.heading(format!("{}?", intent.text()));
    let told = match intent {
        Intent::Restart(name) => {
            let role = intent::process(model, name).map(|process| process.role.clone());
            match role.as_deref() {
                Some("worker") => format!(
                    "{name} and everything it started are stopped and a fresh life begins. The \
                     trial it is working on is lost."
                ),
                Some("trader") => format!(
                    "{name} is stopped and starts again with the same model: for some seconds \
                     there are no orders."
                ),
                _ => {
                    format!("{name} and everything it started are stopped and a fresh life begins.")
                }
            }
        }
        Intent::Reset(name) => {
            format!("The failures of {name} are forgotten; if it should run, it starts now.")
        }
        Intent::Deploy(trial) => format!(
            "Trial {trial} is checked like every candidate and then goes live, better or not."
        ),
        Intent::Reject => "The model in preparation is declined and not proposed again.".to_owned(),
        Intent::Rollback { .. }
        | Intent::Hold(_)
        | Intent::Unhold(_)
        | Intent::Approve
        | Intent::PauseDeployments
        | Intent::ResumeDeployments
        | Intent::Acknowledge(_)
        | Intent::Unacknowledge(_)
        | Intent::Silence(..)
        | Intent::Unsilence(_) => String::new(),
    };
    glyph::line(ui, Sign::Warning, told, tokens);
}
