//! A report of what happened in a stretch of time: gathered from the runner, as text, as one HTML
//! page, as pictures.

pub mod chart;
pub mod html;
pub mod text;

use cappuccino_core::api::{AlertView, PnlView, SeriesView, Status, TrialChart, TrialView};
use cappuccino_core::client::{Client, ClientError};
use cappuccino_core::store::{Entry, SeriesFacts};
use cappuccino_core::words::{Note, Sequence, Span, Timestamp};
use serde::Serialize;

/// Lines of the history that are looked through, the newest: a report is no archive.
const LINES_MAX: usize = 20_000;
const PAGE: usize = 1000;
/// Trials that are listed.
const TRIALS: usize = 10;
/// Points of a curve, and dots of the study's picture.
const POINTS: usize = 600;
const DOTS: usize = 4_000;
/// Graphics cards that are drawn.
const CARDS_MAX: usize = 8;

/// Everything a report shows.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// The picture at the end.
    pub status: Status,
    /// The best trials, best first.
    pub best: Vec<TrialView>,
    /// The newest trials.
    pub recent: Vec<TrialView>,
    /// What each model earned, newest first.
    pub sessions: Vec<PnlView>,
    /// Models that went live or were judged, oldest first.
    pub deployments: Vec<Entry>,
    /// Alerts that were told, oldest first.
    pub alerts: Vec<Entry>,
    /// Processes that ended by themselves or could not be started, oldest first.
    pub failures: Vec<Entry>,
    /// New bests and trades, oldest first.
    pub events: Vec<Entry>,
    /// The whole study in dots.
    #[serde(skip)]
    pub trials: TrialChart,
    /// Curves by the name of their series.
    #[serde(skip)]
    pub curves: Vec<SeriesView>,
}

impl Report {
    /// Asks the runner for everything since `span` ago.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn gather(client: &mut Client, span: Span) -> Result<Self, ClientError> {
        let status: Status = client.get_json("/v1/status").await?;
        let (from, to) = (status.at.plus(Span(-span.0)), status.at);
        let list = |order: &str| format!("/v1/trials?order={order}&limit={TRIALS}");
        let mut report = Self { from, to, ..Self::default() };
        report.best = client.get_json(&list("best")).await?;
        report.recent = client.get_json(&list("newest")).await?;
        report.sessions = client.get_json("/v1/pnl").await?;
        report.trials = client.get_json(&format!("/v1/trials/chart?dots={DOTS}")).await?;
        report.curves = curves(client, from, to).await?;
        for entry in lines(client, from).await? {
            report.sort_in(entry);
        }
        Ok(Self { status, ..report })
    }

    /// Alerts that need attention at the end.
    pub fn open_alerts(&self) -> &[AlertView] {
        &self.status.alerts
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "most lines are no part of a report")]
    fn sort_in(&mut self, entry: Entry) {
        let list = match &entry.note {
            Note::WentLive(..)
            | Note::RevisionJudged(..)
            | Note::Halted(_)
            | Note::ModeChanged(_) => &mut self.deployments,
            Note::AlertRaised(..)
            | Note::AlertCleared(_)
            | Note::AlertFired(_, _, 1)
            | Note::AlertFlapping(..)
            | Note::AlertResolved(..) => &mut self.alerts,
            Note::ProcessExited(_, _, _, false)
            | Note::LaunchFailed(..)
            | Note::ProcessCooling(..) => &mut self.failures,
            Note::NewBest(_) | Note::Traded(_) => &mut self.events,
            _ => return,
        };
        list.push(entry);
    }
}

/// The lines of the history since `from`, oldest first.
async fn lines(client: &mut Client, from: Timestamp) -> Result<Vec<Entry>, ClientError> {
    let (mut lines, mut before) = (Vec::new(), Sequence(u64::MAX));
    while lines.len() < LINES_MAX {
        let path = format!("/v1/history?before={before}&limit={PAGE}");
        let page: Vec<Entry> = client.get_json(&path).await?;
        let Some(oldest) = page.last() else { break };
        let is_enough = oldest.at < from;
        before = oldest.sequence;
        lines.extend(page.into_iter().filter(|entry| entry.at >= from));
        if is_enough {
            break;
        }
    }
    lines.reverse();
    Ok(lines)
}

/// The curves of a report, as far as they were measured.
async fn curves(
    client: &mut Client,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<SeriesView>, ClientError> {
    let known: Vec<SeriesFacts> = match client.get_json("/v1/series").await {
        Ok(known) => known,
        // The metrics' file may be away for a while; the rest of the report does not need it.
        Err(ClientError::Refused { code: 503, .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let is_wanted = |name: &str| {
        matches!(name, "trading/equity" | "deployment/live_value")
            || name.starts_with("gpu/")
                && (name.ends_with("/temperature") || name.ends_with("/utilisation"))
    };
    let wanted = known.into_iter().filter(|facts| is_wanted(&facts.name)).take(2 + 2 * CARDS_MAX);
    let mut curves = Vec::new();
    for facts in wanted {
        let name = &facts.name;
        let path = format!("/v1/series/{name}?from={from}&to={to}&buckets={POINTS}");
        curves.push(client.get_json(&path).await?);
    }
    Ok(curves)
}
