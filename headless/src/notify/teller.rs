//! The thread of one channel: reads the history, sends what is due, keeps how far it is.

use super::Shared;
use super::lane::{Failed, Lane, Next, Trouble};
use super::message::Message;
use super::send::Sender;
use cappuccino_core::api::ChannelView;
use cappuccino_core::store::Reader;
use cappuccino_core::words::{ChannelHealth, Span, Timestamp};
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Lines read from the store at a time.
const PAGE: usize = 200;
/// Pause before a store that cannot be read is read again.
const REREAD: Duration = Duration::from_secs(2);
/// Longest sleep while lines wait: the wall clock may be set, the machine may have slept.
const SLEEP_MAX: Span = Span::minutes(1);

/// One channel at work.
pub(super) struct Teller {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) lane: Lane,
    pub(super) sender: Box<dyn Sender>,
    pub(super) reader: watch::Receiver<Reader>,
    pub(super) shared: Arc<Shared>,
    pub(super) last: Option<Timestamp>,
    pub(super) is_unreadable: bool,
}

impl Teller {
    /// Works until the runner goes down.
    pub(super) fn run(mut self) {
        let mut heard = self.shared.bell.heard();
        self.show(self.shared.clock.now().wall, None);
        while !heard.is_over {
            let could_read = self.read();
            let now = self.shared.clock.now().wall;
            let is_quiet =
                self.shared.quiet_hours.is_some_and(|hours| hours.hold(now, TimeZone::system()));
            match self.lane.next(now, is_quiet) {
                Next::Send(message) => {
                    self.tell(&message);
                    heard = self.shared.bell.heard();
                }
                Next::Wait(wait) => {
                    // What waits in a history that cannot be read is not known.
                    if could_read {
                        self.shared.board.judge(&self.name, self.health());
                    }
                    self.show(now, wait);
                    let limit = if could_read { self.sleep(wait) } else { Some(REREAD) };
                    heard = self.shared.bell.wait(heard.newest, limit);
                }
            }
        }
    }

    /// Takes every new line in; whether the store could be read.
    fn read(&mut self) -> bool {
        while let Some(from) = self.lane.wants_from() {
            let reader = self.reader.borrow().clone();
            match reader.entries(from, PAGE) {
                Ok(page) => {
                    self.is_unreadable = false;
                    if page.iter().fold(false, |keep, entry| self.lane.take(entry) | keep) {
                        self.keep();
                    }
                    if page.len() < PAGE {
                        return true;
                    }
                }
                Err(error) => {
                    if !self.is_unreadable {
                        tracing::warn!("`{}` cannot read the history: {error}", self.name);
                    }
                    self.is_unreadable = true;
                    return false;
                }
            }
        }
        true
    }

    fn tell(&mut self, message: &Message) {
        let outcome = self.sender.send(message);
        let now = self.shared.clock.now().wall;
        match outcome {
            Ok(()) => {
                if self.lane.failing().is_some() {
                    tracing::info!("notifications by `{}` arrive again", self.name);
                }
                self.last = Some(now);
                self.lane.arrived(message, now);
                self.keep();
            }
            Err(trouble) => self.told_in_vain(message, trouble, now),
        }
    }

    fn told_in_vain(&mut self, message: &Message, trouble: Trouble, now: Timestamp) {
        if self.lane.failing().is_none() {
            let why = trouble.why();
            tracing::warn!("notifications by `{}` do not arrive: {why}; tried again", self.name);
        }
        let dead = self.lane.failed(message, trouble, now);
        if let Some(newest) = dead.last() {
            tracing::error!(
                "`{}` gave {} line(s) up, the newest is line {}: {}",
                self.name,
                dead.len(),
                newest.sequence,
                newest.why
            );
            self.keep();
        }
    }

    fn keep(&self) {
        if let Err(error) = self.shared.ledger.keep(&self.name, self.lane.place()) {
            tracing::error!(
                "how far `{}` is could not be kept: {error}; after a restart it may repeat itself",
                self.name
            );
        }
    }

    fn sleep(&self, wait: Option<Span>) -> Option<Duration> {
        (self.lane.waiting() > 0).then(|| {
            let wait = wait.unwrap_or(SLEEP_MAX).min(SLEEP_MAX);
            Duration::from_millis(u64::try_from(wait.0).unwrap_or(0).max(1))
        })
    }

    fn health(&self) -> ChannelHealth {
        match self.lane.failing().map(Failed::needs_attention) {
            Some(Some(why)) => ChannelHealth::Fails(why.to_owned()),
            None if self.last.is_some() => ChannelHealth::Works,
            None if self.lane.waiting() == 0 => ChannelHealth::Untried,
            Some(None) | None => ChannelHealth::Undecided,
        }
    }

    fn show(&self, now: Timestamp, wait: Option<Span>) {
        let place = self.lane.place();
        let failing = self.lane.failing();
        let state = match failing.map(|failed| &failed.trouble) {
            Some(Trouble::Unavailable(why)) => format!("unavailable: {why}"),
            Some(Trouble::Failed { why, .. } | Trouble::Refused(why)) => format!("failing: {why}"),
            None if self.lane.waiting() > 0 => "waiting".to_owned(),
            None => "ok".to_owned(),
        };
        self.shared.board.show(ChannelView {
            name: self.name.clone(),
            kind: self.kind.to_owned(),
            state,
            delivered: place.delivered,
            waiting: u64::try_from(self.lane.waiting()).unwrap_or(u64::MAX),
            last: self.last,
            failing_since: failing.map(|failed| failed.since),
            next_try: wait.map(|wait| now.plus(wait)),
            dead: place.dead.clone(),
        });
    }
}
