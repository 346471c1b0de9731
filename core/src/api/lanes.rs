//! The lanes of a trader's session: answer to `GET /v1/lanes`.

use super::BucketView;
use crate::trading::paper::compare::BARS_MIN;
use crate::trading::paper::league::{League, Standing, Standings, Stretch};
use crate::words::{RevisionId, Timestamp, TrialNumber};
use serde::{Deserialize, Serialize};

/// Every lane of one session, champion first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LanesView {
    /// `waiting` (no bar yet, or a trader that keeps no lanes), `following` or `unreadable: why`.
    pub state: String,
    /// Whose session it is; nothing when one file serves every model.
    pub revision: Option<RevisionId>,
    /// The session's event record.
    pub file: String,
    /// The champion's first bar.
    pub since: Option<Timestamp>,
    /// The newest bar.
    pub until: Option<Timestamp>,
    /// Bars of the champion.
    pub bars: u64,
    /// Bars in common below which a comparison decides nothing.
    pub bars_needed: u64,
    /// Lines of the record that make no sense.
    pub skipped: u64,
    /// The lanes.
    pub lanes: Vec<LaneView>,
}

/// One lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaneView {
    /// What it is there for.
    pub kind: LaneKind,
    /// The revision whose model it trades, when the runner chose it.
    pub revision: Option<RevisionId>,
    /// That revision's trial.
    pub trial: Option<TrialNumber>,
    /// Name, figures, comparison with the champion.
    #[serde(flatten)]
    pub standing: Standing,
    /// Its worth over time; of the newest 10000 bars, in as many buckets as asked for.
    pub equity: Vec<BucketView>,
}

/// What a lane is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LaneKind {
    /// The deployed model.
    Champion,
    /// The model that was deployed before.
    Previous,
    /// A model that trades beside it.
    Shadow,
    /// Holding, equal shares, chance: nothing that could be deployed.
    Benchmark,
}

impl LanesView {
    /// What a session's record told. Which revision a lane is, and where the record stands, is the
    /// caller's to add.
    pub fn of(standings: &Standings, league: &League, buckets: usize) -> Self {
        let lane = |(place, standing): (usize, &Standing)| LaneView {
            kind: LaneKind::of(place, standing),
            revision: None,
            trial: None,
            standing: standing.clone(),
            equity: match buckets {
                0 => Vec::new(),
                _ => league.stretches(&standing.name, buckets).iter().map(bucket).collect(),
            },
        };
        Self {
            since: standings.since,
            until: standings.until,
            bars: standings.bars,
            bars_needed: u64::try_from(BARS_MIN).unwrap_or(u64::MAX),
            skipped: standings.skipped,
            lanes: standings.lanes.iter().enumerate().map(lane).collect(),
            ..Self::default()
        }
    }
}

impl LaneKind {
    fn of(place: usize, standing: &Standing) -> Self {
        match (place, standing.model.as_str(), standing.name.as_str()) {
            (0, ..) => Self::Champion,
            (_, "", _) => Self::Benchmark,
            (_, _, "previous") => Self::Previous,
            (..) => Self::Shadow,
        }
    }
}

fn bucket(stretch: &Stretch) -> BucketView {
    BucketView {
        start: stretch.start,
        min: Some(stretch.min),
        max: Some(stretch.max),
        mean: Some(stretch.mean),
        last: Some(stretch.last),
        count: stretch.count,
    }
}
