//! What each lane made on the same bars, and whether one should take the champion's place.

use super::compare::{Comparison, compare};
use super::event::Event;
use crate::trading::equity::Equity;
use crate::trading::metrics::yearly;
use crate::words::Timestamp;
use serde::{Deserialize, Serialize};

/// Seed of every comparison: the same bars always lead to the same verdict.
const SEED: u64 = 20_240_301;

/// Every lane of a session over the bars since its present members trade together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct League {
    /// The first bar that counts.
    pub since: Option<Timestamp>,
    /// The newest bar.
    pub until: Option<Timestamp>,
    /// Bars that count.
    pub bars: usize,
    /// The lanes, champion first.
    pub lanes: Vec<Standing>,
}

/// One lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// Which model, as a digest; empty for a benchmark.
    pub model: String,
    /// Cash and positions at the newest bar.
    pub worth: f64,
    /// Growth over the bars that count, as a fraction.
    pub growth: f64,
    /// Largest loss from a highest worth among them, 0 to 1.
    pub max_drawdown: f64,
    /// Sharpe ratio of daily returns; nothing under 14 days.
    pub sharpe: Option<f64>,
    /// Fills.
    pub fills: usize,
    /// Compared with the champion bar by bar; nothing for the champion itself.
    pub comparison: Option<Comparison>,
    /// Why its network last gave no answer.
    pub fault: Option<String>,
}

impl League {
    /// The standings after these events, oldest first. Bars before the last change of a lane or
    /// its model are left out: they would compare others than those that trade now.
    pub fn of(events: &[Event]) -> Self {
        let Some(newest) = events.last() else { return Self::default() };
        let members = |event: &Event| -> Vec<(String, String)> {
            event.lanes.iter().map(|lane| (lane.name.clone(), lane.model.clone())).collect()
        };
        let present = members(newest);
        let foreign = events.iter().rposition(|event| members(event) != present);
        let counted = events.get(foreign.map_or(0, |last| last + 1)..).unwrap_or_default();
        let course = |place: usize| -> Vec<f64> {
            let worth = |event: &Event| event.lanes.get(place).map(|lane| lane.worth);
            counted.iter().filter_map(worth).collect()
        };
        let champion = course(0);
        let standing = |place: usize| {
            let comparison = (place > 0).then(|| compare(&champion, &course(place), SEED));
            Standing::of(counted, place, comparison)
        };
        Self {
            since: counted.first().map(|event| event.at),
            until: Some(newest.at),
            bars: counted.len(),
            lanes: (0..present.len()).filter_map(standing).collect(),
        }
    }
}

impl Standing {
    fn of(events: &[Event], place: usize, comparison: Option<Comparison>) -> Option<Self> {
        let (mut equity, mut fills) = (Equity::default(), 0);
        for event in events {
            let lane = event.lanes.get(place)?;
            equity.mark(event.at, lane.worth);
            fills += lane.fills;
        }
        let newest = events.last()?.lanes.get(place)?;
        Some(Self {
            name: newest.name.clone(),
            model: newest.model.clone(),
            worth: newest.worth,
            growth: equity.growth() - 1.0,
            max_drawdown: equity.max_drawdown(),
            sharpe: yearly(&equity).sharpe,
            fills,
            comparison,
            fault: newest.fault.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::compare::Verdict;
    use super::super::event::LaneEvent;
    use super::*;

    fn event(hour: i64, lanes: &[(&str, &str, f64)]) -> Event {
        let lane = |(name, model, worth): &(&str, &str, f64)| LaneEvent {
            name: (*name).into(),
            model: (*model).into(),
            worth: *worth,
            fills: 1,
            fault: None,
        };
        let at = Timestamp(hour * 3_600_000);
        let lanes = lanes.iter().map(lane).collect();
        Event { at, acted: true, reward: 0.0, stale: vec![], orders: vec![], lanes }
    }

    #[test]
    fn lanes_are_compared_over_the_bars_that_they_traded_together() {
        let mut events: Vec<Event> =
            (0..50).map(|hour| event(hour, &[("champion", "a", 5.0)])).collect();
        let (mut slow, mut fast) = (1000.0, 1000.0);
        for hour in 50..400 {
            slow *= 1.0 + 1e-4 * f64::from(i32::try_from(hour % 3).unwrap() - 1);
            fast *= 1.001;
            events.push(event(hour, &[("champion", "b", slow), ("previous", "a", fast)]));
        }
        let league = League::of(&events);
        assert_eq!((league.bars, league.lanes.len()), (350, 2));
        assert_eq!(league.since, Some(Timestamp(50 * 3_600_000)));
        assert_eq!((league.lanes[0].comparison, league.lanes[0].fills), (None, 350));
        assert_eq!(league.lanes[1].comparison.unwrap().verdict, Verdict::Promote);
        assert!(league.lanes[1].growth > 0.4 && league.lanes[1].sharpe.is_some());
    }

    #[test]
    fn no_events_are_an_empty_league() {
        assert_eq!(League::of(&[]), League::default());
    }
}
