//! Waiting that ends at once when the process is asked to stop.

use std::io;
use std::time::{Duration, Instant};

/// SIGTERM and SIGINT, taken out of their usual way.
pub struct StopSignals(libc::sigset_t);

impl StopSignals {
    /// Takes the signals; call it before any thread is started.
    ///
    /// # Errors
    /// The system refuses.
    pub fn take() -> io::Result<Self> {
        let mut set = std::mem::MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set; the signals are valid numbers.
        let set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
            libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
            set.assume_init()
        };
        // SAFETY: the set is initialised.
        match unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut())
        } {
            0 => Ok(Self(set)),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// Waits; whether the process was asked to stop meanwhile.
    pub fn wait(&self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let time = libc::timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            // SAFETY: set and time are initialised; no information is asked for.
            let signal = unsafe {
                libc::sigtimedwait(&raw const self.0, std::ptr::null_mut(), &raw const time)
            };
            if signal > 0 {
                return true;
            }
            if left.is_zero() {
                return false;
            }
        }
    }
}
