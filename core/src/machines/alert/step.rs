//! The answer of an alert to every event.

use super::episode::turned;
use super::{Acknowledgement, Alert, Context, Episode, Event, Told};
use crate::machines::{Answer, Step, Unchanged};
use crate::words::{Moment, Note, Refusal, Span, Trouble};

/// The answer of `alert` to `event`.
pub fn step(context: Context<'_>, alert: &Alert, event: &Event) -> Answer<Alert> {
    match event {
        Event::Raise(trouble) => {
            let severity = context.rule.severity.unwrap_or(trouble.severity);
            raise(context, alert, &Trouble { severity, ..trouble.clone() })
        }
        Event::Clear => clear(context, alert),
        Event::Tick => tick(context, alert),
        Event::Acknowledge(actor, reason) => {
            let (actor, reason, at) = (actor.clone(), reason.clone(), context.now);
            acknowledge(context, alert, Acknowledgement { actor, reason, at })
        }
        Event::Unacknowledge => unacknowledge(context, alert),
    }
}

fn raise(context: Context<'_>, alert: &Alert, trouble: &Trouble) -> Answer<Alert> {
    match alert {
        Alert::Quiet => rise(context, trouble, &[]),
        Alert::Resolved { turns, .. } => rise(context, trouble, turns),
        Alert::Pending { trouble: old, .. } if old == trouble => SAME,
        Alert::Pending { since, turns, .. } => {
            let (trouble, since, turns) = (trouble.clone(), *since, turns.clone());
            Step::to(Alert::Pending { trouble, since, turns }).done()
        }
        Alert::Firing(episode) => changed(context, episode, None, trouble),
        Alert::Acknowledged(episode, by) => changed(context, episode, Some(by), trouble),
        Alert::Ending { episode, acknowledgement, .. } => {
            let acknowledgement = acknowledgement.as_ref();
            match changed(context, episode, acknowledgement, trouble) {
                Answer::Unchanged(_) => {
                    Step::to(standing(episode.clone(), acknowledgement.cloned())).done()
                }
                other @ (Answer::Moved(_) | Answer::Refused(_)) => other,
            }
        }
        Alert::Flapping { episode, over: None, .. } if episode.trouble == *trouble => SAME,
        Alert::Flapping { episode, acknowledgement, over } => {
            let mut episode = Episode { trouble: trouble.clone(), ..episode.clone() };
            if over.is_some() {
                episode.turns = turned(context, &episode.turns);
            }
            let acknowledgement = acknowledgement.clone();
            Step::to(Alert::Flapping { episode, acknowledgement, over: None }).done()
        }
    }
}

const SAME: Answer<Alert> = Answer::Unchanged(Unchanged::AlreadySo);

/// Something is wrong that was not.
fn rise(context: Context<'_>, trouble: &Trouble, turns: &[Moment]) -> Answer<Alert> {
    if context.rule.raise_after > Span::ZERO {
        let (trouble, since, turns) = (trouble.clone(), context.now, turns.to_vec());
        return Step::to(Alert::Pending { trouble, since, turns }).done();
    }
    fire(context, Episode::begin(context, trouble.clone(), turns))
}

/// An episode begins: it is told, or with too many others it flaps.
fn fire(context: Context<'_>, mut episode: Episode) -> Answer<Alert> {
    if flaps(context, &episode.turns) {
        return flap(context, episode, None, None);
    }
    let note = episode.tell(context);
    Step::to(Alert::Firing(episode)).note(note).done()
}

fn flaps(context: Context<'_>, turns: &[Moment]) -> bool {
    u32::try_from(turns.len()).unwrap_or(u32::MAX) >= context.rule.flap_turns
}

fn flap(
    context: Context<'_>,
    mut episode: Episode,
    acknowledgement: Option<Acknowledgement>,
    over: Option<Moment>,
) -> Answer<Alert> {
    let note = episode.tell_of_flapping(context);
    Step::to(Alert::Flapping { episode, acknowledgement, over }).note(note).done()
}

/// What is wrong may read otherwise now. Only how urgent it is is news; more urgent than what was
/// acknowledged is nobody's any more.
fn changed(
    context: Context<'_>,
    episode: &Episode,
    by: Option<&Acknowledgement>,
    trouble: &Trouble,
) -> Answer<Alert> {
    if episode.trouble == *trouble {
        return SAME;
    }
    let (before, now) = (episode.trouble.severity, trouble.severity);
    let mut episode = Episode { trouble: trouble.clone(), ..episode.clone() };
    if before == now || by.is_some() && now < before {
        return Step::to(standing(episode, by.cloned())).done();
    }
    episode.told = Told { times: 0, at: context.now };
    let note = episode.tell(context);
    Step::to(Alert::Firing(episode)).note(note).done()
}

/// It is wrong, and somebody looks after it or not.
fn standing(episode: Episode, acknowledgement: Option<Acknowledgement>) -> Alert {
    match acknowledgement {
        Some(acknowledgement) => Alert::Acknowledged(episode, acknowledgement),
        None => Alert::Firing(episode),
    }
}

fn clear(context: Context<'_>, alert: &Alert) -> Answer<Alert> {
    match alert {
        Alert::Quiet
        | Alert::Ending { .. }
        | Alert::Resolved { .. }
        | Alert::Flapping { over: Some(_), .. } => SAME,
        Alert::Pending { turns, .. } if turns.is_empty() => Step::to(Alert::Quiet).done(),
        Alert::Pending { trouble, since, turns } => {
            let (trouble, since, at, turns) = (trouble.clone(), *since, context.now, turns.clone());
            Step::to(Alert::Resolved { trouble, since, at, turns }).done()
        }
        Alert::Firing(episode) => end(context, episode, None),
        Alert::Acknowledged(episode, by) => end(context, episode, Some(by)),
        Alert::Flapping { episode, acknowledgement, over: None } => {
            let turns = turned(context, &episode.turns);
            let episode = Episode { turns, ..episode.clone() };
            let (acknowledgement, over) = (acknowledgement.clone(), Some(context.now));
            Step::to(Alert::Flapping { episode, acknowledgement, over }).done()
        }
    }
}

/// It is not wrong any more: over, or held for a while in case it comes back.
fn end(context: Context<'_>, episode: &Episode, by: Option<&Acknowledgement>) -> Answer<Alert> {
    if context.rule.keep > Span::ZERO {
        let (episode, acknowledgement, since) = (episode.clone(), by.cloned(), context.now);
        return Step::to(Alert::Ending { episode, acknowledgement, since }).done();
    }
    resolve(context, episode, by, context.now)
}

/// It is over, or with too many others it flaps.
fn resolve(
    context: Context<'_>,
    episode: &Episode,
    by: Option<&Acknowledgement>,
    at: Moment,
) -> Answer<Alert> {
    let turns = turned(context, &episode.turns);
    if flaps(context, &turns) {
        return flap(context, Episode { turns, ..episode.clone() }, by.cloned(), Some(at));
    }
    over(context, &Episode { turns, ..episode.clone() }, at)
}

fn over(context: Context<'_>, episode: &Episode, at: Moment) -> Answer<Alert> {
    let Episode { since, trouble, told, turns } = episode.clone();
    let is_told = told.times > 0 && context.muted.is_none();
    let key = context.key.0.clone();
    let note = Note::AlertResolved(key, trouble.severity, at.since(since), is_told);
    Step::to(Alert::Resolved { trouble, since, at, turns }).note(note).done()
}

fn tick(context: Context<'_>, alert: &Alert) -> Answer<Alert> {
    const NOT_YET: Answer<Alert> = Answer::Unchanged(Unchanged::NotYet);
    let Context { rule, now, .. } = context;
    match alert {
        Alert::Quiet | Alert::Acknowledged(..) => Answer::Unchanged(Unchanged::NotConcerned),
        Alert::Pending { trouble, since, turns } if now.since(*since) >= rule.raise_after => {
            let episode = Episode::begin(context, trouble.clone(), turns);
            fire(context, Episode { since: *since, ..episode })
        }
        Alert::Firing(episode) if episode.next_telling(context) == Some(Span::ZERO) => {
            let mut episode = episode.clone();
            let note = episode.tell(context);
            Step::to(Alert::Firing(episode)).note(note).done()
        }
        Alert::Ending { episode, acknowledgement, since } if now.since(*since) >= rule.keep => {
            resolve(context, episode, acknowledgement.as_ref(), *since)
        }
        Alert::Flapping { episode, acknowledgement, over } => {
            flapping(context, episode, acknowledgement.as_ref(), *over)
        }
        Alert::Resolved { at, .. } if now.since(*at) >= rule.flap_window => {
            Step::to(Alert::Quiet).done()
        }
        Alert::Pending { .. }
        | Alert::Firing(_)
        | Alert::Ending { .. }
        | Alert::Resolved { .. } => NOT_YET,
    }
}

/// Flapping ends when nothing turned for a while; it goes on as what it turned to last.
fn flapping(
    context: Context<'_>,
    episode: &Episode,
    by: Option<&Acknowledgement>,
    ended: Option<Moment>,
) -> Answer<Alert> {
    let is_calm = context.now.since(episode.last_turn()) >= context.rule.flap_window;
    let is_due = by.is_none() && episode.next_telling_of_flapping(context) == Some(Span::ZERO);
    match (is_calm, ended, by) {
        (true, Some(at), _) => over(context, episode, at),
        (true, None, Some(by)) => Step::to(Alert::Acknowledged(episode.clone(), by.clone())).done(),
        (true, None, None) => {
            let mut episode = Episode { told: Told::default(), ..episode.clone() };
            let note = episode.tell(context);
            Step::to(Alert::Firing(episode)).note(note).done()
        }
        (false, ended, _) if is_due => flap(context, episode.clone(), None, ended),
        (false, _, _) => Answer::Unchanged(Unchanged::NotYet),
    }
}

fn acknowledge(context: Context<'_>, alert: &Alert, by: Acknowledgement) -> Answer<Alert> {
    match alert {
        Alert::Quiet | Alert::Pending { .. } | Alert::Resolved { .. } => {
            Answer::Refused(Refusal::NothingToAcknowledge(context.key.0.clone()))
        }
        Alert::Acknowledged(..)
        | Alert::Ending { acknowledgement: Some(_), .. }
        | Alert::Flapping { acknowledgement: Some(_), .. } => SAME,
        Alert::Firing(episode) => Step::to(Alert::Acknowledged(episode.clone(), by)).done(),
        Alert::Ending { episode, since, .. } => {
            let (episode, acknowledgement, since) = (episode.clone(), Some(by), *since);
            Step::to(Alert::Ending { episode, acknowledgement, since }).done()
        }
        Alert::Flapping { episode, over, .. } => {
            let (episode, acknowledgement, over) = (episode.clone(), Some(by), *over);
            Step::to(Alert::Flapping { episode, acknowledgement, over }).done()
        }
    }
}

fn unacknowledge(context: Context<'_>, alert: &Alert) -> Answer<Alert> {
    let acknowledgement = None;
    match alert {
        Alert::Acknowledged(episode, _) => Step::to(Alert::Firing(episode.clone())).done(),
        Alert::Ending { episode, acknowledgement: Some(_), since } => {
            let (episode, since) = (episode.clone(), *since);
            Step::to(Alert::Ending { episode, acknowledgement, since }).done()
        }
        Alert::Flapping { episode, acknowledgement: Some(_), over } => {
            let (episode, over) = (episode.clone(), *over);
            Step::to(Alert::Flapping { episode, acknowledgement, over }).done()
        }
        Alert::Quiet
        | Alert::Pending { .. }
        | Alert::Firing(_)
        | Alert::Ending { acknowledgement: None, .. }
        | Alert::Flapping { acknowledgement: None, .. }
        | Alert::Resolved { .. } => {
            Answer::Refused(Refusal::NotAcknowledged(context.key.0.clone()))
        }
    }
}
