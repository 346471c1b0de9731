//! What the link tells the app, and what the app asks of the link.

use cappuccino_core::api::{
    Accepted, CommandRequest, Foresight, Hello, LanesView, LogPage, ParamView, SeriesView, Status,
    TradeView, TrialChart, TrialView,
};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{
    ProcessName, RequestId, RevisionId, Span, Timestamp, TrialNumber, Verdict,
};
use std::collections::BTreeMap;

/// One thing that the app learns.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Somebody is being looked for.
    Connecting,
    /// A runner answers.
    Connected(Hello),
    /// Nobody answers, or nobody any more.
    Disconnected {
        /// What is wrong and what helps; one sentence.
        why: String,
        /// Whether simply none is running.
        absent: bool,
        /// When the next try follows.
        retry_in: Span,
    },
    /// The picture; also the sign that the runner is there.
    Status(Box<Status>),
    /// The newest lines of the history, oldest first; replaces what was known.
    History(Vec<Entry>),
    /// The next line of the history.
    Line(Box<Entry>),
    /// The newest trials, newest first.
    Trials(Vec<TrialView>),
    /// The whole study for a chart.
    Chart(TrialChart),
    /// More of a process's output.
    Log(ProcessName, LogPage),
    /// The trader's newest trades, newest first.
    Trades(Vec<TradeView>),
    /// The lanes of the trader's session; nothing where the runner knows none.
    Lanes(Option<LanesView>),
    /// Series that are looked at, by name; those that do not exist are left out.
    Series(BTreeMap<String, SeriesView>),
    /// What precedes the output that is known.
    LogBefore(ProcessName, LogPage),
    /// The hyperparameters of a trial; a sentence when they cannot be read.
    Params(TrialNumber, Result<Vec<ParamView>, String>),
    /// The newest examination of a model, if there is one; a sentence when it cannot be read.
    Examined(RevisionId, Result<Option<Examination>, String>),
    /// What a request would lead to.
    Foreseen(RequestId, Foreseen),
    /// A process's output cannot be read; a sentence.
    LogFailed(ProcessName, String),
    /// A request was answered.
    Answered(RequestId, Outcome),
    /// The runner was asked to start; a sentence when it did not.
    Started(Result<(), String>),
}

impl News {
    /// Whether the runner itself said it.
    pub const fn is_heard(&self) -> bool {
        match self {
            Self::Connected(_)
            | Self::Status(_)
            | Self::History(_)
            | Self::Line(_)
            | Self::Trials(_)
            | Self::Chart(_)
            | Self::Log(..)
            | Self::Trades(_)
            | Self::Lanes(_)
            | Self::Series(_)
            | Self::LogBefore(..)
            | Self::LogFailed(..) => true,
            Self::Params(_, found) => found.is_ok(),
            Self::Examined(_, found) => found.is_ok(),
            Self::Foreseen(_, found) => !matches!(found, Foreseen::Unknown(_)),
            Self::Answered(_, outcome) => matches!(outcome, Outcome::Accepted(_)),
            Self::Connecting | Self::Disconnected { .. } | Self::Started(_) => false,
        }
    }
}

/// What was found in a model's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// When.
    pub at: Timestamp,
    /// What, step by step.
    pub verdict: Verdict,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is being carried out.
    Accepted(Accepted),
    /// It was declined: a sentence; whether the client decided on an older picture.
    Refused {
        /// Why, with the remedy.
        why: String,
        /// Whether the deployment had moved on.
        stale: bool,
    },
    /// Nobody knows whether it arrived: a sentence.
    Unknown(String),
}

/// What a request would lead to.
#[derive(Clone, Debug, PartialEq)]
pub enum Foreseen {
    /// It would be carried out.
    Leads(Box<Foresight>),
    /// It would be refused: a sentence.
    Refused(String),
    /// Nobody says: a sentence.
    Unknown(String),
}

/// One thing that the app asks of the link.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Try to connect now.
    Retry,
    /// Start a runner for this workspace.
    StartRunner,
    /// Ask the runner for something.
    Ask(CommandRequest),
    /// Find out what a request would lead to.
    Foresee(CommandRequest),
    /// Read the hyperparameters of a trial.
    Params(TrialNumber),
    /// Look for the examination of this model in the history.
    Examination(RevisionId),
    /// Read what precedes this offset of the process's output.
    LogBefore(ProcessName, u64),
    /// Follow this process's output from now on, or none: from an offset, or else the end.
    FollowLog(Option<(ProcessName, Option<u64>)>),
    /// Keep the lanes of the trader's session up to date from now on, or not.
    FollowLanes(bool),
    /// Keep these series up to date from now on, or none.
    FollowSeries(Option<SeriesWish>),
}

/// Series in a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesWish {
    /// Their names.
    pub names: Vec<String>,
    /// Length of the stretch.
    pub length: Span,
    /// Its end; the present while there is none.
    pub end: Option<Timestamp>,
    /// Most points of each, as many as there are pixels.
    pub buckets: usize,
}
