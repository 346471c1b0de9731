//! The trader: its lanes and its record, from one bar to the next.

use super::args::{FeedChoice, TradeArgs};
use super::company::Company;
use super::error::TradeError;
use super::model::{self, CHAMPION, PREVIOUS};
use super::record::Record;
use super::say;
use cappuccino_core::trading::paper::candle::{Bar, Timeframe};
use cappuccino_core::trading::paper::desk::{Desk, DeskState, Player};
use cappuccino_core::words::Timestamp;
use std::collections::BTreeSet;

/// A trader at work.
pub(super) struct Trader {
    tickers: Vec<String>,
    timeframe: Timeframe,
    desk: Desk,
    record: Record,
    company: Company,
    /// Names of the lanes that the company's file asked for.
    guests: BTreeSet<String>,
}

impl Trader {
    /// Loads the models, then opens the session: it begins, or goes on where it stood.
    pub(super) fn open(args: &TradeArgs) -> Result<Self, TradeError> {
        let (tickers, timeframe, rules) = (args.full_tickers(), args.timeframe, args.rules());
        let mut players = model::players(args)?;
        let mut company = Company::new(args.lanes.clone(), args.tickers.len());
        let mut guests = BTreeSet::new();
        for guest in company.changed().unwrap_or_default() {
            if players.iter().all(|player| player.name != guest.name) {
                guests.insert(guest.name.clone());
                players.push(guest);
            }
        }
        // A replay can be repeated after a power cut; without a pause it would wait for the disk.
        let durable = args.feed == FeedChoice::Alpaca || args.speed > 0.0;
        let (mut record, mut stored) = Record::open(&args.session, durable)?;
        if let Some(stored) = &mut stored {
            players.extend(previous(&mut record, stored, &players, args));
            // A lane that another model took over begins anew; the champion keeps its money.
            for guest in players.iter().filter(|player| guests.contains(&player.name)) {
                if stored.model_of(&guest.name) != Some(&guest.model) {
                    stored.forget(&guest.name);
                }
            }
        }
        record.models.champion =
            std::path::absolute(&args.model).map_err(TradeError::file("find", &args.model))?;
        let desk = match &stored {
            Some(stored) => Desk::resume(tickers.clone(), timeframe, rules, players, stored)?,
            None => Desk::new(tickers.clone(), timeframe, rules, players),
        };
        if stored.is_none() {
            record.begin(&desk)?;
        }
        Ok(Self { tickers, timeframe, desk, record, company, guests })
    }

    /// The line that says it is ready.
    pub(super) fn ready(&self) -> String {
        let lanes: Vec<&str> = self.desk.lanes().map(|(name, _, _)| name).collect();
        format!(
            "trader ready: {} of {}, {} rows written before, lanes {}",
            self.timeframe,
            self.tickers.join(" "),
            self.rows(),
            lanes.join(" ")
        )
    }

    pub(super) const fn timeframe(&self) -> Timeframe {
        self.timeframe
    }

    pub(super) fn tickers(&self) -> &[String] {
        &self.tickers
    }

    /// Rows written so far.
    pub(super) const fn rows(&self) -> u64 {
        self.record.rows()
    }

    /// The first and the newest bar of the session; none while no row is written: a session that
    /// was killed while it only looked begins anew.
    pub(super) const fn span(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        if self.rows() == 0 { (None, None) } else { self.desk.span() }
    }

    /// Sees bars that the session had before, or that come before its first decision.
    pub(super) fn catch_up(&mut self, bars: &[Bar]) -> Result<(), TradeError> {
        let has_begun = self.rows() > 0;
        for bar in bars {
            if has_begun {
                self.desk.replay(bar)?;
            } else {
                self.desk.take(bar, false)?;
            }
        }
        Ok(())
    }

    /// Lets those trade beside the champion whom the company's file names now.
    fn meet(&mut self) {
        let Some(players) = self.company.changed() else { return };
        let wanted: BTreeSet<String> = players.iter().map(|player| player.name.clone()).collect();
        for gone in self.guests.difference(&wanted) {
            self.desk.leave(gone);
            say(&format!("the lane `{gone}` ends"));
        }
        self.guests.retain(|guest| wanted.contains(guest));
        for player in players {
            let present = self.desk.lanes().find(|(name, ..)| *name == player.name);
            let model = present.map(|(_, model, _)| model.to_owned());
            let is_own = model.is_some() && !self.guests.contains(&player.name);
            if is_own || model.as_ref() == Some(&player.model) {
                continue;
            }
            say(&format!("the lane `{}` begins", player.name));
            self.guests.insert(player.name.clone());
            self.desk.leave(&player.name);
            self.desk.join(player);
        }
    }

    /// Takes the next bar; from the first that was acted on, each has a row.
    pub(super) fn take(&mut self, bar: &Bar, act: bool) -> Result<(), TradeError> {
        self.meet();
        let Some(record) = self.desk.take(bar, act)? else { return Ok(()) };
        if let Some(Err(fault)) = record.lanes.first() {
            return Err(TradeError::NoAnswer { at: bar.at, why: fault.to_string() });
        }
        if !act && self.rows() == 0 {
            return Ok(());
        }
        self.record.append(&record, &self.tickers, &self.desk)?;
        let orders = record.lanes.first().and_then(|step| step.as_ref().ok());
        let orders = orders.map_or(&[][..], |step| &step.orders);
        let filled =
            orders.iter().zip(&self.tickers).filter(|(order, _)| order.fill_price.is_some());
        let told: Vec<String> = filled
            .map(|(order, ticker)| format!("{:+.6} {ticker}", order.units + order.forced_units))
            .collect();
        if !act {
            say(&format!("{}: missed, not acted on", bar.at));
        } else if !told.is_empty() {
            say(&format!("{}: {}", bar.at, told.join(", ")));
        }
        Ok(())
    }
}

/// The model that was the champion before: when another takes its place, it goes on beside it with
/// the same money and positions, so that one can see what it would have made.
fn previous(
    record: &mut Record,
    stored: &mut DeskState,
    players: &[Player],
    args: &TradeArgs,
) -> Option<Player> {
    let champion = players.first()?;
    let named = players.iter().find(|player| player.name == PREVIOUS);
    let before = stored.model_of(CHAMPION).map(str::to_owned);
    if before.as_ref() != Some(&champion.model) {
        if named.is_none() {
            record.models.previous = Some(record.models.champion.clone());
        }
        if named.is_none_or(|named| Some(&named.model) == before.as_ref()) {
            stored.fork(CHAMPION, PREVIOUS);
            say("another model takes over; the one before goes on beside it, to compare");
        }
    }
    let folder = record.models.previous.clone().filter(|_| named.is_none())?;
    match model::player(PREVIOUS, &folder, args.tickers.len()) {
        Ok(player) => Some(player),
        Err(error) => {
            say(&format!("{error}; the session goes on without the model before"));
            record.models.previous = None;
            None
        }
    }
}
