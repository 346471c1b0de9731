//! The observer's own thread: a large file takes seconds, and the loop must not wait.

use super::followed::Followed;
use super::watcher::Sessions;
use crate::clock::Clock;
use crate::config::SessionPath;
use crate::observe::rest::Rest;
use cappuccino_core::words::RevisionId;
use std::collections::VecDeque;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Time between two looks at the file that is followed, while it grows.
const POLL: Duration = Duration::from_secs(2);

/// Follows one file, and reads those of earlier revisions once.
pub(super) struct Observer<F> {
    /// Where the files are.
    pub(super) path: SessionPath,
    /// What clients see of them.
    pub(super) sessions: Sessions,
    /// The present.
    pub(super) clock: Clock,
    /// Told when something changed there.
    pub(super) on_news: F,
    /// Earlier revisions whose files are still to be read.
    pub(super) earlier: VecDeque<RevisionId>,
    /// The first of them, while it is being read.
    pub(super) ended: Option<Followed>,
    /// The file that is followed.
    pub(super) followed: Option<Followed>,
}

impl<F: Fn()> Observer<F> {
    /// Works until the other end of `rest` is gone.
    pub(super) fn run(mut self, mut rest: Rest<RevisionId>) {
        loop {
            let pause = self.turn();
            let file = self.followed.as_ref().map(Followed::path);
            match rest.wait(file, pause) {
                Ok(revision) => self.follow(revision),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Looks once; how long to wait for the next look.
    fn turn(&mut self) -> Duration {
        let now = self.clock.now();
        let followed = self.followed.as_mut();
        if followed.is_some_and(|followed| followed.look(now, &self.sessions, &self.on_news)) {
            return Duration::ZERO;
        }
        let Some(revision) = self.earlier.front().copied() else { return POLL };
        let path = &self.path;
        let begin = || Followed::new(Some(revision), path.of(revision));
        let mut ended = self.ended.take().unwrap_or_else(begin);
        if ended.look(now, &self.sessions, &self.on_news) {
            self.ended = Some(ended);
        } else {
            self.earlier.pop_front();
        }
        Duration::ZERO
    }

    fn follow(&mut self, revision: RevisionId) {
        let key = self.path.is_per_revision().then_some(revision);
        if self.followed.as_ref().is_some_and(|followed| followed.revision() == key) {
            return;
        }
        self.ended = None;
        self.earlier.retain(|earlier| *earlier != revision);
        // The last rows of the one before; a long file that is not read yet comes later.
        if let Some(last) = &mut self.followed
            && last.look(self.clock.now(), &self.sessions, &self.on_news)
        {
            self.earlier.extend(last.revision());
        }
        self.followed = Some(Followed::new(key, self.path.of(revision)));
        self.sessions.follow(key);
    }
}
