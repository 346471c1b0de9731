//! What each lane made on the same bars, and whether one should take the champion's place: read
//! from a session's event record as it grows.
//!
//! The newest bars are kept, figures and counts cover everything, and memory does not grow with
//! the file.

use super::compare::{BARS_MAX, Comparison, compare};
use super::event::LaneEvent;
use crate::trading::equity::Equity;
use crate::trading::lines::{Line, Lines};
use crate::trading::metrics::yearly;
use crate::words::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Seed of every comparison: the same bars always lead to the same verdict.
const SEED: u64 = 20_240_301;
/// Longest line that is read, in bytes: a hundred tickers and lanes have some 30 thousand.
const LINE_MAX: usize = 1 << 20;

/// The lanes of a session, bar by bar.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct League {
    lines: Lines,
    times: VecDeque<Timestamp>,
    tracks: Vec<Track>,
    skipped: u64,
}

/// One lane since it trades beside the present champion.
#[derive(Clone, Debug, PartialEq)]
struct Track {
    name: String,
    model: String,
    since: Timestamp,
    /// Worth after each bar; the newest belongs to the newest time.
    worths: VecDeque<f64>,
    bars: u64,
    equity: Equity,
    fills: u64,
    fault: Option<String>,
}

/// What a line of the record must tell; the rest of it explains the champion's orders.
#[derive(Deserialize)]
struct Bar {
    at: Timestamp,
    lanes: Vec<LaneEvent>,
}

/// Every lane of a session since it trades beside the present champion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standings {
    /// The champion's first bar.
    pub since: Option<Timestamp>,
    /// The newest bar.
    pub until: Option<Timestamp>,
    /// Bars of the champion.
    pub bars: u64,
    /// Lines of the record that make no sense.
    pub skipped: u64,
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
    /// Its first bar beside the present champion.
    pub since: Timestamp,
    /// Bars since then.
    pub bars: u64,
    /// Cash and positions at the newest bar.
    pub worth: f64,
    /// Growth over these bars, as a fraction.
    pub growth: f64,
    /// Loss from the highest worth to the present one, 0 to 1.
    pub drawdown: f64,
    /// Largest loss from a highest worth among them, 0 to 1.
    pub max_drawdown: f64,
    /// Sharpe ratio of daily returns, annualised by √365; nothing under 14 days.
    pub sharpe: Option<f64>,
    /// Sortino ratio with target 0, annualised by √365; nothing under 14 days.
    pub sortino: Option<f64>,
    /// Yearly growth over the largest drawdown; nothing under 14 days.
    pub calmar: Option<f64>,
    /// Fills.
    pub fills: u64,
    /// Compared with the champion over the bars in common; nothing for the champion itself.
    pub comparison: Option<Comparison>,
    /// Why its network last gave no answer.
    pub fault: Option<String>,
}

/// A stretch of bars of one lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// When its first bar began.
    pub start: Timestamp,
    /// The least worth.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
    /// The newest.
    pub last: f64,
    /// Bars.
    pub count: u64,
}

impl League {
    /// Takes the next bytes of the record. A last line without its end waits for the rest.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.feed(bytes, LINE_MAX, |line| match line {
            Line::Whole([]) => {}
            Line::Whole(line) => match serde_json::from_slice(line) {
                Ok(bar) => self.take(bar),
                Err(_) => self.skipped += 1,
            },
            Line::TooLong => self.skipped += 1,
        });
        self.lines = lines;
    }

    /// Another file is in the place of the one read so far: it tells everything anew.
    pub fn begin_file(&mut self) {
        *self = Self::default();
    }

    /// A bar. Another champion begins everything anew; any other lane only its own track, because
    /// what the others made beside the champion stays comparable.
    fn take(&mut self, bar: Bar) {
        let is_newer = self.times.back().is_none_or(|newest| bar.at > *newest);
        let Some(champion) = bar.lanes.first().filter(|_| is_newer) else {
            self.skipped += 1;
            return;
        };
        if self.tracks.first().is_some_and(|track| !track.is_of(champion)) {
            self.tracks.clear();
            self.times.clear();
        }
        let mut known = std::mem::take(&mut self.tracks);
        for lane in bar.lanes {
            let place = known.iter().position(|track| track.is_of(&lane));
            let track = place.map(|place| known.swap_remove(place));
            let mut track = track.unwrap_or_else(|| Track::begin(&lane, bar.at));
            track.take(bar.at, lane);
            self.tracks.push(track);
        }
        push(&mut self.times, bar.at);
    }

    /// When the newest bar began.
    pub fn newest(&self) -> Option<Timestamp> {
        self.times.back().copied()
    }

    /// How the lanes stand. Takes long: comparisons draw the kept bars a thousand times.
    pub fn standings(&self) -> Standings {
        let champion = self.tracks.first();
        let standing = |track: &Track| {
            let is_champion = champion.is_some_and(|champion| champion.name == track.name);
            let rival = champion.filter(|_| !is_champion);
            track.standing(rival.map(|champion| {
                let both = champion.worths.len().min(track.worths.len());
                compare(&champion.newest(both), &track.newest(both), SEED)
            }))
        };
        Standings {
            since: champion.map(|track| track.since),
            until: self.newest(),
            bars: champion.map_or(0, |track| track.bars),
            skipped: self.skipped,
            lanes: self.tracks.iter().map(standing).collect(),
        }
    }

    /// The worth of the lane of that name over the kept bars, in at most so many stretches.
    pub fn stretches(&self, lane: &str, at_most: usize) -> Vec<Stretch> {
        let Some(track) = self.tracks.iter().find(|track| track.name == lane) else {
            return Vec::new();
        };
        let times = self.times.iter().skip(self.times.len().saturating_sub(track.worths.len()));
        let bars: Vec<(Timestamp, f64)> =
            times.copied().zip(track.worths.iter().copied()).collect();
        let width = bars.len().div_ceil(at_most.max(1)).max(1);
        bars.chunks(width).filter_map(Stretch::of).collect()
    }
}

impl Track {
    fn begin(lane: &LaneEvent, at: Timestamp) -> Self {
        Self {
            name: lane.name.clone(),
            model: lane.model.clone(),
            since: at,
            worths: VecDeque::new(),
            bars: 0,
            equity: Equity::default(),
            fills: 0,
            fault: None,
        }
    }

    fn is_of(&self, lane: &LaneEvent) -> bool {
        self.name == lane.name && self.model == lane.model
    }

    fn take(&mut self, at: Timestamp, lane: LaneEvent) {
        push(&mut self.worths, lane.worth);
        self.equity.mark(at, lane.worth);
        self.bars += 1;
        self.fills += u64::try_from(lane.fills).unwrap_or(0);
        self.fault = lane.fault;
    }

    /// The worths of the newest so many bars.
    fn newest(&self, count: usize) -> Vec<f64> {
        self.worths.iter().skip(self.worths.len().saturating_sub(count)).copied().collect()
    }

    fn standing(&self, comparison: Option<Comparison>) -> Standing {
        let yearly = yearly(&self.equity);
        Standing {
            name: self.name.clone(),
            model: self.model.clone(),
            since: self.since,
            bars: self.bars,
            worth: self.worths.back().copied().unwrap_or_default(),
            growth: self.equity.growth() - 1.0,
            drawdown: self.equity.drawdown(),
            max_drawdown: self.equity.max_drawdown(),
            sharpe: yearly.sharpe,
            sortino: yearly.sortino,
            calmar: yearly.calmar,
            fills: self.fills,
            comparison,
            fault: self.fault.clone(),
        }
    }
}

impl Stretch {
    fn of(bars: &[(Timestamp, f64)]) -> Option<Self> {
        let ((start, _), (_, last)) = bars.first().zip(bars.last())?;
        let worths = || bars.iter().map(|(_, worth)| *worth);
        let count = u32::try_from(bars.len()).unwrap_or(u32::MAX);
        Some(Self {
            start: *start,
            min: worths().fold(f64::INFINITY, f64::min),
            max: worths().fold(f64::NEG_INFINITY, f64::max),
            mean: worths().sum::<f64>() / f64::from(count),
            last: *last,
            count: count.into(),
        })
    }
}

/// Appends; the oldest goes when there are too many.
fn push<T>(list: &mut VecDeque<T>, newest: T) {
    if list.len() == BARS_MAX {
        list.pop_front();
    }
    list.push_back(newest);
}

#[cfg(test)]
mod tests {
    use super::super::compare::Verdict;
    use super::*;

    fn line(hour: i64, lanes: &[(&str, &str, f64)]) -> String {
        let lane = |(name, model, worth): &(&str, &str, f64)| {
            format!(r#"{{"name":"{name}","model":"{model}","worth":{worth},"fills":1}}"#)
        };
        let lanes: Vec<String> = lanes.iter().map(lane).collect();
        let at = serde_json::to_string(&Timestamp(hour * 3_600_000)).unwrap();
        format!("{{\"at\":{at},\"acted\":true,\"lanes\":[{}]}}\n", lanes.join(","))
    }

    fn hour(hour: i64) -> Timestamp {
        Timestamp(hour * 3_600_000)
    }

    /// Fifty hours of a champion `a`, then `b` with `a` beside it, and from hour 300 a shadow.
    fn record() -> String {
        let mut text: String = (0..50).map(|hour| line(hour, &[("champion", "a", 5.0)])).collect();
        let (mut slow, mut fast, mut late) = (1000.0, 1000.0, 1000.0);
        for hour in 50..610 {
            slow *= 1.0 + 1e-4 * f64::from(i32::try_from(hour % 3).unwrap() - 1);
            fast *= 1.001;
            late *= 0.999;
            let lanes = [("champion", "b", slow), ("previous", "a", fast), ("trial-7", "c", late)];
            text += &line(hour, &lanes[..if hour < 300 { 2 } else { 3 }]);
        }
        text
    }

    fn read(text: &str) -> League {
        let mut league = League::default();
        league.feed(text.as_bytes());
        league
    }

    #[test]
    fn lanes_are_compared_over_the_bars_that_they_traded_together() {
        let standings = read(&record()).standings();
        assert_eq!((standings.bars, standings.lanes.len(), standings.skipped), (560, 3, 0));
        assert_eq!((standings.since, standings.until), (Some(hour(50)), Some(hour(609))));
        let [champion, previous, shadow] = &standings.lanes[..] else { panic!() };
        assert_eq!((champion.comparison, champion.fills), (None, 560));
        assert_eq!(previous.comparison.unwrap().verdict, Verdict::Promote);
        assert!(previous.growth > 0.4 && previous.sharpe.is_some());
        // Its coming has not cost the others a bar.
        assert_eq!((shadow.since, shadow.bars), (hour(300), 310));
        let found = shadow.comparison.unwrap();
        assert_eq!((found.verdict, found.bars), (Verdict::Drop, 309));
    }

    #[test]
    fn a_record_read_in_pieces_is_the_record_read_at_once_and_a_torn_line_waits() {
        let text = record();
        let mut pieces = League::default();
        for piece in text.as_bytes().chunks(777) {
            pieces.feed(piece);
        }
        assert_eq!(pieces, read(&text));
        let (first, last) = text.split_at(text.len() - 20);
        let mut torn = read(first);
        assert_eq!(torn.newest(), Some(hour(608)));
        torn.feed(last.as_bytes());
        assert_eq!(torn, read(&text));
    }

    #[test]
    fn lines_that_make_no_sense_are_counted_and_left_out() {
        let text = record();
        let spoilt = text.clone() + "{}\nnonsense\n" + &line(3, &[("champion", "b", 1.0)]) + "\n";
        let found = read(&spoilt).standings();
        assert_eq!(found.skipped, 3);
        assert_eq!(Standings { skipped: 0, ..found }, read(&text).standings());
        assert_eq!(read("").standings(), Standings::default());
    }

    #[test]
    fn a_picture_has_no_more_stretches_than_asked_for_and_loses_no_spike() {
        let spike = |hour| if hour == 250 { 9000.0 } else { 1000.0 };
        let text: String = (0..500).map(|h| line(h, &[("champion", "a", spike(h))])).collect();
        let league = read(&text);
        let found = league.stretches("champion", 40);
        assert!(found.len() <= 40 && found.iter().map(|s| s.count).sum::<u64>() == 500);
        assert!(found.iter().any(|stretch| stretch.max > 8999.0 && stretch.min < 1001.0));
        assert_eq!(found[0].start, hour(0));
        assert_eq!(league.stretches("nobody", 40), []);
    }

    #[test]
    fn memory_does_not_grow_with_the_file() {
        let bars = i64::try_from(BARS_MAX).unwrap() + 500;
        let mut league = League::default();
        for hour in 0..bars {
            league.feed(line(hour, &[("champion", "a", 1000.0)]).as_bytes());
        }
        assert_eq!(league.times.len(), BARS_MAX);
        assert_eq!(league.tracks[0].worths.len(), BARS_MAX);
        assert_eq!(league.tracks[0].bars, u64::try_from(bars).unwrap());
        let found = league.stretches("champion", BARS_MAX);
        assert_eq!((found.len(), found[0].start), (BARS_MAX, hour(500)));
    }
}
