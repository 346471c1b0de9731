//! The trader's sessions as the runner and its clients see them.

use super::followed::{Followed, ShownLanes, locked};
use super::thread::Observer;
use crate::clock::Clock;
use crate::config::SessionPath;
use crate::observe::rest::{Caller, rest};
use cappuccino_core::api::{LanesView, PnlView, TradeView};
use cappuccino_core::trading::paper::league::Standings;
use cappuccino_core::words::{Moment, RevisionId, Span};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Revisions whose sessions are known at one time, the newest.
const REVISIONS_MAX: usize = 32;
/// What counts as recent.
const DAY: Span = Span::hours(24);

/// What is known of every session; cheap to clone.
#[derive(Clone, Default)]
pub struct Sessions {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    followed: Option<RevisionId>,
    shown: BTreeMap<Option<RevisionId>, Shown>,
}

/// One session, as its observer saw it last.
#[derive(Clone)]
pub(super) struct Shown {
    /// Its figures; their age is told when somebody asks.
    pub(super) view: PnlView,
    /// Its newest trades, oldest first.
    pub(super) trades: Arc<[TradeView]>,
    /// When the file grew, by both clocks: one that is set makes no trader fall silent.
    pub(super) heard: Option<Moment>,
    /// What trades beside it.
    pub(super) lanes: ShownLanes,
}

/// The eyes on the trader's sessions; dropping them ends and joins their thread.
pub struct SessionWatcher {
    path: SessionPath,
    sessions: Sessions,
    asked: Option<RevisionId>,
    orders: Option<Caller<RevisionId>>,
    thread: Option<JoinHandle<()>>,
}

impl SessionWatcher {
    /// Eyes that follow the session of `live`, read those of the `earlier` revisions once, and tell
    /// `on_news` when something changed.
    pub fn spawn(
        path: SessionPath,
        live: Option<RevisionId>,
        earlier: impl DoubleEndedIterator<Item = RevisionId>,
        clock: Clock,
        on_news: impl Fn() + Send + 'static,
    ) -> Self {
        let sessions = Sessions::default();
        let is_earlier = |revision: &RevisionId| {
            path.is_per_revision() && Some(*revision) != live && path.of(*revision).exists()
        };
        let earlier = earlier.rev().filter(is_earlier).take(REVISIONS_MAX).collect();
        // One file for all needs no revision to be followed.
        let single = (!path.is_per_revision()).then(|| path.of(RevisionId(0)));
        let followed = single.map(|file| Followed::new(None, file));
        let observer = Observer {
            path: path.clone(),
            sessions: sessions.clone(),
            clock,
            on_news,
            earlier,
            ended: None,
            followed,
        };
        let begun = rest().and_then(|(orders, rest)| {
            let thread = Builder::new().name("session".to_owned());
            Ok((orders, thread.spawn(move || observer.run(rest))?))
        });
        let begun = begun.inspect_err(|error| tracing::error!("no session is read: {error}"));
        let (orders, thread) = begun.ok().unzip();
        let mut watcher = Self { path, sessions, asked: None, orders, thread };
        if let Some(live) = live {
            watcher.follow(live);
        }
        watcher
    }

    /// Follows the session of `revision` from now on.
    pub fn follow(&mut self, revision: RevisionId) {
        if self.asked == Some(revision) {
            return;
        }
        self.asked = Some(revision);
        if !self.orders.as_ref().is_some_and(|orders| orders.call(revision)) {
            tracing::error!("the observer of the trader's session ended; restart the runner");
        }
    }

    /// The session that is followed, at `now`; waiting before anything is known of it.
    pub fn view(&self, now: Moment) -> PnlView {
        let key = self.asked.filter(|_| self.path.is_per_revision());
        self.sessions.view(key, now).unwrap_or_else(|| PnlView {
            state: "waiting".to_owned(),
            revision: key,
            file: key.map_or_else(String::new, |key| self.path.of(key).display().to_string()),
            ..PnlView::default()
        })
    }

    /// How the lanes of the session stand that is followed; nothing before anything is known of it.
    pub fn standings(&self) -> Option<Arc<Standings>> {
        let key = self.asked.filter(|_| self.path.is_per_revision());
        self.sessions.lanes_of(key).map(|lanes| lanes.standings)
    }

    /// What is known of every session.
    pub fn sessions(&self) -> Sessions {
        self.sessions.clone()
    }
}

impl Drop for SessionWatcher {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the observer of the trader's session had failed");
        }
    }
}

impl Sessions {
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn follow(&self, revision: Option<RevisionId>) {
        self.with(|inner| inner.followed = revision);
    }

    pub(super) fn show(&self, revision: Option<RevisionId>, shown: Shown) {
        self.with(|inner| {
            inner.shown.insert(revision, shown);
            let followed = inner.followed;
            while inner.shown.len() > REVISIONS_MAX {
                let Some(oldest) = inner.shown.keys().find(|key| **key != followed).copied() else {
                    return;
                };
                inner.shown.remove(&oldest);
            }
        });
    }

    fn view(&self, revision: Option<RevisionId>, now: Moment) -> Option<PnlView> {
        self.with(|inner| inner.shown.get(&revision).map(|shown| shown.at(now)))
    }

    fn lanes_of(&self, revision: Option<RevisionId>) -> Option<ShownLanes> {
        self.with(|inner| inner.shown.get(&revision).map(|shown| shown.lanes.clone()))
    }

    /// The lanes of one revision's session, of the one that is followed unless one is named; with
    /// their worth over time in at most so many buckets. Nothing when no such session is known.
    pub fn lanes(&self, revision: Option<RevisionId>, buckets: usize) -> Option<LanesView> {
        let revision = revision.or_else(|| self.with(|inner| inner.followed));
        let ShownLanes { state, file, standings, league } = self.lanes_of(revision)?;
        let view = LanesView::of(&standings, &locked(&league), buckets);
        Some(LanesView { state, revision, file, ..view })
    }

    /// Every session that has begun or is followed, newest revision first.
    pub fn all(&self, now: Moment) -> Vec<PnlView> {
        self.with(|inner| {
            let followed = inner.followed;
            let views = inner.shown.iter().rev();
            let known = |(key, shown): &(&Option<RevisionId>, &Shown)| {
                **key == followed || shown.view.newest.is_some()
            };
            views.filter(known).map(|(_, shown)| shown.at(now)).collect()
        })
    }

    /// At most `limit` trades, newest first by the market's time; of one revision, or of all.
    pub fn trades(&self, revision: Option<RevisionId>, limit: usize) -> Vec<TradeView> {
        let lists: Vec<Arc<[TradeView]>> = self.with(|inner| {
            let wanted = |key: &Option<RevisionId>| revision.is_none() || *key == revision;
            let shown = inner.shown.iter().filter(|(key, _)| wanted(key));
            shown.map(|(_, shown)| shown.trades.clone()).collect()
        });
        let newest = lists.iter().rev().flat_map(|trades| trades.iter().rev().take(limit));
        let mut newest: Vec<&TradeView> = newest.collect();
        newest.sort_by_key(|trade| std::cmp::Reverse(trade.at));
        newest.into_iter().take(limit).cloned().collect()
    }
}

impl Shown {
    /// The figures with what depends on the time. The market's clock goes on from the newest row
    /// by the time since the file grew, so that a trader that fell silent has no recent trades.
    fn at(&self, now: Moment) -> PnlView {
        let age = self.heard.map(|heard| now.since(heard));
        let market = self.view.newest.map(|newest| newest.plus(age.unwrap_or(Span::ZERO)));
        let is_recent = |trade: &&TradeView| market.is_some_and(|at| at.since(trade.at) < DAY);
        let recent = self.trades.iter().rev().take_while(is_recent).count();
        let trades_24h = u64::try_from(recent).unwrap_or(u64::MAX);
        PnlView { age, trades_24h, ..self.view.clone() }
    }
}
