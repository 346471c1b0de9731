//! Being asked to stop: SIGTERM and SIGINT become a message that interrupts every wait.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Whether this program was asked to stop.
pub struct Stop(Receiver<()>);

/// Asks the other end to stop, once it is dropped.
pub struct StopHandle(Sender<()>);

impl Stop {
    /// Listens for SIGTERM and SIGINT from now on, for the rest of the process's life.
    ///
    /// # Errors
    /// The system will not announce them.
    pub fn on_signals() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (handle, stop) = Self::by_hand();
        let (mut terminate, mut interrupt) = {
            let _context = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        thread::Builder::new().name("signals".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _told = terminate.recv() => {}
                    _told = interrupt.recv() => {}
                }
            });
            handle.stop();
        })?;
        Ok(stop)
    }

    /// A stop that another thread asks for.
    pub fn by_hand() -> (StopHandle, Self) {
        let (sender, receiver) = mpsc::channel();
        (StopHandle(sender), Self(receiver))
    }

    /// Waits that long, or until asked to stop; whether it was asked.
    pub fn wait(&self, length: Duration) -> bool {
        match self.0.recv_timeout(length) {
            Err(RecvTimeoutError::Timeout) => false,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => true,
        }
    }

    /// Whether it was asked to stop by now.
    pub fn is_asked(&self) -> bool {
        self.wait(Duration::ZERO)
    }
}

impl StopHandle {
    /// Asks to stop.
    pub fn stop(self) {
        drop(self.0);
    }
}
