//! How long something has not changed, in time that the machine was awake.

use cappuccino_core::words::Span;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

/// One look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Something happened since the last look.
    Active,
    /// Nothing did.
    Still,
    /// A file's length and time of change, in nanoseconds: others than at the last look are
    /// activity. A file that is not there has neither.
    File(Option<(u64, i128)>),
}

/// A silence, begun at the last activity. `Instant` stands still while the machine sleeps.
pub(super) struct Silence {
    since: Instant,
    last: Option<Look>,
}

impl Silence {
    pub(super) const fn new(now: Instant) -> Self {
        Self { since: now, last: None }
    }

    /// Takes a look; how long the silence lasts.
    pub(super) fn heard(&mut self, look: Look, now: Instant) -> Span {
        let before = self.last.replace(look);
        let is_active = match look {
            Look::Active => true,
            Look::Still => false,
            Look::File(_) => before.is_some_and(|before| before != look),
        };
        if is_active {
            self.since = now;
        }
        let silent = now.duration_since(self.since).as_millis();
        Span(i64::try_from(silent).unwrap_or(i64::MAX))
    }
}

/// A look at a file.
pub(super) fn of_file(path: &Path) -> Look {
    let stamp = std::fs::metadata(path).ok().map(|file| {
        let changed = i128::from(file.mtime()) * 1_000_000_000 + i128::from(file.mtime_nsec());
        (file.len(), changed)
    });
    Look::File(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_silence_begins_with_the_last_change_and_a_missing_file_is_silent() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut silence = Silence::new(begin);
        let file = |length| Look::File(Some((length, 5)));
        let heard: Vec<Span> = [
            silence.heard(file(1), at(10)),
            silence.heard(file(1), at(20)),
            silence.heard(file(2), at(30)),
            silence.heard(Look::File(None), at(40)),
            silence.heard(Look::File(None), at(100)),
            silence.heard(Look::Active, at(110)),
            silence.heard(Look::Still, at(111)),
        ]
        .into();
        assert_eq!(heard, [10, 20, 0, 0, 60, 0, 1].map(Span::seconds));
    }
}
