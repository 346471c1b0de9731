//! Telling the user: alerts, deployments and rollbacks, by every configured channel.
//!
//! The outbox is the history itself. Each channel keeps the line up to which it has told everything
//! (`place`), and moves on only when a message arrived or was given up: at least once, never again
//! what was confirmed, whatever is killed. Each channel has a thread of its own, so that one that
//! hangs delays neither the others nor the loop; nothing here is waited for by anybody.

pub mod bell;
pub mod hand;
mod heartbeat;
pub mod lane;
pub mod message;
pub mod place;
pub mod quiet;
pub mod secret;
pub mod send;
mod teller;
pub mod worth;

use crate::clock::Clock;
use crate::config::{ChannelConfig, ChannelKind, NotifyConfig};
use bell::Bell;
use cappuccino_core::api::ChannelView;
use cappuccino_core::store::Reader;
use cappuccino_core::words::{ChannelHealth, Sequence};
use hand::{Around, Hand};
use heartbeat::Heartbeat;
use lane::Lane;
use place::Ledger;
use quiet::QuietHours;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use teller::Teller;
use tokio::sync::watch;

/// How long channels may take to end; one that is in the middle of a try is left behind.
const FAREWELL: Duration = Duration::from_millis(700);
/// Between two looks whether they ended.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What clients and the runner's loop see of the channels.
#[derive(Debug, Default)]
pub struct Board {
    channels: Mutex<BTreeMap<String, ChannelView>>,
    health: watch::Sender<BTreeMap<String, ChannelHealth>>,
}

impl Board {
    /// Every channel, by name.
    pub fn channels(&self) -> Vec<ChannelView> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// How every configured channel does, whenever that changes.
    pub fn health(&self) -> watch::Receiver<BTreeMap<String, ChannelHealth>> {
        self.health.subscribe()
    }

    fn show(&self, view: ChannelView) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.insert(view.name.clone(), view);
    }

    fn judge(&self, name: &str, health: ChannelHealth) {
        self.health.send_if_modified(|known| {
            let before = known.insert(name.to_owned(), health.clone());
            before != Some(health)
        });
    }
}

/// What the channels' threads have in common.
struct Shared {
    bell: Arc<Bell>,
    board: Arc<Board>,
    ledger: Ledger,
    quiet_hours: Option<QuietHours>,
    clock: Clock,
}

/// The channels at work.
pub struct Notifier {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Notifier {
    /// Starts every channel; each goes on from where it was, a new one after line `newest`.
    ///
    /// # Errors
    /// `file` cannot be read or written, or the system gives no thread.
    pub fn start(
        config: &NotifyConfig,
        file: &Path,
        reader: &watch::Receiver<Reader>,
        newest: Sequence,
        clock: Clock,
        hand: &Hand,
    ) -> io::Result<Self> {
        let telling = config.channels.iter().filter(|channel| channel.kind.tells());
        let names: Vec<&str> = telling.map(|channel| channel.name.as_str()).collect();
        let shared = Arc::new(Shared {
            bell: Arc::new(Bell::default()),
            board: Arc::new(Board::default()),
            ledger: Ledger::open(file, &names, newest)?,
            quiet_hours: config.quiet_hours,
            clock,
        });
        shared.bell.turn(newest);
        let mut threads = Vec::new();
        for channel in &config.channels {
            shared.board.judge(&channel.name, ChannelHealth::Undecided);
        }
        for channel in &config.channels {
            threads.push(start(channel, Arc::clone(&shared), reader.clone(), hand.clone())?);
        }
        Ok(Self { shared, threads })
    }

    /// What clients see.
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.shared.board)
    }

    /// What the runner's loop rings.
    pub fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.shared.bell)
    }

    /// Ends every channel within a second. A message that is on its way then may be repeated by
    /// the next runner.
    pub fn stop(self) {
        self.shared.bell.end();
        let began = Instant::now();
        while began.elapsed() < FAREWELL && !self.threads.iter().all(JoinHandle::is_finished) {
            thread::sleep(LOOK_AGAIN);
        }
        self.shared.ledger.close();
    }
}

fn start(
    channel: &ChannelConfig,
    shared: Arc<Shared>,
    reader: watch::Receiver<Reader>,
    hand: Hand,
) -> io::Result<JoinHandle<()>> {
    let name = channel.name.clone();
    let around = Around { bell: Arc::clone(&shared.bell), hand: Some(hand) };
    let sender = send::sender_with(&channel.kind, around);
    let thread = thread::Builder::new().name(format!("notify-{name}"));
    if let ChannelKind::Heartbeat { every, .. } = channel.kind {
        let heartbeat = Heartbeat::new(name, every, sender, shared);
        return thread.spawn(move || heartbeat.run());
    }
    let place = shared.ledger.place(&name).unwrap_or_default();
    let lane = Lane::new(channel.clone(), place);
    let kind = channel.kind.name();
    let (last, is_unreadable) = (None, false);
    let teller = Teller { name, kind, lane, sender, reader, shared, last, is_unreadable };
    thread.spawn(move || teller.run())
}
