//! What is read of the runner, one answer after the other, on one connection.

use super::End;
use crate::clock::wall_now;
use crate::news::SeriesWish;
use cappuccino_core::api::{
    LanesView, LogPage, SeriesView, Status, TradeView, TrialChart, TrialView,
};
use cappuccino_core::client::{Client, ClientError};
use cappuccino_core::words::{ProcessName, Span};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::timeout;

/// How long a reading may take before the runner counts as silent.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The table shows no curves.
const LANES: &str = "/v1/lanes?buckets=0";

/// A process's output from an offset on; its end while there is none.
pub(super) type LogPlace = (ProcessName, Option<u64>);

/// One thing to read.
#[derive(Debug)]
pub(super) enum Question {
    Status,
    Chart,
    Trials,
    Trades,
    Lanes,
    /// All at once when the runner can, or else one after the other.
    Series(SeriesWish, bool),
    Log(LogPlace),
    LogBefore(ProcessName, u64),
}

/// What was read.
#[derive(Debug)]
pub(super) enum Answer {
    Status(Box<Status>),
    Chart(TrialChart),
    Trials(Vec<TrialView>),
    Trades(Vec<TradeView>),
    Lanes(Option<LanesView>),
    Series(SeriesWish, BTreeMap<String, SeriesView>),
    Log(LogPlace, Result<LogPage, String>),
    LogBefore(ProcessName, Result<LogPage, String>),
}

/// A reading under way; it gives the connection back.
pub(super) type Reading = Pin<Box<dyn Future<Output = (Client, Result<Answer, End>)>>>;

/// Begins to read.
pub(super) fn begin(mut client: Client, question: Question) -> Reading {
    Box::pin(async move {
        let answer = answer(&mut client, question).await;
        (client, answer.map_err(End::from))
    })
}

async fn answer(client: &mut Client, question: Question) -> Result<Answer, Silence> {
    Ok(match question {
        Question::Status => Answer::Status(Box::new(read(client, "/v1/status").await?)),
        Question::Chart => Answer::Chart(read(client, "/v1/trials/chart").await?),
        Question::Trials => Answer::Trials(read(client, "/v1/trials?limit=1000").await?),
        Question::Trades => Answer::Trades(read(client, "/v1/trades?limit=500").await?),
        // A runner of before knows no lanes.
        Question::Lanes => Answer::Lanes(unless_refused(read(client, LANES).await)?.ok()),
        Question::Series(wish, at_once) => {
            let found = series(client, &wish, at_once).await?;
            Answer::Series(wish, found)
        }
        Question::Log((name, at)) => {
            let path = match at {
                Some(at) => format!("/v1/logs/{name}?from={at}"),
                None => format!("/v1/logs/{name}"),
            };
            let page = unless_refused(read(client, &path).await)?;
            Answer::Log((name, at), page)
        }
        Question::LogBefore(name, offset) => {
            let path = format!("/v1/logs/{name}?before={offset}");
            let page = unless_refused(read(client, &path).await)?;
            Answer::LogBefore(name, page)
        }
    })
}

/// Those that are not measured yet, or not recorded, are left out: their charts stay empty.
async fn series(
    client: &mut Client,
    wish: &SeriesWish,
    at_once: bool,
) -> Result<BTreeMap<String, SeriesView>, Silence> {
    let end = wish.end.unwrap_or_else(wall_now);
    let from = end.plus(Span(-wish.length.0));
    let stretch = format!("from={from}&to={end}&buckets={}", wish.buckets);
    let mut found = Vec::new();
    if at_once {
        let path = format!("/v1/curves?names={}&{stretch}", wish.names.join(","));
        found = unless_refused(read(client, &path).await)?.unwrap_or_default();
    } else {
        for name in &wish.names {
            let path = format!("/v1/series/{name}?{stretch}");
            found.extend(unless_refused(read::<SeriesView>(client, &path).await)?);
        }
    }
    Ok(found.into_iter().map(|series| (series.name.clone(), series)).collect())
}

/// Why a reading gave nothing.
pub(super) enum Silence {
    Refused(String),
    Broken(String),
}

impl From<Silence> for End {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Refused(why) | Silence::Broken(why) => Self::Broken(why),
        }
    }
}

/// A refusal is an answer here; anything else ends the conversation.
fn unless_refused<T>(read: Result<T, Silence>) -> Result<Result<T, String>, Silence> {
    match read {
        Ok(value) => Ok(Ok(value)),
        Err(Silence::Refused(why)) => Ok(Err(why)),
        Err(broken @ Silence::Broken(_)) => Err(broken),
    }
}

/// Reads one answer.
pub(super) async fn read<T: DeserializeOwned>(
    client: &mut Client,
    path: &str,
) -> Result<T, Silence> {
    within(READ_TIMEOUT, client.get_json(path)).await
}

/// Waits for an answer, but not for ever.
pub(super) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, Silence> {
    match timeout(limit, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(ClientError::Refused { body, .. })) => Err(Silence::Refused(body.error)),
        Ok(Err(error)) => Err(Silence::Broken(error.to_string())),
        Err(_elapsed) => Err(Silence::Broken(format!(
            "the runner did not answer within {} s; look at its log with `cappuccino logs runner`",
            limit.as_secs()
        ))),
    }
}
