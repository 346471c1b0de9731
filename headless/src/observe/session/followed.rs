//! One session with what it told so far: its rows, and the event record that the built-in trader
//! keeps beside them.

use super::tail::{Look, Tail};
use super::watcher::{Sessions, Shown};
use cappuccino_core::api::{PnlView, TradeView};
use cappuccino_core::trading::Session;
use cappuccino_core::trading::paper::league::{League, Standings};
use cappuccino_core::words::{Moment, RevisionId, Span, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Ending of the event record of a session.
pub const EVENTS: &str = "events.jsonl";

/// A session that is read.
pub(super) struct Followed {
    revision: Option<RevisionId>,
    rows: Tail,
    session: Session,
    lanes: Lanes,
    told: Option<Told>,
    looked: Option<Moment>,
    heard: Option<Moment>,
}

/// Its event record.
struct Lanes {
    record: Tail,
    league: Arc<Mutex<League>>,
    standings: Arc<Standings>,
    state: String,
}

/// The lanes of a session, as its observer saw them last.
#[derive(Clone)]
pub(super) struct ShownLanes {
    /// `waiting`, `following` or `unreadable: why`.
    pub(super) state: String,
    /// The event record.
    pub(super) file: String,
    /// How they stand.
    pub(super) standings: Arc<Standings>,
    /// Their bars; locked for moments only, never while anybody compares.
    pub(super) league: Arc<Mutex<League>>,
}

/// What clients know of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    state: String,
    rows: u64,
    skipped: u64,
    trades: u64,
    lanes: String,
    newest_bar: Option<Timestamp>,
}

impl Followed {
    pub(super) fn new(revision: Option<RevisionId>, file: PathBuf) -> Self {
        let lanes = Lanes {
            record: Tail::new(file.with_extension(EVENTS)),
            league: Arc::default(),
            standings: Arc::default(),
            state: String::new(),
        };
        let (rows, session) = (Tail::new(file), Session::default());
        Self { revision, rows, session, lanes, told: None, looked: None, heard: None }
    }

    /// Whose session it is.
    pub(super) const fn revision(&self) -> Option<RevisionId> {
        self.revision
    }

    /// Where its rows are.
    pub(super) fn path(&self) -> &Path {
        self.rows.path()
    }

    /// Looks once and shows what is new; whether more waits to be read.
    pub(super) fn look(&mut self, now: Moment, sessions: &Sessions, on_news: &impl Fn()) -> bool {
        let look = self.rows.look(&mut self.session);
        if matches!(look, Ok(Look::More)) || self.lanes.look() {
            return true;
        }
        let before = self.looked.replace(now);
        let told = self.to_tell(&look);
        if self.told.as_ref() == Some(&told) {
            return false;
        }
        if self.told.as_ref().is_none_or(|known| known.counts() != told.counts()) {
            self.heard = self.grown(now, before);
        }
        let is_new_state = self.told.as_ref().is_none_or(|before| before.state != told.state);
        if is_new_state && told.state.starts_with("unreadable") {
            tracing::warn!("the trader's session is {}", told.state);
        }
        self.show(sessions, &told);
        self.told = Some(told);
        on_news();
        false
    }

    /// When the rows grew. Their file's own stamp is of the wall clock, which may have been set:
    /// what grew between two looks did so between them.
    fn grown(&self, now: Moment, before: Option<Moment>) -> Option<Moment> {
        let ago = now.wall.since(self.rows.modified()?).max(Span::ZERO);
        let ago = before.map_or(ago, |before| ago.min(now.since(before)));
        Some(now.plus(Span(-ago.0)))
    }

    fn to_tell(&self, look: &std::io::Result<Look>) -> Told {
        let (path, book) = (self.rows.path().display(), self.session.book());
        let state = match look {
            Err(error) => format!("unreadable: {path}: {error}; check its rights"),
            Ok(look) => match self.session.header_error() {
                Some(error) => format!("unreadable: {path}: {error}"),
                None if *look == Look::Missing || book.rows == 0 => "waiting".to_owned(),
                None => "following".to_owned(),
            },
        };
        Told {
            state,
            rows: book.rows,
            skipped: book.skipped,
            trades: book.ledger.tally().trades,
            lanes: self.lanes.state.clone(),
            newest_bar: self.lanes.standings.until,
        }
    }

    fn show(&self, sessions: &Sessions, told: &Told) {
        let trades: Vec<TradeView> = {
            let view = |trade| TradeView::of(trade, self.revision);
            self.session.book().trades.iter().map(view).collect()
        };
        let view = PnlView {
            state: told.state.clone(),
            revision: self.revision,
            file: self.rows.path().display().to_string(),
            heard: self.rows.modified(),
            ..PnlView::of(&self.session)
        };
        let (lanes, heard) = (self.lanes.shown(), self.heard);
        sessions.show(self.revision, Shown { view, trades: trades.into(), heard, lanes });
    }
}

impl Told {
    /// What grows with the file of rows.
    const fn counts(&self) -> (u64, u64) {
        (self.rows, self.skipped)
    }
}

impl Lanes {
    /// Looks once; whether more waits to be read.
    fn look(&mut self) -> bool {
        let mut league = locked(&self.league);
        let look = self.record.look(&mut *league);
        let is_behind = league.newest() != self.standings.until;
        drop(league);
        self.state = match look {
            Ok(Look::More) => return true,
            Ok(Look::Missing | Look::Unchanged | Look::Grew) => {
                if is_behind {
                    self.compare();
                }
                let is_empty = self.standings.lanes.is_empty();
                if is_empty { "waiting" } else { "following" }.to_owned()
            }
            Err(error) => {
                let path = self.record.path().display();
                format!("unreadable: {path}: {error}; check its rights")
            }
        };
        false
    }

    /// Compares a copy: whoever draws a picture meanwhile does not wait.
    fn compare(&mut self) {
        let league = locked(&self.league).clone();
        self.standings = Arc::new(league.standings());
    }

    fn shown(&self) -> ShownLanes {
        ShownLanes {
            state: self.state.clone(),
            file: self.record.path().display().to_string(),
            standings: self.standings.clone(),
            league: self.league.clone(),
        }
    }
}

/// The bars; a thread that failed while it held them has left them whole lines.
pub(super) fn locked(league: &Mutex<League>) -> MutexGuard<'_, League> {
    league.lock().unwrap_or_else(PoisonError::into_inner)
}
