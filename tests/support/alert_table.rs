//! The table of the machine `alert`: every state with every event, as its `step` answers.

use crate::tables::{Line, describe};
use cappuccino_core::machines::Answer;
use cappuccino_core::machines::alert::{
    Acknowledgement, Alert, Context, Episode, Event, Key, Told, step,
};
use cappuccino_core::words::{AlertRule, Moment, Note, Severity, Span, Trouble};

fn trouble(text: &str, severity: Severity) -> Trouble {
    Trouble { severity, text: text.to_owned(), remedy: "look".to_owned() }
}

fn states(now: Moment) -> Vec<(&'static str, Alert)> {
    let since = Moment::default();
    let it_fails = trouble("it fails", Severity::Warning);
    let told = Told { times: 1, at: now };
    let turns = vec![now];
    let episode = Episode { since, trouble: it_fails.clone(), told, turns: turns.clone() };
    let due = Episode { told: Told { times: 1, at: since }, ..episode.clone() };
    let often = Episode { turns: vec![now; 4], ..episode.clone() };
    let by = Acknowledgement { actor: "ada".into(), reason: "r".into(), at: since };
    let ending = |since| Alert::Ending { episode: episode.clone(), acknowledgement: None, since };
    let flapping = |turn: Moment, over| {
        let episode = Episode { turns: vec![turn], ..episode.clone() };
        Alert::Flapping { episode, acknowledgement: None, over }
    };
    let pending = |since| {
        let turns = Vec::new();
        Alert::Pending { trouble: it_fails.clone(), since, turns }
    };
    let resolved = |at| {
        let (trouble, turns) = (it_fails.clone(), turns.clone());
        Alert::Resolved { trouble, since, at, turns }
    };
    vec![
        ("quiet", Alert::Quiet),
        ("pending", pending(now)),
        ("pending, long enough", pending(since)),
        ("firing", Alert::Firing(episode.clone())),
        ("firing, a repeat is due", Alert::Firing(due)),
        ("firing, after four turns", Alert::Firing(often)),
        ("acknowledged", Alert::Acknowledged(episode.clone(), by)),
        ("ending", ending(now)),
        ("ending, long enough", ending(since)),
        ("flapping, wrong", flapping(now, None)),
        ("flapping, over", flapping(now, Some(now))),
        ("flapping, wrong, calm", flapping(since, None)),
        ("flapping, over, calm", flapping(since, Some(since))),
        ("resolved", resolved(now)),
        ("resolved, long ago", resolved(since)),
    ]
}

fn events() -> Vec<(&'static str, Event)> {
    vec![
        ("raise", Event::Raise(trouble("it fails", Severity::Warning))),
        ("raise with another text", Event::Raise(trouble("it fails more", Severity::Warning))),
        ("raise, more urgent", Event::Raise(trouble("it burns", Severity::Critical))),
        ("clear", Event::Clear),
        ("tick", Event::Tick),
        ("acknowledge", Event::Acknowledge("ada".into(), "r".into())),
        ("unacknowledge", Event::Unacknowledge),
    ]
}

/// What the history, and so the user, hears of it.
fn said(answer: &Answer<Alert>) -> &'static str {
    let Answer::Moved(moved) = answer else { return "" };
    match moved.notes.first() {
        Some(Note::AlertFired(_, _, 1)) => "; is told",
        Some(Note::AlertFired(..)) => "; is told again",
        Some(Note::AlertFlapping(..)) => "; is told to flap",
        Some(Note::AlertResolved(..)) => "; is told to be over",
        _ => "",
    }
}

/// Asked of an alert that must last a minute to be raised and to be over.
pub fn alert_lines() -> Vec<Line> {
    let key = Key("process/trader/cooling".into());
    let minute = Span::minutes(1);
    let rule = AlertRule { raise_after: minute, keep: minute, ..AlertRule::default() };
    let now = Moment::default().plus(Span::hours(1));
    let context = Context { key: &key, rule: &rule, now, muted: None };
    let mut lines = Vec::new();
    for (state, alert) in states(now) {
        for (event, told) in events() {
            let answer = step(context, &alert, &told);
            let place = |next: &Alert| next.name().to_owned();
            let said = said(&answer);
            let (state, event) = (state.to_owned(), event.to_owned());
            lines.push(Line { state, event, answer: describe(answer, place) + said });
        }
    }
    lines
}
