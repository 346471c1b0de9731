//! The engine's part for alerts: who raises them, what mutes them, when each is told again.

use super::{Addressed, Draft, Engine};
use crate::machines::alert::{self, Alert, Key};
use crate::machines::{Answer, process};
use crate::rules::{inhibition, vitals};
use crate::words::{
    AlertRule, Command, Moment, Note, Pattern, Policy, ProcessName, Refusal, Request, Role,
    Silence, SilenceId, Span, Vitals,
};
use crate::world::World;

/// Silences at one time: more of them are a habit, not an exception.
const SILENCES_MAX: u32 = 100;
/// A silence that outlives its reason is how outages are missed.
const SILENCE_MAX: Span = Span::hours(30 * 24);
const SILENCE_MIN: Span = Span::seconds(1);
/// Longest pattern, in bytes.
const PATTERN_MAX: usize = 200;

impl Engine {
    /// Time until an alert or a silence needs a tick.
    pub(super) fn alerts_deadline(&self, now: Moment) -> Option<Span> {
        let due = |(key, alert): (&Key, &Alert)| due_in(&self.policy, &self.world, now, key, alert);
        let alerts = self.world.alerts.iter().filter_map(due);
        alerts.chain(self.world.silences.values().map(|silence| silence.left(now))).min()
    }
}

/// Why the alert `key` is not to be told at `now`.
pub fn muted(policy: &Policy, world: &World, now: Moment, key: &Key) -> Option<String> {
    let is_silent =
        |silence: &&Silence| silence.left(now) > Span::ZERO && silence.pattern.matches(&key.0);
    if let Some(silence) = world.silences.values().find(is_silent) {
        return Some(format!("{} silenced it: {}", silence.actor, silence.reason));
    }
    let role = |name: &str| {
        let name = ProcessName::new(name).ok()?;
        policy.processes.get(&name).map(|process| process.role)
    };
    let source = inhibition::source(&key.0, role)?;
    let alert = world.alerts.get(&Key(source.to_owned()))?;
    alert.episode().map(|_| format!("it follows from {source}"))
}

/// Time until a tick matters to this alert.
pub fn due_in(
    policy: &Policy,
    world: &World,
    now: Moment,
    key: &Key,
    alert: &Alert,
) -> Option<Span> {
    let (rule, muted) = (policy.alerts.of(&key.0), muted(policy, world, now, key));
    alert.deadline(alert::Context { key, rule: &rule, now, muted: muted.as_deref() })
}

impl Draft<'_> {
    /// Raises and clears what a look at the machine says.
    pub(super) fn judge(&mut self, vitals: &Vitals) {
        let is_training = self.policy.processes.iter().any(|(name, policy)| {
            let process = self.world.processes.get(name);
            policy.role == Role::Worker && process.is_some_and(process::Process::is_running)
        });
        let alerts = &self.world.alerts;
        let trouble = |key: &str| alerts.get(&Key(key.to_owned()))?.trouble();
        let raised = |key: &str| trouble(key).map(|trouble| trouble.severity);
        let found = vitals::findings(&self.policy.vitals, vitals, is_training, raised);
        let gone = vitals::of_cards_gone(vitals, alerts.keys().map(|key| key.0.as_str()));
        for vitals::Finding { key, trouble } in found.into_iter().chain(gone) {
            let event = trouble.map_or(alert::Event::Clear, alert::Event::Raise);
            self.queue.push_back(Addressed::Alert(Key(key), event));
        }
    }

    /// Level-triggered: whatever is due is told, whoever made it due.
    pub(super) fn press_alerts(&mut self) {
        self.end_silences();
        let is_due = |(key, alert): &(&Key, &Alert)| {
            due_in(self.policy, &self.world, self.now, key, alert) == Some(Span::ZERO)
        };
        let due: Vec<Key> =
            self.world.alerts.iter().filter(is_due).map(|(key, _)| key.clone()).collect();
        for key in due {
            self.queue.push_back(Addressed::Alert(key, alert::Event::Tick));
        }
    }

    fn end_silences(&mut self) {
        let (now, notes) = (self.now, &mut self.notes);
        self.world.silences.retain(|id, silence| {
            let goes_on = silence.left(now) > Span::ZERO;
            if !goes_on {
                notes.push(Note::SilenceEnded(*id, silence.pattern.clone()));
            }
            goes_on
        });
    }

    pub(super) fn tell_alert(&mut self, key: Key, event: &alert::Event) -> Result<(), Refusal> {
        let present = self.world.alerts.get(&key).cloned().unwrap_or_default();
        let rule: AlertRule = self.policy.alerts.of(&key.0);
        let muted = muted(self.policy, &self.world, self.now, &key);
        let (key_, now, muted) = (&key, self.now, muted.as_deref());
        let context = alert::Context { key: key_, rule: &rule, now, muted };
        let answer: Answer<Alert> = alert::step(context, &present, event);
        self.take(answer, |world, alert| {
            if alert == Alert::Quiet {
                world.alerts.remove(&key);
            } else {
                world.alerts.insert(key, alert);
            }
        })
    }

    /// Carries out what an operator asks about alerts.
    pub(super) fn ask_alerts(&mut self, request: &Request) -> Result<(), Refusal> {
        let actor = request.actor.clone();
        match &request.command {
            Command::Acknowledge { alert, reason } => {
                let event = alert::Event::Acknowledge(actor, reason.clone());
                self.tell_alert(Key(alert.clone()), &event)
            }
            Command::Unacknowledge { alert } => {
                self.tell_alert(Key(alert.clone()), &alert::Event::Unacknowledge)
            }
            Command::Silence { pattern, lasts, reason } => {
                self.silence(pattern, *lasts, actor, reason.clone())
            }
            Command::Unsilence { silence } => match self.world.silences.remove(silence) {
                Some(_) => Ok(()),
                None => Err(Refusal::UnknownSilence(*silence)),
            },
            Command::Deploy { .. }
            | Command::Rollback { .. }
            | Command::Hold { .. }
            | Command::Unhold { .. }
            | Command::Approve
            | Command::Reject { .. }
            | Command::Pause { .. }
            | Command::Resume
            | Command::Restart { .. }
            | Command::Reset { .. } => Ok(()),
        }
    }

    fn silence(
        &mut self,
        pattern: &Pattern,
        lasts: Span,
        actor: String,
        reason: String,
    ) -> Result<(), Refusal> {
        if !(SILENCE_MIN..=SILENCE_MAX).contains(&lasts) {
            return Err(Refusal::SilenceLength(SILENCE_MAX));
        }
        if !(1..=PATTERN_MAX).contains(&pattern.0.len()) {
            return Err(Refusal::NoPattern(pattern.0.clone()));
        }
        if u32::try_from(self.world.silences.len()).unwrap_or(u32::MAX) >= SILENCES_MAX {
            return Err(Refusal::TooManySilences(SILENCES_MAX));
        }
        self.world.asked = self.world.asked.saturating_add(1);
        let (id, from) = (SilenceId(self.world.asked), self.now);
        let silence = Silence { id, pattern: pattern.clone(), actor, reason, from, lasts };
        self.world.silences.insert(id, silence);
        Ok(())
    }
}
