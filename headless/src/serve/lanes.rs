//! How the lanes of a session stand: who trades beside the deployed model, and what came of it.

use super::Window;
use super::answer::{Problem, on_a_thread};
use super::reading::{Asked, understood};
use crate::observe::session::rivals::revision_of;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cappuccino_core::api::{DeploymentView, LaneKind, LanesView};
use cappuccino_core::words::RevisionId;
use serde::Deserialize;
use std::sync::Arc;

/// Buckets of each lane's equity: none, or up to more than any screen has pixels.
const BUCKETS_MAX: usize = 5_000;
const BUCKETS_DEFAULT: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LanesQuery {
    revision: Option<u64>,
    buckets: Option<usize>,
}

pub(super) async fn lanes(
    State(window): State<Window>,
    query: Asked<LanesQuery>,
) -> Result<Json<LanesView>, Problem> {
    let query = understood(query)?;
    let buckets = query.buckets.unwrap_or(BUCKETS_DEFAULT);
    if buckets > BUCKETS_MAX {
        let text = format!("buckets {buckets} is out of range; ask for 0 to {BUCKETS_MAX}");
        return Err(Problem::malformed(text));
    }
    let (trading, revision) = (Arc::clone(&window.port.trading), query.revision.map(RevisionId));
    // While a long record is read for the first time, its bars are not free.
    let found = on_a_thread("the lanes", move || trading.lanes(revision, buckets)).await?;
    let mut lanes = found.ok_or_else(|| unknown(revision))?;
    name(&mut lanes, &window.port.status.borrow().deployment);
    Ok(Json(lanes))
}

/// Says which revision and which trial each model is.
fn name(lanes: &mut LanesView, deployment: &DeploymentView) {
    let live = deployment.live.as_ref().map(|live| live.id);
    let champion = lanes.revision.or(live);
    // Of an earlier session nobody knows who was the model before.
    let previous = deployment.rollback_target.as_ref().map(|target| target.id);
    let previous = previous.filter(|_| champion == live);
    for lane in &mut lanes.lanes {
        lane.revision = match lane.kind {
            LaneKind::Champion => champion,
            LaneKind::Previous | LaneKind::Shadow => revision_of(&lane.standing.name, previous),
            LaneKind::Benchmark => None,
        };
        let known = deployment.revisions.iter().find(|known| Some(known.id) == lane.revision);
        lane.trial = known.map(|known| known.trial);
    }
}

fn unknown(revision: Option<RevisionId>) -> Problem {
    let text = match revision {
        Some(revision) => {
            format!(
                "no session of revision {revision} is known; `GET /v1/pnl` lists those that are"
            )
        }
        None => "no trader has a session yet; `GET /v1/status` shows the trader".to_owned(),
    };
    Problem::new(StatusCode::NOT_FOUND, text)
}
