//! Alpaca's crypto bars, asked for again and again. They are public; keys, from the environment
//! alone, only raise the limit.
//!
//! What passes by itself (a limit, a failing server, a cut answer) is tried again with growing
//! pauses; what does not (a wrong key, an unknown ticker) ends the trader.

use super::page::Page;
use crate::clock::wall_now;
use crate::stop::Stop;
use crate::trade::error::TradeError;
use crate::trade::say;
use cappuccino_core::trading::paper::candle::{Bar, Timeframe};
use cappuccino_core::trading::paper::gather::{Arrival, Gatherer, Patience};
use cappuccino_core::words::{Span, Timestamp};
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, Response};

/// Where the data is.
const ADDRESS: &str = "https://data.alpaca.markets";
/// Longest exchange, from looking the name up to the last byte.
const EXCHANGE_MAX: Duration = Duration::from_secs(20);
/// Most of an answer that is read, in bytes: 10 000 bars have some 1.5 MB.
const ANSWER_MAX: u64 = 16 << 20;
/// Most pages of one question.
const PAGES_MAX: usize = 1000;
/// Tries of one page before the feed is left alone until the next question.
const TRIES: u32 = 6;
/// First pause after a failed try; it doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest pause, also where the venue asks for a longer one.
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// A smaller difference between the venue's clock and ours is the network's delay.
const SKEW_MIN: Span = Span::seconds(2);
/// Names of the environment's variables with the key and its secret, Alpaca's and the original's.
const KEYS: [(&str, &str); 2] =
    [("APCA_API_KEY_ID", "APCA_API_SECRET_KEY"), ("ALPACA_API_KEY", "ALPACA_API_SECRET")];

/// A client of the venue.
pub struct Alpaca {
    agent: Agent,
    url: String,
    key: Option<(String, String)>,
    tickers: Vec<String>,
    timeframe: Timeframe,
    skew: Span,
    /// The last trouble that was told, so that the same is told once.
    told: Option<String>,
}

/// Why a page did not come.
enum Trouble {
    /// It may come later; not before the pause, where the venue says so.
    Passing(String, Option<Duration>),
    /// It will never come.
    Final(String),
}

impl Alpaca {
    /// A client for these tickers; nothing is asked yet.
    ///
    /// # Errors
    /// [`TradeError::Argument`] for an address that is none.
    pub fn new(
        address: Option<&str>,
        tickers: Vec<String>,
        timeframe: Timeframe,
    ) -> Result<Self, TradeError> {
        let address = address.unwrap_or(ADDRESS).trim_end_matches('/');
        if !(address.starts_with("http://") || address.starts_with("https://")) {
            return Err(TradeError::Argument(format!(
                "`{address}` is no address of market data; it begins with https://"
            )));
        }
        let config = Agent::config_builder()
            .timeout_global(Some(EXCHANGE_MAX))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("cappuccino/", env!("CARGO_PKG_VERSION")));
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let key = KEYS.iter().find_map(|(id, secret)| variable(id).zip(variable(secret)));
        let (agent, url) = (config.build().into(), format!("{address}/v1beta3/crypto/us/bars"));
        Ok(Self { agent, url, key, tickers, timeframe, skew: Span::ZERO, told: None })
    }

    /// The present by the venue's clock, as far as it is known.
    pub fn now(&self) -> Timestamp {
        wall_now().plus(self.skew)
    }

    /// Offers everything that began at `since` or later. Trouble that passes is told once and
    /// leaves the rest for the next time.
    ///
    /// # Errors
    /// [`TradeError::Feed`] when the venue will never answer.
    pub fn poll(
        &mut self,
        since: Timestamp,
        gatherer: &mut Gatherer,
        stop: &Stop,
    ) -> Result<(), TradeError> {
        match self.ask(since, self.now(), gatherer, stop) {
            Ok(()) => {
                if self.told.take().is_some() {
                    say("the feed answers again");
                }
                Ok(())
            }
            Err(Trouble::Final(why)) => Err(TradeError::Feed(why)),
            Err(Trouble::Passing(why, _)) => {
                if self.told.as_ref() != Some(&why) {
                    say(&format!("the feed fails: {why}; it is asked again"));
                }
                self.told = Some(why);
                Ok(())
            }
        }
    }

    /// All bars from `first` to `last`, as a session that lost its candle file needs them.
    ///
    /// # Errors
    /// [`TradeError::Feed`] when they do not come.
    pub fn bars(
        &mut self,
        first: Timestamp,
        last: Timestamp,
        stop: &Stop,
    ) -> Result<Vec<Bar>, TradeError> {
        let none = Patience { settle: Span::ZERO, wait: Span::ZERO };
        let mut gatherer = Gatherer::new(self.tickers.len(), self.timeframe, none);
        match self.ask(first, last, &mut gatherer, stop) {
            Ok(()) => Ok(std::iter::from_fn(|| gatherer.next(Timestamp(i64::MAX))).collect()),
            Err(Trouble::Final(why) | Trouble::Passing(why, _)) => Err(TradeError::Feed(why)),
        }
    }

    fn ask(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        gatherer: &mut Gatherer,
        stop: &Stop,
    ) -> Result<(), Trouble> {
        let mut token: Option<String> = None;
        for _page in 0..PAGES_MAX {
            let page = self.page_patiently(from, to, token.as_deref(), stop)?;
            let now = self.now();
            for (ticker, at, candle) in page.candles() {
                let Some(place) = self.tickers.iter().position(|known| known == ticker) else {
                    continue;
                };
                if gatherer.offer(place, at, candle, now) == Arrival::Revised {
                    say(&format!("{at}: {ticker} was corrected before it was acted on"));
                }
            }
            match page.next_page_token {
                None => return Ok(()),
                next if next == token => break,
                next => token = next,
            }
        }
        Err(Trouble::Passing("its pages never end".to_owned(), None))
    }

    fn page_patiently(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        token: Option<&str>,
        stop: &Stop,
    ) -> Result<Page, Trouble> {
        let mut pause = PAUSE;
        let mut tries = 0;
        loop {
            tries += 1;
            let (why, asked) = match self.page(from, to, token) {
                Err(Trouble::Passing(why, asked)) => (why, asked),
                done => return done,
            };
            let wait = asked.unwrap_or(pause).min(PAUSE_MAX);
            if tries == TRIES || stop.wait(wait) {
                return Err(Trouble::Passing(why, None));
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn page(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        token: Option<&str>,
    ) -> Result<Page, Trouble> {
        let mut request = self
            .agent
            .get(&self.url)
            .query("symbols", self.tickers.join(","))
            .query("timeframe", timeframe_name(self.timeframe))
            .query("start", from.to_string())
            .query("end", to.to_string())
            .query("limit", "10000");
        if let Some(token) = token {
            request = request.query("page_token", token);
        }
        if let Some((id, secret)) = &self.key {
            request = request.header("APCA-API-KEY-ID", id).header("APCA-API-SECRET-KEY", secret);
        }
        let mut answer = request
            .call()
            .map_err(|error| Trouble::Passing(format!("no answer ({error})"), None))?;
        self.note_clock(answer.headers());
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_string();
        match status {
            200 => {
                let text = text.map_err(|error| {
                    Trouble::Passing(format!("the answer broke off ({error})"), None)
                })?;
                Page::read(&text).map_err(|why| Trouble::Passing(why, None))
            }
            _refused => Err(self.refused(&answer, &text.unwrap_or_default())),
        }
    }

    /// What an answer that is no page means.
    fn refused<T>(&self, answer: &Response<T>, text: &str) -> Trouble {
        let begin: String = text.chars().take(120).collect();
        let said = format!("it answers {} ({})", answer.status(), begin.escape_debug());
        match answer.status().as_u16() {
            401 | 403 => Trouble::Final(format!(
                "{said}; correct APCA_API_KEY_ID and APCA_API_SECRET_KEY, or unset them: crypto \
                 bars need none"
            )),
            400 | 404 | 422 => {
                Trouble::Final(format!("{said}; check tickers, timeframe and address"))
            }
            429 => Trouble::Passing(said, self.until_reset(answer.headers())),
            _other => Trouble::Passing(said, None),
        }
    }

    /// Time until the venue's limit is lifted, by `X-RateLimit-Reset` in seconds since 1970.
    fn until_reset(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = headers.get("x-ratelimit-reset")?.to_str().ok()?;
        let reset = Timestamp(text.trim().parse::<i64>().ok()?.checked_mul(1000)?);
        let wait = reset.since(self.now()).0.max(0);
        Some(Duration::from_millis(u64::try_from(wait).ok()?))
    }

    /// Bars close by the venue's clock: the difference to ours is taken from its `Date`.
    fn note_clock(&mut self, headers: &HeaderMap) {
        let date = headers.get("date").and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(|text| jiff::fmt::rfc2822::parse(text).ok()) else { return };
        let skew = Timestamp(date.timestamp().as_millisecond()).since(wall_now());
        let is_clock = skew.0.abs() > SKEW_MIN.0;
        let skew = if is_clock { skew } else { Span::ZERO };
        if (skew.0 - self.skew.0).abs() > SKEW_MIN.0 {
            say(&format!(
                "the venue's clock differs from this machine's by {skew}; its clock counts"
            ));
            self.skew = skew;
        }
    }
}

/// The venue's name of a timeframe.
const fn timeframe_name(timeframe: Timeframe) -> &'static str {
    match timeframe {
        Timeframe::Minute => "1Min",
        Timeframe::FiveMinutes => "5Min",
        Timeframe::Quarter => "15Min",
        Timeframe::Hour => "1Hour",
        Timeframe::Day => "1Day",
    }
}
