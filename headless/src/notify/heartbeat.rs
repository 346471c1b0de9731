//! The dead-man's switch: an address that is asked for as long as the runner's loop turns.
//!
//! Whoever owns the address raises the alarm when it is not asked for any more: when the runner,
//! the machine or its network is gone, which nothing on the machine could tell.

use super::Shared;
use super::message::Message;
use super::send::Sender;
use cappuccino_core::api::ChannelView;
use cappuccino_core::words::{Span, Timestamp};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The loop turns at least every 30 seconds; one that was silent for so long hangs.
const LOOP_SILENT_MAX: Duration = Duration::from_mins(2);
/// Pause after a ping that failed, when it is less than the time between two.
const AGAIN: Duration = Duration::from_secs(30);

/// One address that is asked for.
pub(super) struct Heartbeat {
    pub(super) name: String,
    pub(super) every: Span,
    pub(super) sender: Box<dyn Sender>,
    pub(super) shared: Arc<Shared>,
    pub(super) last: Option<Timestamp>,
    pub(super) failing_since: Option<Timestamp>,
}

impl Heartbeat {
    /// Works until the runner goes down.
    pub(super) fn run(mut self) {
        let every = Duration::from_millis(u64::try_from(self.every.0).unwrap_or(0).max(1000));
        loop {
            let outcome = self.ping();
            let pause = if outcome.is_ok() { every } else { AGAIN.min(every) };
            self.show(outcome.err(), pause);
            if self.shared.bell.wait_for_end(pause).is_over {
                return;
            }
        }
    }

    fn ping(&mut self) -> Result<(), String> {
        let silent = Instant::now().saturating_duration_since(self.shared.bell.heard().turned);
        if silent > LOOP_SILENT_MAX {
            let seconds = silent.as_secs();
            return Err(format!(
                "not sent, because the runner's loop has not turned for {seconds} s; look at the \
                 disk and at `cappuccino logs runner`"
            ));
        }
        let outcome = self.sender.send(&Message::test(&self.name));
        outcome.map_err(|trouble| trouble.why().to_owned())
    }

    fn show(&mut self, why: Option<String>, pause: Duration) {
        let now = self.shared.clock.now().wall;
        match (&why, self.failing_since) {
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
        let pause = Span(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
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
}
