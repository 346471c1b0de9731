//! Everything the app knows. Pure: news and the present go in, nothing comes out but the picture.

use crate::news::{Examination, Foreseen, News, Outcome};
use cappuccino_core::api::{
    API_VERSION, Hello, LanesView, ParamView, SeriesView, Status, TradeView, TrialChart, TrialView,
};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{Note, RequestId, RevisionId, Span, Timestamp, TrialNumber};
use std::collections::{BTreeMap, VecDeque};

pub mod log;
mod notice;

pub use log::{LogLine, LogModel};
pub use notice::{Notice, Notices, Tone};

/// Lines of the history that are kept.
const HISTORY_MAX: usize = 5_000;
/// A picture older than this is shown as stale.
pub const STALE_AFTER: Span = Span::seconds(6);
/// Trials whose hyperparameters are kept.
const PARAMS_MAX: usize = 200;
/// Models whose examination is kept.
const EXAMINED_MAX: usize = 200;
/// News that are held back while the picture is frozen; more replaces the oldest picture.
const HELD_MAX: usize = 20_000;

/// Whether somebody answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Connection {
    /// Somebody is being looked for.
    Connecting,
    /// A runner answers.
    Live(Hello),
    /// Nobody does.
    Gone {
        /// What is wrong and what helps.
        why: String,
        /// Whether simply none is running.
        absent: bool,
        /// Since when.
        since: Timestamp,
        /// When the next try follows.
        retry_at: Timestamp,
    },
}

/// How far the picture can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing is known, and nobody answers.
    NoRunner,
    /// Nothing is known yet.
    Connecting,
    /// As of this long ago.
    Live(Span),
    /// The runner is connected but has said nothing for this long.
    Stale(Span),
    /// The connection broke then; this is the last picture.
    Lost(Timestamp),
    /// The user froze the picture; this many news wait.
    Frozen(usize),
}

/// A request of ours on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What it was: `Roll back to trial 412`.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
}

/// Everything the app knows.
#[derive(Debug)]
pub struct Model {
    /// The workspace's folder, as it is shown.
    pub workspace: String,
    /// Whether somebody answers.
    pub connection: Connection,
    /// The picture.
    pub status: Option<Status>,
    /// When anything was heard of the runner last.
    pub heard: Timestamp,
    /// The newest lines of the history, oldest first.
    pub history: VecDeque<Entry>,
    /// The newest trials, newest first.
    pub trials: Vec<TrialView>,
    /// The study for a chart.
    pub chart: TrialChart,
    /// The trader's newest trades, newest first.
    pub trades: Vec<TradeView>,
    /// Who trades beside the live model.
    pub lanes: Option<LanesView>,
    /// The series that are looked at, by name.
    pub series: BTreeMap<String, SeriesView>,
    /// The output of the process that is looked at.
    pub log: LogModel,
    /// Hyperparameters of trials that were looked at.
    pub params: BTreeMap<TrialNumber, Result<Vec<ParamView>, String>>,
    /// The newest examination of each model, as far as the history tells.
    pub examined: BTreeMap<RevisionId, Examination>,
    /// Models whose examination was looked for in vain, and why.
    pub unexamined: BTreeMap<RevisionId, String>,
    /// What the open question would lead to; nothing inside while the runner is being asked.
    pub foreseen: Option<(RequestId, Option<Foreseen>)>,
    /// Requests on their way.
    pub pending: BTreeMap<RequestId, Pending>,
    /// What the user is told.
    pub notices: Notices,
    /// Grows with every change of what pages show.
    pub revision: u64,
    frozen: Option<VecDeque<News>>,
}

impl Model {
    /// Knows nothing yet.
    pub fn new(workspace: String) -> Self {
        Self {
            workspace,
            connection: Connection::Connecting,
            status: None,
            heard: Timestamp(0),
            history: VecDeque::new(),
            trials: Vec::new(),
            chart: TrialChart::default(),
            trades: Vec::new(),
            lanes: None,
            series: BTreeMap::new(),
            log: LogModel::default(),
            params: BTreeMap::new(),
            examined: BTreeMap::new(),
            unexamined: BTreeMap::new(),
            foreseen: None,
            pending: BTreeMap::new(),
            notices: Notices::default(),
            revision: 0,
            frozen: None,
        }
    }

    /// Takes in one piece of news.
    pub fn fold(&mut self, news: News, now: Timestamp) {
        let can_wait = matches!(
            news,
            News::Status(_)
                | News::History(_)
                | News::Line(_)
                | News::Trials(_)
                | News::Chart(_)
                | News::Series(_)
                | News::Lanes(_)
                | News::Trades(_)
                | News::Log(..)
                | News::LogBefore(..)
                | News::LogFailed(..)
        );
        if news.is_heard() {
            self.heard = now;
        }
        match &mut self.frozen {
            Some(held) if can_wait => {
                if held.len() >= HELD_MAX {
                    held.pop_front();
                }
                held.push_back(news);
            }
            Some(_) | None => self.take(news, now),
        }
    }

    /// Freezes the picture, or brings it up to date again.
    pub fn toggle_frozen(&mut self, now: Timestamp) {
        match self.frozen.take() {
            None => self.frozen = Some(VecDeque::new()),
            Some(held) => held.into_iter().for_each(|news| self.take(news, now)),
        }
        self.revision = self.revision.wrapping_add(1);
    }

    fn take(&mut self, news: News, now: Timestamp) {
        self.revision = self.revision.wrapping_add(1);
        match news {
            News::Connecting => {
                if matches!(self.connection, Connection::Live(_)) {
                    self.connection = Connection::Connecting;
                }
            }
            News::Connected(hello) => {
                // After an older backup was restored, numbers are given out again.
                self.examined.clear();
                self.unexamined.clear();
                self.connection = Connection::Live(hello);
            }
            News::Disconnected { why, absent, retry_in } => {
                let since = match self.connection {
                    Connection::Gone { since, .. } => since,
                    Connection::Connecting | Connection::Live(_) => now,
                };
                let retry_at = now.plus(retry_in);
                self.connection = Connection::Gone { why, absent, since, retry_at };
            }
            News::Status(status) => self.status = Some(*status),
            News::History(lines) => {
                for line in &lines {
                    self.examine(line);
                }
                self.history = lines.into();
            }
            News::Line(line) => self.remember(*line),
            News::Trials(trials) => {
                // What could not be read is tried again; a trial that is not finished may be given
                // more parameters.
                self.params.retain(|_, params| params.is_ok());
                let is_open = |trial: &&TrialView| !trial.state.is_finished();
                for trial in trials.iter().filter(is_open) {
                    self.params.remove(&trial.number);
                }
                self.trials = trials;
            }
            News::Chart(chart) => self.chart = chart,
            News::Trades(trades) => self.trades = trades,
            News::Lanes(lanes) => self.lanes = lanes,
            News::Series(series) => self.series = series,
            News::Log(process, page) => self.log.add(&process, &page),
            News::LogBefore(process, page) => self.log.add_before(&process, &page),
            News::Params(number, params) => {
                while self.params.len() >= PARAMS_MAX && self.params.pop_first().is_some() {}
                self.params.insert(number, params);
            }
            News::Examined(revision, outcome) => self.take_examined(revision, outcome),
            News::Foreseen(id, foreseen) => self.take_foreseen(&id, foreseen),
            News::LogFailed(process, why) => self.log.fail(&process, why),
            News::Answered(id, outcome) => self.settle(&id, outcome, now),
            News::Started(Ok(())) => {
                self.notices.tell(Tone::Good, "The runner is starting".to_owned(), now);
            }
            News::Started(Err(why)) => self.notices.tell(Tone::Bad, why, now),
        }
    }

    fn examine(&mut self, line: &Entry) {
        if let Note::ModelExamined(revision, _, verdict) = &line.note {
            self.keep_examined(*revision, Examination { at: line.at, verdict: verdict.clone() });
        }
    }

    /// An answer to a question that was closed or changed is nobody's.
    fn take_foreseen(&mut self, id: &RequestId, foreseen: Foreseen) {
        if let Some((asked, answer)) = &mut self.foreseen
            && asked == id
        {
            *answer = Some(foreseen);
        }
    }

    fn take_examined(
        &mut self,
        revision: RevisionId,
        outcome: Result<Option<Examination>, String>,
    ) {
        let why = match outcome {
            Ok(Some(found)) => return self.keep_examined(revision, found),
            Ok(None) => "the history has none".to_owned(),
            Err(why) => why,
        };
        while self.unexamined.len() >= EXAMINED_MAX && self.unexamined.pop_first().is_some() {}
        self.unexamined.insert(revision, why);
    }

    fn keep_examined(&mut self, revision: RevisionId, examination: Examination) {
        self.unexamined.remove(&revision);
        self.examined.remove(&revision);
        while self.examined.len() >= EXAMINED_MAX && self.examined.pop_first().is_some() {}
        self.examined.insert(revision, examination);
    }

    fn remember(&mut self, line: Entry) {
        self.examine(&line);
        // After an older backup was restored, numbers are given out again.
        while self.history.back().is_some_and(|last| last.sequence >= line.sequence) {
            self.history.pop_back();
        }
        if self.history.len() >= HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back(line);
    }

    fn settle(&mut self, id: &RequestId, outcome: Outcome, now: Timestamp) {
        let Some(pending) = self.pending.remove(id) else { return };
        let text = pending.text;
        match outcome {
            Outcome::Accepted(accepted) => {
                self.notices.tell(Tone::Good, format!("{text}: {}", accepted.text), now);
            }
            Outcome::Refused { why, stale: _ } => {
                self.notices.tell(Tone::Bad, format!("{text} was refused: {why}"), now);
            }
            Outcome::Unknown(why) => {
                let told = format!("{text}: nobody knows whether it was done. {why}");
                self.notices.tell(Tone::Bad, told, now);
            }
        }
    }

    /// How far the picture can be trusted.
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        let age = Span(now.since(self.heard).0.max(0));
        match (&self.connection, &self.status) {
            (Connection::Connecting, None) => Freshness::Connecting,
            (Connection::Gone { .. }, None) => Freshness::NoRunner,
            (Connection::Gone { since, .. }, Some(_)) => Freshness::Lost(*since),
            (Connection::Connecting, Some(_)) => Freshness::Lost(self.heard),
            (Connection::Live(_), _) => match &self.frozen {
                Some(held) => Freshness::Frozen(held.len()),
                None if age > STALE_AFTER => Freshness::Stale(age),
                None => Freshness::Live(age),
            },
        }
    }

    /// Whether the picture is frozen.
    pub const fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Why nothing can be asked of the runner now; nothing when it can.
    ///
    /// # Errors
    /// One sentence: the reason.
    pub fn can_ask(&self, now: Timestamp) -> Result<(), String> {
        if let Some(why) = self.read_only() {
            return Err(why);
        }
        match self.freshness(now) {
            Freshness::Live(_) => Ok(()),
            Freshness::NoRunner | Freshness::Lost(_) => Err("no runner is connected".into()),
            Freshness::Connecting => Err("the runner has not answered yet".into()),
            Freshness::Stale(_) => Err("the picture is stale: the runner is silent".into()),
            Freshness::Frozen(_) => Err("the picture is frozen; unfreeze it first".into()),
        }
    }

    /// Why the connected runner is only read from; nothing when it can be asked.
    pub fn read_only(&self) -> Option<String> {
        let Connection::Live(hello) = &self.connection else { return None };
        (hello.api != API_VERSION).then(|| {
            format!(
                "read only: the runner speaks version {} of the interface, this app version \
                 {API_VERSION}; restart the runner with the installed program",
                hello.api
            )
        })
    }
}

#[cfg(test)]
mod tests;
