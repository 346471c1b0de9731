//! What wakes the channels' threads: a new line, the end, or nothing for too long.

use cappuccino_core::words::Sequence;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Rung by the runner's loop, heard by every channel.
#[derive(Debug)]
pub struct Bell {
    state: Mutex<Heard>,
    changed: Condvar,
}

/// What was heard last.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// The newest line of the history.
    pub newest: Sequence,
    /// When the runner's loop turned last.
    pub turned: Instant,
    /// The runner goes down.
    pub is_over: bool,
}

impl Default for Bell {
    fn default() -> Self {
        let heard = Heard { newest: Sequence(0), turned: Instant::now(), is_over: false };
        Self { state: Mutex::new(heard), changed: Condvar::new() }
    }
}

impl Bell {
    /// The loop turned, and the history ends at `newest`.
    pub fn turn(&self, newest: Sequence) {
        let mut state = self.lock();
        state.turned = Instant::now();
        if state.newest != newest {
            state.newest = newest;
            self.changed.notify_all();
        }
    }

    /// The runner goes down.
    pub fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    /// What was heard last.
    pub fn heard(&self) -> Heard {
        *self.lock()
    }

    /// Waits for a line other than `newest`, the end, or the end of `limit`.
    pub fn wait(&self, newest: Sequence, limit: Option<Duration>) -> Heard {
        self.until(limit, |heard| heard.is_over || heard.newest != newest)
    }

    /// Waits for the end, at most for `limit`.
    pub fn wait_for_end(&self, limit: Duration) -> Heard {
        self.until(Some(limit), |heard| heard.is_over)
    }

    fn until(&self, limit: Option<Duration>, enough: impl Fn(&Heard) -> bool) -> Heard {
        let state = self.lock();
        let waits = |heard: &mut Heard| !enough(heard);
        match limit {
            None => {
                let waited = self.changed.wait_while(state, waits);
                *waited.unwrap_or_else(PoisonError::into_inner)
            }
            Some(limit) => {
                let waited = self.changed.wait_timeout_while(state, limit, waits);
                *waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
