//! When silence proves nothing: the machine slept a moment ago, or whatever runs on it waits for
//! memory or the disk.

use rustix::time::{ClockId, clock_gettime};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long after a sleep silence is excused: programs find their connections dead and begin anew.
const AFTER_SLEEP: Duration = Duration::from_mins(2);
/// Sleep shorter than this is none, in milliseconds.
const SLEEP_MIN: i64 = 1000;
/// Part of the last minute in which everything waited, in percent, from which a resource is short.
const SHORT: [(&str, f64); 2] = [("memory", 10.0), ("io", 40.0)];

/// Remembers when the machine slept.
pub(super) struct Excuses {
    pressure: PathBuf,
    /// Time asleep since boot, in milliseconds.
    slept: i64,
    woke: Option<Instant>,
}

impl Excuses {
    /// `pressure` is the folder of the kernel's pressure files.
    pub(super) fn new(pressure: PathBuf) -> Self {
        Self { pressure, slept: asleep(), woke: None }
    }

    /// Why silence proves nothing now.
    pub(super) fn look(&mut self, now: Instant) -> Option<String> {
        self.judge(asleep(), now)
    }

    fn judge(&mut self, slept: i64, now: Instant) -> Option<String> {
        if slept.saturating_sub(self.slept) >= SLEEP_MIN {
            self.woke = Some(now);
        }
        self.slept = slept;
        if self.woke.is_some_and(|woke| now.duration_since(woke) < AFTER_SLEEP) {
            return Some("the machine has just woken from sleep".to_owned());
        }
        SHORT.iter().find_map(|(resource, limit)| {
            let text = std::fs::read_to_string(self.pressure.join(resource)).ok()?;
            (full_minute(&text)? >= *limit)
                .then(|| format!("the machine is short of {resource} (pressure {limit} % or more)"))
        })
    }
}

/// `full avg60` of a pressure file (the kernel's documentation, accounting/psi).
fn full_minute(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("full "))?;
    line.split(' ').find_map(|field| field.strip_prefix("avg60="))?.parse().ok()
}

/// How long the machine has slept since boot: one clock counts that, the other does not.
fn asleep() -> i64 {
    let milliseconds = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
    };
    milliseconds(ClockId::Boottime).saturating_sub(milliseconds(ClockId::Monotonic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_and_a_machine_under_pressure_excuse_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let psi = |percent: &str| {
            let text = format!(
                "some avg10=90.00 avg60=90.00 avg300=1.00 total=9\nfull avg10=0.00 avg60={percent} avg300=0.00 total=1\n"
            );
            std::fs::write(folder.path().join("memory"), text).unwrap();
        };
        psi("9.99");
        let mut excuses = Excuses { pressure: folder.path().to_owned(), slept: 500, woke: None };
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(excuses.judge(900, at(0)), None, "clocks are not read at one moment");
        assert!(excuses.judge(3_600_900, at(10)).unwrap().contains("woken"));
        assert!(excuses.judge(3_600_900, at(129)).is_some());
        assert_eq!(excuses.judge(3_600_900, at(130)), None);
        psi("10.00");
        assert!(excuses.judge(3_600_900, at(140)).unwrap().contains("short of memory"));
    }
}
