//! All lanes on one feed: the champion first, beside it challengers and benchmarks, each with its
//! own money, on the same bars, under the same rules.

use super::candle::{Bar, Timeframe};
use super::exact::{self, Number};
use super::indicators::IndicatorFault;
use super::lane::{Lane, LaneState, Step};
use super::market::Market;
use super::policy::Policy;
use super::rules::{ModelSettings, Rules};
use crate::model::network::ForwardFault;
use crate::words::Timestamp;
use serde::{Deserialize, Serialize};

/// Share of the worth in one ticker above which the reward suffers.
const CONCENTRATION_MAX: f64 = 0.60;

/// Who takes part.
#[derive(Clone, Debug)]
pub struct Player {
    /// Its name among the lanes.
    pub name: String,
    /// Which model, as a digest; empty for a benchmark.
    pub model: String,
    /// Who decides.
    pub policy: Policy,
    /// How the model was trained; for a benchmark, those of the champion.
    pub settings: ModelSettings,
}

/// The lanes.
#[derive(Clone, Debug)]
pub struct Desk {
    tickers: Vec<String>,
    timeframe: Timeframe,
    rules: Rules,
    market: Market,
    lanes: Vec<(String, String, Lane)>,
    state: Pending,
}

/// What the desk itself must remember.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Pending {
    /// The bar at which the indicators begin.
    first_bar: Option<Timestamp>,
    /// The newest bar taken.
    last_bar: Option<Timestamp>,
    /// Prices of the first bar that has features: they fix what an action means.
    #[serde(with = "exact::list")]
    first_closes: Vec<f64>,
    /// The champion's worth and that of holding every ticker, at the newest bar.
    last: Option<(Number, Number)>,
}

/// A session as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeskState {
    /// Version of this layout.
    version: u32,
    tickers: Vec<String>,
    timeframe: String,
    rules: Rules,
    desk: Pending,
    lanes: Vec<StoredLane>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredLane {
    name: String,
    model: String,
    state: LaneState,
}

impl DeskState {
    /// Which model a lane traded, as a digest; none without such a lane.
    pub fn model_of(&self, lane: &str) -> Option<&str> {
        self.lanes.iter().find(|known| known.name == lane).map(|known| known.model.as_str())
    }

    /// Forgets what a lane had: it begins anew.
    pub fn forget(&mut self, lane: &str) {
        self.lanes.retain(|known| known.name != lane);
    }

    /// Lets a second lane go on where the first one stands, instead of whatever it did before.
    pub fn fork(&mut self, lane: &str, second: &str) {
        let found = self.lanes.iter().find(|known| known.name == lane).cloned();
        self.lanes.retain(|known| known.name != second);
        self.lanes.extend(found.map(|known| StoredLane { name: second.to_owned(), ..known }));
    }
}

/// Why a stored session cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResumeFault {
    /// Another layout.
    #[error(
        "the stored session has version {0}, this program knows 1; update it, or begin a new session file"
    )]
    Version(u32),
    /// Another market.
    #[error(
        "the stored session trades {found} bars of {tickers}; name the same, or begin a new session file"
    )]
    OtherMarket {
        /// Its timeframe.
        found: String,
        /// Its tickers.
        tickers: String,
    },
    /// Other money or fees.
    #[error(
        "the stored session has other rules (fees, minimums, timing); name the same, or begin a new session file"
    )]
    OtherRules,
}

/// What one bar brought.
#[derive(Clone, Debug)]
pub struct BarRecord {
    /// When the bar began.
    pub at: Timestamp,
    /// Closing prices.
    pub closes: Vec<f64>,
    /// Which of them are carried on.
    pub stale: Vec<bool>,
    /// Whether the bar was acted on.
    pub acted: bool,
    /// The champion's reward, in the environment's measure.
    pub reward: f64,
    /// One per lane, in their order; an error when its network gave no answer.
    pub lanes: Vec<Result<Step, ForwardFault>>,
}

impl Desk {
    /// A session that begins.
    pub fn new(
        tickers: Vec<String>,
        timeframe: Timeframe,
        rules: Rules,
        players: Vec<Player>,
    ) -> Self {
        let count = tickers.len();
        let deepest = players.iter().map(|player| rules.timing.depth(player.settings.lookback));
        let market = Market::new(count, deepest.max().unwrap_or(1));
        let lane = |player: Player| {
            let lane = Lane::new(player.policy, player.settings, &rules, count);
            (player.name, player.model, lane)
        };
        let lanes = players.into_iter().map(lane).collect();
        Self { tickers, timeframe, market, lanes, rules, state: Pending::default() }
    }

    /// A session that goes on: a lane that it knows by its name goes on with its money, also with
    /// another model; a new one begins. [`Self::replay`] must then be given the session's bars.
    ///
    /// # Errors
    /// [`ResumeFault`] when it is the session of another market or other rules.
    pub fn resume(
        tickers: Vec<String>,
        timeframe: Timeframe,
        rules: Rules,
        players: Vec<Player>,
        stored: &DeskState,
    ) -> Result<Self, ResumeFault> {
        if stored.version != 1 {
            return Err(ResumeFault::Version(stored.version));
        }
        if stored.tickers != tickers || stored.timeframe != timeframe.name() {
            let (found, tickers) = (stored.timeframe.clone(), stored.tickers.join(" "));
            return Err(ResumeFault::OtherMarket { found, tickers });
        }
        if stored.rules != rules {
            return Err(ResumeFault::OtherRules);
        }
        let mut desk = Self::new(tickers, timeframe, rules, players);
        desk.state = stored.desk.clone();
        for (name, _, lane) in &mut desk.lanes {
            if let Some(known) = stored.lanes.iter().find(|known| known.name == *name) {
                lane.restore(known.state.clone());
            }
        }
        Ok(desk)
    }

    /// What must be stored to go on from here.
    pub fn stored(&self) -> DeskState {
        let lane = |(name, model, lane): &(String, String, Lane)| StoredLane {
            name: name.clone(),
            model: model.clone(),
            state: lane.state().clone(),
        };
        DeskState {
            version: 1,
            tickers: self.tickers.clone(),
            timeframe: self.timeframe.name().to_owned(),
            rules: self.rules.clone(),
            desk: self.state.clone(),
            lanes: self.lanes.iter().map(lane).collect(),
        }
    }

    /// Somebody trades along from the next bar on, with money of its own.
    pub fn join(&mut self, player: Player) {
        self.market.keep(self.rules.timing.depth(player.settings.lookback));
        let lane = Lane::new(player.policy, player.settings, &self.rules, self.tickers.len());
        self.lanes.push((player.name, player.model, lane));
    }

    /// The lane of that name trades no longer; the champion stays.
    pub fn leave(&mut self, name: &str) {
        let mut place = 0_usize;
        self.lanes.retain(|(known, ..)| {
            place += 1;
            place == 1 || known != name
        });
    }

    /// Takes a bar that the session has had already: it is seen again, nothing else happens.
    ///
    /// # Errors
    /// [`IndicatorFault`] for numbers that are not finite.
    pub fn replay(&mut self, bar: &Bar) -> Result<(), IndicatorFault> {
        self.market.push(bar).map(|_known| ())
    }

    /// Takes the next bar; each lane decides on it if it is to be acted on. None while there are
    /// too few bars to see anything.
    ///
    /// # Errors
    /// [`IndicatorFault`] for numbers that are not finite.
    pub fn take(&mut self, bar: &Bar, act: bool) -> Result<Option<BarRecord>, IndicatorFault> {
        self.state.first_bar.get_or_insert(bar.at);
        self.state.last_bar = Some(bar.at);
        if !self.market.push(bar)? {
            return Ok(None);
        }
        if self.state.first_closes.is_empty() {
            let closes = self.market.first_closes().unwrap_or_default();
            self.state.first_closes = closes.to_vec();
        }
        let first = self.state.first_closes.clone();
        let (rules, rows) = (&self.rules, self.market.rows());
        let step = |lane: &mut Lane| {
            if act { lane.step(rows, &first, rules) } else { Ok(lane.watch(rows)) }
        };
        let lanes: Vec<_> = self.lanes.iter_mut().map(|(_, _, lane)| step(lane)).collect();
        let closes = bar.closes();
        let reward = self.reward(&closes, &first);
        Ok(Some(BarRecord {
            at: bar.at,
            closes,
            stale: bar.stale.clone(),
            acted: act,
            reward,
            lanes,
        }))
    }

    /// What the champion gained beyond holding every ticker since the bar before, less what its
    /// concentration costs. The decay within a training episode has no meaning here and is left
    /// out.
    fn reward(&mut self, closes: &[f64], first: &[f64]) -> f64 {
        let Some((_, _, champion)) = self.lanes.first() else { return 0.0 };
        let worth = champion.account().worth(closes);
        let count = f64::from(u32::try_from(first.len()).unwrap_or(u32::MAX));
        let growths = closes.iter().zip(first).map(|(close, first)| close / first);
        let even = self.rules.start_cash / count * growths.sum::<f64>();
        let before = self.state.last.replace((Number(worth), Number(even)));
        let (worth_before, even_before) =
            before.map_or((worth, even), |(worth, even)| (worth.0, even.0));
        let settings = champion.settings();
        let values = champion.account().positions.iter().zip(closes);
        let largest = values.map(|(held, close)| held.units * close / worth).fold(0.0, f64::max);
        let excess = (largest - CONCENTRATION_MAX).max(0.0);
        let gain = (worth - worth_before) - (even - even_before);
        gain * 2_f64.powi(settings.reward_exponent) - settings.concentration_penalty * excess
    }

    /// The lanes' names, models and accounts, champion first.
    pub fn lanes(&self) -> impl Iterator<Item = (&str, &str, &Lane)> {
        self.lanes.iter().map(|(name, model, lane)| (name.as_str(), model.as_str(), lane))
    }

    /// The bar at which the indicators begin, and the newest bar taken.
    pub const fn span(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.state.first_bar, self.state.last_bar)
    }
}
