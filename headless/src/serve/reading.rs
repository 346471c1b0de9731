//! What clients read: who is there, the picture, trials, trades, the history.

use super::Window;
use super::answer::{Problem, read};
use super::port::Order;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use cappuccino_core::api::{
    AlertsView, ChannelView, Hello, PnlView, Status, TradeView, TrialChart, TrialView,
};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{RevisionId, Sequence, TrialNumber};
use serde::Deserialize;
use std::sync::Arc;

/// Most lines, trials or trades in one answer.
const PAGE_MAX: usize = 1000;
/// Lines, trials or trades when the client names no number.
const PAGE_DEFAULT: usize = 100;

/// Fewest and most dots of a chart, and as many as fill a wide screen.
const DOTS: std::ops::RangeInclusive<usize> = 100..=20_000;
const DOTS_DEFAULT: usize = 4_000;

/// A query string, or why it is none.
pub(super) type Asked<T> = Result<Query<T>, QueryRejection>;

pub(super) async fn hello(State(window): State<Window>) -> Json<Hello> {
    Json(Hello::clone(&window.port.hello))
}

pub(super) async fn status(State(window): State<Window>) -> Json<Status> {
    let latest = Arc::clone(&window.port.status.borrow());
    Json(Status::clone(&latest))
}

pub(super) async fn alerts(State(window): State<Window>) -> Json<AlertsView> {
    Json(AlertsView::of_status(&window.port.status.borrow()))
}

pub(super) async fn notifications(State(window): State<Window>) -> Json<Vec<ChannelView>> {
    Json(window.port.notifications.channels())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrialsQuery {
    #[serde(default)]
    order: OrderWord,
    limit: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OrderWord {
    #[default]
    Newest,
    Best,
}

pub(super) async fn trials(
    State(window): State<Window>,
    query: Asked<TrialsQuery>,
) -> Result<Json<Vec<TrialView>>, Problem> {
    let query = understood(query)?;
    let order = match query.order {
        OrderWord::Newest => Order::Newest,
        OrderWord::Best => Order::Best,
    };
    Ok(Json(window.port.trials.list(order, page(query.limit)?)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChartQuery {
    dots: Option<usize>,
}

pub(super) async fn chart(
    State(window): State<Window>,
    query: Asked<ChartQuery>,
) -> Result<Json<TrialChart>, Problem> {
    let dots = understood(query)?.dots.unwrap_or(DOTS_DEFAULT);
    if !DOTS.contains(&dots) {
        let (least, most) = (DOTS.start(), DOTS.end());
        let text = format!("dots {dots} is out of range; ask for {least} to {most}");
        return Err(Problem::malformed(text));
    }
    Ok(Json(window.port.trials.chart(dots)))
}

pub(super) async fn trial(
    State(window): State<Window>,
    Path(number): Path<String>,
) -> Result<Json<TrialView>, Problem> {
    let number = number.parse().map(TrialNumber).map_err(|_not_a_number| {
        Problem::malformed(format!("`{number}` is no trial number; use digits, as in /v1/trials/7"))
    })?;
    window.port.trials.find(number).map(Json).ok_or_else(|| {
        let text =
            format!("the study has no trial {number}; `cappuccino trials` lists what it has");
        Problem::new(StatusCode::NOT_FOUND, text)
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TradesQuery {
    revision: Option<u64>,
    limit: Option<usize>,
}

pub(super) async fn trades(
    State(window): State<Window>,
    query: Asked<TradesQuery>,
) -> Result<Json<Vec<TradeView>>, Problem> {
    let TradesQuery { revision, limit } = understood(query)?;
    Ok(Json(window.port.trading.trades(revision.map(RevisionId), page(limit)?)))
}

pub(super) async fn pnl(State(window): State<Window>) -> Json<Vec<PnlView>> {
    Json(window.port.trading.pnl())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryQuery {
    from: Option<u64>,
    before: Option<u64>,
    limit: Option<usize>,
}

/// Lines from `from` on, oldest first; or those before `before` (the end by default), newest first.
pub(super) async fn history(
    State(window): State<Window>,
    query: Asked<HistoryQuery>,
) -> Result<Json<Vec<Entry>>, Problem> {
    let HistoryQuery { from, before, limit } = understood(query)?;
    let limit = page(limit)?;
    let reader = window.port.reader.borrow().clone();
    let lines = match (from, before) {
        (Some(_), Some(_)) => return Err(Problem::from_and_before()),
        (Some(from), None) => read(reader, move |r| r.entries(Sequence(from), limit)).await?,
        (None, before) => {
            let end = Sequence(before.unwrap_or(u64::MAX));
            read(reader, move |r| r.entries_before(end, limit)).await?
        }
    };
    Ok(Json(lines))
}

pub(super) fn understood<T>(query: Asked<T>) -> Result<T, Problem> {
    query.map(|Query(query)| query).map_err(|rejection| {
        Problem::malformed(format!("{}; docs/API.md says what is taken", rejection.body_text()))
    })
}

fn page(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(PAGE_DEFAULT);
    (1..=PAGE_MAX).contains(&limit).then_some(limit).ok_or_else(|| {
        Problem::malformed(format!("limit {limit} is out of range; ask for 1 to {PAGE_MAX}"))
    })
}
