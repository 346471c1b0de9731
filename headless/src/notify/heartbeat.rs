//! The dead-man's switch: an address that is asked for as long as the runner's loop turns.
//!
//! Whoever owns the address raises the alarm when it is not asked for any more: when the runner,
//! the machine or its network is gone, which nothing on the machine could tell.

use super::Shared;
use super::lane::{TELL_AFTER, Trouble};
use super::message::Message;
use super::send::Sender;
use cappuccino_core::api::ChannelView;
use cappuccino_core::words::{ChannelHealth, Span, Timestamp};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The loop turns at least every 30 seconds; one that was silent for so long hangs.
const LOOP_SILENT_MAX: Duration = Duration::from_mins(2);
/// Pause after a ping that failed, when it is less than the time between two.
const AGAIN: Span = Span::seconds(30);
/// Longest pause that the other side may ask for: after a longer one we would be taken for dead.
const ASKED_MAX: Span = Span::hours(1);

/// One address that is asked for.
pub(super) struct Heartbeat {
    name: String,
    every: Span,
    sender: Box<dyn Sender>,
    shared: Arc<Shared>,
    last: Option<Timestamp>,
    failing_since: Option<Timestamp>,
    /// Pings that failed in a row.
    failed: u32,
}

impl Heartbeat {
    pub(super) const fn new(
        name: String,
        every: Span,
        sender: Box<dyn Sender>,
        shared: Arc<Shared>,
    ) -> Self {
        Self { name, every, sender, shared, last: None, failing_since: None, failed: 0 }
    }

    /// Works until the runner goes down.
    pub(super) fn run(mut self) {
        loop {
            let outcome = self.ping();
            let pause = self.pause(&outcome);
            self.show(outcome.err().as_ref().map(Trouble::why), pause);
            let pause = Duration::from_millis(u64::try_from(pause.0).unwrap_or(0).max(1000));
            if self.shared.bell.wait_for_end(pause).is_over {
                return;
            }
        }
    }

    fn pause(&self, outcome: &Result<(), Trouble>) -> Span {
        let again = AGAIN.min(self.every);
        match outcome {
            Ok(()) => self.every,
            Err(Trouble::Failed { retry_after: Some(asked), .. }) => {
                again.max((*asked).min(ASKED_MAX))
            }
            Err(Trouble::Failed { .. } | Trouble::Refused(_) | Trouble::Unavailable(_)) => again,
        }
    }

    fn ping(&mut self) -> Result<(), Trouble> {
        let silent = Instant::now().saturating_duration_since(self.shared.bell.heard().turned);
        if silent > LOOP_SILENT_MAX {
            let seconds = silent.as_secs();
            return Err(Trouble::failed(format!(
                "not sent, because the runner's loop has not turned for {seconds} s; look at the \
                 disk and at `cappuccino logs runner`"
            )));
        }
        self.sender.send(&Message::test(&self.name))
    }

    fn show(&mut self, why: Option<&str>, pause: Span) {
        let now = self.shared.clock.now().wall;
        match (why, self.failing_since) {
            (Some(why), None) => {
                tracing::warn!("the heartbeat `{}` does not arrive: {why}", self.name);
                self.failing_since = Some(now);
            }
            (None, failing_since) => {
                if failing_since.is_some() {
                    tracing::info!("the heartbeat `{}` arrives again", self.name);
                }
                (self.last, self.failing_since) = (Some(now), None);
            }
            (Some(_), Some(_)) => {}
        }
        self.failed = why.map_or(0, |_| self.failed.saturating_add(1));
        self.shared.board.judge(&self.name, self.health(why));
        self.shared.board.show(ChannelView {
            name: self.name.clone(),
            kind: "heartbeat".to_owned(),
            state: why.map_or_else(|| "ok".to_owned(), |why| format!("failing: {why}")),
            last: self.last,
            failing_since: self.failing_since,
            next_try: Some(now.plus(pause)),
            ..ChannelView::default()
        });
    }

    fn health(&self, why: Option<&str>) -> ChannelHealth {
        match why {
            None => ChannelHealth::Works,
            Some(why) if self.failed >= TELL_AFTER => ChannelHealth::Fails(why.to_owned()),
            Some(_) => ChannelHealth::Undecided,
        }
    }
}
