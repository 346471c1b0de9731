//! What a person answers from a notification, brought to the runner's loop as an ordinary request.

use super::bell::Bell;
use crate::clock::Clock;
use crate::serve::port::{Ask, Reply};
use cappuccino_core::api::{CommandBody, CommandRequest, Status};
use cappuccino_core::words::{Generation, RequestId, RevisionId};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// Who asks, for the record.
const ACTOR: &str = "desktop";

/// What a notification offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Button {
    /// To look after this alert.
    Acknowledge(String),
    /// To undo the deployment of this revision.
    RollBack(RevisionId),
}

/// The way from a button to the runner's loop.
#[derive(Clone)]
pub struct Hand {
    asks: mpsc::Sender<Ask>,
    status: watch::Receiver<Arc<Status>>,
    clock: Clock,
}

impl Button {
    /// Its name between us and the notification daemon.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Acknowledge(_) => "acknowledge",
            Self::RollBack(_) => "rollback",
        }
    }

    /// What a person reads on it.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Acknowledge(_) => "Acknowledge",
            Self::RollBack(_) => "Roll back…",
        }
    }
}

impl Hand {
    /// A hand that asks through `asks`.
    pub const fn new(
        asks: mpsc::Sender<Ask>,
        status: watch::Receiver<Arc<Status>>,
        clock: Clock,
    ) -> Self {
        Self { asks, status, clock }
    }

    /// Asks for what the button says and waits until that is decided; call it on a thread that may
    /// wait. An old notification undoes nothing but what it told of.
    ///
    /// # Errors
    /// A sentence: why it was not done.
    pub fn press(&self, button: &Button) -> Result<String, String> {
        let (command, expected) = self.command(button)?;
        let now = self.clock.now();
        let id = RequestId(format!("{ACTOR}-{}-{}", now.wall.0, now.uptime.0));
        let request = CommandRequest { id, actor: ACTOR.to_owned(), expected, command };
        let (reply, answer) = oneshot::channel();
        let busy = |_full| "the runner is busy; press it again".to_owned();
        self.asks.try_send(Ask { request, reply: Reply::Act(reply) }).map_err(busy)?;
        match answer.blocking_recv() {
            Ok(Ok(accepted)) => Ok(accepted.text),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_gone) => Err("the runner is going down".to_owned()),
        }
    }

    fn command(&self, button: &Button) -> Result<(CommandBody, Option<Generation>), String> {
        let reason = "from its notification".to_owned();
        match button {
            Button::Acknowledge(alert) => {
                Ok((CommandBody::Acknowledge { alert: alert.clone(), reason }, None))
            }
            Button::RollBack(revision) => {
                let status = self.status.borrow();
                let deployment = &status.deployment;
                if deployment.live.as_ref().map(|live| live.id) != Some(*revision) {
                    return Err(format!("revision {revision} is not live any more"));
                }
                let command = CommandBody::Rollback { to: None, hold: true, reason };
                Ok((command, Some(deployment.generation)))
            }
        }
    }
}

/// What senders may need beside the message.
#[derive(Clone)]
pub struct Around {
    /// Tells when the runner goes down.
    pub bell: Arc<Bell>,
    /// The way back, where a runner's loop is.
    pub hand: Option<Hand>,
}
