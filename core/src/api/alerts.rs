//! What needs attention: part of the status, and answer to `GET /v1/alerts`.

use super::status::Status;
use crate::engine::{due_in, muted};
use crate::machines::alert::{Alert, Key};
use crate::words::{Moment, Pattern, Policy, Severity, Silence, SilenceId, Timestamp, Trouble};
use crate::world::World;
use serde::{Deserialize, Serialize};

/// Answer to `GET /v1/alerts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsView {
    /// Every alert: those that need attention, those that may soon, those that did lately.
    pub alerts: Vec<AlertView>,
    /// What is not told for a while.
    pub silences: Vec<SilenceView>,
}

/// Something that needs attention.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertView {
    /// Its name.
    pub key: String,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong.
    pub text: String,
    /// What helps.
    pub remedy: String,
    /// How urgent it is.
    #[serde(default)]
    pub severity: Severity,
    /// `pending`, `firing`, `acknowledged`, `ending`, `flapping` or `resolved`. The status has
    /// neither `pending` nor `resolved` ones.
    #[serde(default)]
    pub state: String,
    /// Who looks after it.
    #[serde(default)]
    pub acknowledged: Option<AcknowledgedView>,
    /// Why it is not told at present.
    #[serde(default)]
    pub muted: Option<String>,
    /// How often it was told.
    #[serde(default)]
    pub told: u32,
    /// When the state changes or the alert is told again, if nothing else happens.
    #[serde(default)]
    pub next: Option<Timestamp>,
    /// When it was over, for what is.
    #[serde(default)]
    pub ended: Option<Timestamp>,
}

/// Who looks after an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcknowledgedView {
    /// Who.
    pub by: String,
    /// What is done.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// Alerts that are not told for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceView {
    /// Its number, for `unsilence`.
    pub id: SilenceId,
    /// Which alerts: a key in which `*` stands for any characters.
    pub pattern: Pattern,
    /// Who wants it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl AlertView {
    /// Whether it needs attention now.
    pub fn is_open(&self) -> bool {
        !matches!(self.state.as_str(), "pending" | "resolved")
    }
}

impl AlertsView {
    /// What is known of alerts at `now`; alerts oldest first.
    pub fn of(world: &World, policy: &Policy, now: Moment) -> Self {
        let view = |(key, alert)| alert_view(world, policy, now, key, alert);
        let mut alerts: Vec<AlertView> = world.alerts.iter().filter_map(view).collect();
        alerts.sort_by_key(|alert| alert.since);
        let silences = world.silences.values().map(|silence| silence_view(silence, now));
        Self { alerts, silences: silences.collect() }
    }

    /// The same as far as it is part of the whole picture.
    pub fn of_status(status: &Status) -> Self {
        let mut alerts = status.alerts.clone();
        alerts.extend(status.alerts_aside.iter().cloned());
        alerts.sort_by_key(|alert| alert.since);
        Self { alerts, silences: status.silences.clone() }
    }
}

fn alert_view(
    world: &World,
    policy: &Policy,
    now: Moment,
    key: &Key,
    alert: &Alert,
) -> Option<AlertView> {
    let (since, trouble): (Moment, &Trouble) = match alert {
        Alert::Quiet => return None,
        Alert::Pending { trouble, since, .. } | Alert::Resolved { trouble, since, .. } => {
            (*since, trouble)
        }
        Alert::Firing(episode)
        | Alert::Acknowledged(episode, _)
        | Alert::Ending { episode, .. }
        | Alert::Flapping { episode, .. } => (episode.since, &episode.trouble),
    };
    let ended = match alert {
        Alert::Ending { since, .. } => Some(*since),
        Alert::Flapping { over, .. } => *over,
        Alert::Resolved { at, .. } => Some(*at),
        Alert::Quiet | Alert::Pending { .. } | Alert::Firing(_) | Alert::Acknowledged(..) => None,
    };
    let acknowledged = alert.acknowledgement().map(|by| AcknowledgedView {
        by: by.actor.clone(),
        reason: by.reason.clone(),
        at: by.at.wall,
    });
    Some(AlertView {
        key: key.0.clone(),
        since: since.wall,
        text: trouble.text.clone(),
        remedy: trouble.remedy.clone(),
        severity: trouble.severity,
        state: alert.name().to_owned(),
        acknowledged,
        muted: alert.episode().and_then(|_| muted(policy, world, now, key)),
        told: alert.episode().map_or(0, |episode| episode.told.times),
        next: due_in(policy, world, now, key, alert).map(|left| now.wall.plus(left)),
        ended: ended.map(|at| at.wall),
    })
}

fn silence_view(silence: &Silence, now: Moment) -> SilenceView {
    SilenceView {
        id: silence.id,
        pattern: silence.pattern.clone(),
        by: silence.actor.clone(),
        reason: silence.reason.clone(),
        from: silence.from.wall,
        until: now.wall.plus(silence.left(now)),
    }
}
