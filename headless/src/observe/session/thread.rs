//! The observer's own thread: a large file takes seconds, and the loop must not wait.

use super::tail::{Look, Tail};
use super::watcher::{Sessions, Shown};
use crate::clock::Clock;
use crate::config::SessionPath;
use cappuccino_core::api::{PnlView, TradeView};
use cappuccino_core::trading::Session;
use cappuccino_core::words::{Moment, RevisionId, Span};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Time between two looks at the file that is followed.
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

/// A file with what it told so far.
pub(super) struct Followed {
    revision: Option<RevisionId>,
    tail: Tail,
    session: Session,
    told: Option<Told>,
    looked: Option<Moment>,
}

/// What clients know of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    state: String,
    rows: u64,
    skipped: u64,
    trades: u64,
}

impl<F: Fn()> Observer<F> {
    /// Works until the other end of `orders` is gone.
    pub(super) fn run(mut self, orders: &Receiver<RevisionId>) {
        loop {
            let pause = self.turn();
            match orders.recv_timeout(pause) {
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
        let begin = || Followed::new(Some(revision), Tail::new(path.of(revision)));
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
        if self.followed.as_ref().is_some_and(|followed| followed.revision == key) {
            return;
        }
        self.ended = None;
        self.earlier.retain(|earlier| *earlier != revision);
        // The last rows of the one before; a long file that is not read yet comes later.
        if let Some(last) = &mut self.followed
            && last.look(self.clock.now(), &self.sessions, &self.on_news)
        {
            self.earlier.extend(last.revision);
        }
        self.followed = Some(Followed::new(key, Tail::new(self.path.of(revision))));
        self.sessions.follow(key);
    }
}

impl Followed {
    pub(super) fn new(revision: Option<RevisionId>, tail: Tail) -> Self {
        Self { revision, tail, session: Session::default(), told: None, looked: None }
    }

    /// Looks once and shows what is new; whether more waits to be read.
    fn look(&mut self, now: Moment, sessions: &Sessions, on_news: &impl Fn()) -> bool {
        let look = self.tail.look(&mut self.session);
        if matches!(look, Ok(Look::More)) {
            return true;
        }
        let before = self.looked.replace(now);
        let state = match &look {
            Err(error) => {
                format!("unreadable: {}: {error}; check its rights", self.tail.path().display())
            }
            Ok(_) => match self.session.header_error() {
                Some(error) => format!("unreadable: {}: {error}", self.tail.path().display()),
                None if matches!(look, Ok(Look::Missing)) => "waiting".to_owned(),
                None if self.session.book().rows == 0 => "waiting".to_owned(),
                None => "following".to_owned(),
            },
        };
        let book = self.session.book();
        let (rows, skipped, trades) = (book.rows, book.skipped, book.ledger.tally().trades);
        let told = Told { state, rows, skipped, trades };
        if self.told.as_ref() == Some(&told) {
            return false;
        }
        let is_new_state = self.told.as_ref().is_none_or(|before| before.state != told.state);
        if is_new_state && told.state.starts_with("unreadable") {
            tracing::warn!("the trader's session is {}", told.state);
        }
        self.show(sessions, &told, self.heard(now, before));
        self.told = Some(told);
        on_news();
        false
    }

    /// When the file grew. Its own stamp is of the wall clock, which may have been set: what grew
    /// between two looks did so between them.
    fn heard(&self, now: Moment, before: Option<Moment>) -> Option<Moment> {
        let ago = now.wall.since(self.tail.modified()?).max(Span::ZERO);
        let ago = before.map_or(ago, |before| ago.min(now.since(before)));
        Some(now.plus(Span(-ago.0)))
    }

    fn show(&self, sessions: &Sessions, told: &Told, heard: Option<Moment>) {
        let trades: Vec<TradeView> = {
            let view = |trade| TradeView::of(trade, self.revision);
            self.session.book().trades.iter().map(view).collect()
        };
        let view = PnlView {
            state: told.state.clone(),
            revision: self.revision,
            file: self.tail.path().display().to_string(),
            heard: self.tail.modified(),
            ..PnlView::of(&self.session)
        };
        sessions.show(self.revision, Shown { view, trades: trades.into(), heard });
    }
}
