//! The ways a message leaves: one sender per kind of channel.
//!
//! A sender answers within its own limit of seconds, whatever the other side does.

mod authority;
mod command;
mod desktop;
mod email;
mod http;

use super::bell::Bell;
use super::hand::Around;
use super::lane::Trouble;
use super::message::Message;
use crate::config::ChannelKind;
use std::sync::Arc;

/// One way for a message to leave.
pub trait Sender: Send {
    /// Sends it; `Ok` only when the other side confirmed it.
    ///
    /// # Errors
    /// [`Trouble`]: it may or may not have arrived.
    fn send(&mut self, message: &Message) -> Result<(), Trouble>;
}

/// The sender of a channel that no runner's loop stands behind; `bell` tells it to give up.
pub fn sender(kind: &ChannelKind, bell: Arc<Bell>) -> Box<dyn Sender> {
    sender_with(kind, Around { bell, hand: None })
}

/// The sender of a channel.
pub fn sender_with(kind: &ChannelKind, around: Around) -> Box<dyn Sender> {
    let Around { bell, hand } = around;
    match kind {
        ChannelKind::Desktop => Box::new(desktop::Desktop::new(hand)),
        ChannelKind::Email(config) => Box::new(email::Email::new((**config).clone())),
        ChannelKind::Command { command, directory } => {
            Box::new(command::Command::new(command.clone(), directory.clone(), bell))
        }
        ChannelKind::Ntfy { .. }
        | ChannelKind::Slack { .. }
        | ChannelKind::Discord { .. }
        | ChannelKind::Webhook { .. }
        | ChannelKind::Telegram { .. }
        | ChannelKind::Heartbeat { .. } => Box::new(http::Http::new(kind.clone())),
    }
}
