//! The only clock in the house: the wall, the time since boot, and which boot it is.

use cappuccino_core::words::{BootId, Moment, Span, Timestamp};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Reads the machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    boot: BootId,
}

/// Why the machine's boot cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// The kernel's file cannot be read.
    #[error("cannot read {BOOT_ID_FILE}: {0}; is /proc mounted?")]
    Unreadable(#[from] std::io::Error),
    /// It holds something else than an identity.
    #[error("{BOOT_ID_FILE} holds no boot identity: `{0}`")]
    Malformed(String),
}

const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

impl Clock {
    /// A clock for this boot of the machine.
    ///
    /// # Errors
    /// [`ClockError`] when the kernel does not tell its boot identity.
    pub fn new() -> Result<Self, ClockError> {
        let text = std::fs::read_to_string(BOOT_ID_FILE)?;
        let digits = text.trim().replace('-', "");
        let boot = u128::from_str_radix(&digits, 16)
            .map_err(|_not_hexadecimal| ClockError::Malformed(text.trim().to_owned()))?;
        Ok(Self { boot: BootId(boot) })
    }

    /// Which boot this is.
    pub const fn boot(&self) -> BootId {
        self.boot
    }

    /// The present.
    pub fn now(&self) -> Moment {
        Moment { wall: wall_now(), boot: self.boot, uptime: Span(milliseconds_since_boot()) }
    }
}

/// The present by the wall clock alone, for what needs no boot.
pub fn wall_now() -> Timestamp {
    Timestamp(milliseconds(clock_gettime(ClockId::Realtime)))
}

/// Time since boot, time asleep included.
pub fn milliseconds_since_boot() -> i64 {
    milliseconds(clock_gettime(ClockId::Boottime))
}

fn milliseconds(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_on_both_clocks() {
        let clock = Clock::new().unwrap();
        let before = clock.now();
        let after = clock.now();
        assert!(after.uptime >= before.uptime);
        assert!(before.wall.0 > 1_700_000_000_000, "the wall clock is set");
    }
}
