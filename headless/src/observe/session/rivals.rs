//! Which lanes of a session are models that could be deployed, and how they stand.

use cappuccino_core::machines::deployment::{Deployment, PREVIOUS, lane_name};
use cappuccino_core::trading::paper::league::{Standing, Standings};
use cappuccino_core::words::{RevisionId, Rival};

/// The revision that trades in the lane of that name beside the live model.
pub fn revision_of(lane: &str, previous: Option<RevisionId>) -> Option<RevisionId> {
    if lane == PREVIOUS {
        return previous;
    }
    let number = lane.rsplit_once('-').and_then(|(_, number)| number.parse().ok());
    number.map(RevisionId).filter(|id| lane_name(*id) == lane)
}

/// The lanes that the runner asked for, compared with the live model.
pub fn rivals(standings: &Standings, deployment: &Deployment) -> Vec<Rival> {
    let previous = deployment.previous();
    let rival = |standing: &Standing| {
        let revision = revision_of(&standing.name, previous)?;
        let found = standing.comparison?;
        Some(Rival {
            revision,
            is_previous: standing.name == PREVIOUS,
            bars: u64::try_from(found.bars).unwrap_or(u64::MAX),
            live_growth: found.champion_growth,
            own_growth: found.challenger_growth,
            mean_difference: found.mean_difference,
            bounds: found.lower.zip(found.upper),
        })
    };
    standings.lanes.iter().filter_map(rival).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lanes_that_the_runner_named_are_revisions() {
        let previous = Some(RevisionId(3));
        assert_eq!(revision_of("previous", previous), previous);
        assert_eq!(revision_of("revision-12", previous), Some(RevisionId(12)));
        for other in ["champion", "hold", "equal-weight", "revision-", "revision-012", "trial-7"] {
            assert_eq!(revision_of(other, previous), None, "{other}");
        }
    }
}
