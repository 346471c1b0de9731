//! One conversation with a runner, from the first hello until the connection breaks.

use super::dial::dial;
use super::{Deaf, End, Voice};
use crate::clock::wall_now;
use crate::news::{Foreseen, News, Outcome, SeriesWish, Wish};
use crate::place::Place;
use cappuccino_core::api::{
    CommandRequest, CountsView, Hello, LogPage, ParamView, SeriesView, Status, TradeView,
    TrialChart, TrialView,
};
use cappuccino_core::client::{Client, ClientError, Event, Events};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{ProcessName, RequestId, Sequence, Span, TrialNumber};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How long a reading may take before the runner counts as silent.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the runner may take to decide; longer than it gives itself.
const ASK_TIMEOUT: Duration = Duration::from_secs(130);
/// Time between two looks at what does not announce itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks between two readings of the same series.
const LOOKS_PER_SERIES: u32 = 5;
/// Looks between two questions whether the runner is there.
const LOOKS_PER_STATUS: u32 = 2;
/// How often a request is sent again, with the same id, when its answer got lost.
const TRIES: u32 = 3;

/// A conversation.
pub(super) struct Session {
    place: Place,
    voice: Voice,
    client: Client,
    events: Events,
    counts: Option<CountsView>,
    charted: Option<CountsView>,
    traded: Option<u64>,
    trades: Option<u64>,
    log: Option<(ProcessName, Option<u64>)>,
    log_before: Option<(ProcessName, u64)>,
    looks: u32,
    series: Option<SeriesWish>,
    series_looks: u32,
}

/// Meets the runner and learns what there is to know.
pub(super) async fn open(place: &Place, voice: Voice) -> Result<Session, End> {
    let mut client = dial(place).await?;
    let hello: Hello = read(&mut client, "/v1/hello").await?;
    let status: Status = read(&mut client, "/v1/status").await?;
    let mut history: Vec<Entry> = read(&mut client, "/v1/history?limit=1000").await?;
    history.reverse();
    let newest = history.last().map_or(Sequence(0), |entry| entry.sequence);
    let events = within(READ_TIMEOUT, dial(place).await?.events(Some(newest))).await?;
    voice.say(News::Connected(hello))?;
    voice.say(News::History(history))?;
    let counts = Some(status.study.counts);
    let trades = trades_of(&status);
    voice.say(News::Status(Box::new(status)))?;
    let place = place.clone();
    Ok(Session {
        place,
        voice,
        client,
        events,
        counts,
        charted: None,
        traded: None,
        trades,
        log: None,
        log_before: None,
        looks: 0,
        series: None,
        series_looks: 0,
    })
}

/// Tells that a request never left.
pub(super) fn decline(voice: &Voice, id: RequestId) -> Result<(), Deaf> {
    let why = "no runner is connected, so nothing was asked; connect and ask again".to_owned();
    voice.say(News::Answered(id, Outcome::Refused { why, stale: false }))
}

impl Session {
    /// Talks until the end.
    pub(super) async fn run(mut self, wishes: &mut mpsc::Receiver<Wish>) -> End {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                event = self.events.next() => self.hear(event),
                wish = wishes.recv() => match wish {
                    Some(wish) => {
                        looks.reset_immediately();
                        self.grant(wish);
                        Ok(())
                    }
                    None => Err(End::Deaf),
                },
                _now = looks.tick() => self.look().await,
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    fn hear(&mut self, event: Result<Option<Event>, ClientError>) -> Result<(), End> {
        let event = event.map_err(broken)?;
        let event = event.ok_or_else(|| End::Broken("the runner went down".to_owned()))?;
        match event.name.as_str() {
            "status" => {
                let status: Status = event.json().map_err(broken)?;
                self.counts = Some(status.study.counts);
                self.trades = trades_of(&status);
                Ok(self.voice.say(News::Status(Box::new(status)))?)
            }
            "error" => Err(End::Broken(event.data)),
            _line => Ok(self.voice.say(News::Line(Box::new(event.json().map_err(broken)?)))?),
        }
    }

    fn grant(&mut self, wish: Wish) {
        match wish {
            Wish::Ask(request) => {
                // On a connection of its own: a long decision must not look like silence.
                tokio::spawn(ask(self.place.clone(), self.voice.clone(), request));
            }
            Wish::Foresee(request) => {
                tokio::spawn(foresee(self.place.clone(), self.voice.clone(), request));
            }
            Wish::Params(number) => {
                tokio::spawn(params(self.place.clone(), self.voice.clone(), number));
            }
            Wish::LogBefore(process, offset) => self.log_before = Some((process, offset)),
            Wish::FollowLog(process) => {
                let follows = self.log.as_ref().map(|(name, _)| name);
                if follows != process.as_ref() {
                    self.log = process.map(|name| (name, None));
                }
            }
            Wish::FollowSeries(wish) => {
                self.series = wish;
                self.series_looks = 0;
            }
            // There is one already.
            Wish::Retry | Wish::StartRunner => {}
        }
    }

    async fn look(&mut self) -> Result<(), End> {
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(LOOKS_PER_STATUS) {
            let status: Status = read(&mut self.client, "/v1/status").await?;
            self.counts = Some(status.study.counts);
            self.trades = trades_of(&status);
            // Changes come as events; this only shows that the runner is there.
            self.voice.whisper(News::Status(Box::new(status)))?;
        }
        if self.charted != self.counts {
            let chart: TrialChart = read(&mut self.client, "/v1/trials/chart").await?;
            let trials: Vec<TrialView> = read(&mut self.client, "/v1/trials?limit=1000").await?;
            self.voice.say(News::Chart(chart))?;
            self.voice.say(News::Trials(trials))?;
            self.charted = self.counts;
        }
        if self.trades.is_some() && self.traded != self.trades {
            let trades: Vec<TradeView> = read(&mut self.client, "/v1/trades?limit=500").await?;
            self.voice.say(News::Trades(trades))?;
            self.traded = self.trades;
        }
        self.read_series().await?;
        self.read_log().await
    }

    /// A stretch that ends in the past is read once, one that ends now again and again.
    async fn read_series(&mut self) -> Result<(), End> {
        let Some(wish) = &self.series else { return Ok(()) };
        let is_due = self.series_looks == 0
            || (wish.end.is_none() && self.series_looks.is_multiple_of(LOOKS_PER_SERIES));
        self.series_looks = self.series_looks.saturating_add(1);
        if !is_due {
            return Ok(());
        }
        let end = wish.end.unwrap_or_else(wall_now);
        let from = end.plus(Span(-wish.length.0));
        let mut found = BTreeMap::new();
        for name in &wish.names {
            let path = format!("/v1/series/{name}?from={from}&to={end}&buckets={}", wish.buckets);
            match within(READ_TIMEOUT, self.client.get_json::<SeriesView>(&path)).await {
                Ok(series) => {
                    found.insert(name.clone(), series);
                }
                // Not measured yet, or not recorded: its chart stays empty.
                Err(Silence::Refused(_)) => {}
                Err(silence) => return Err(silence.into()),
            }
        }
        Ok(self.voice.say(News::Series(found))?)
    }

    async fn read_log(&mut self) -> Result<(), End> {
        if let Some((name, offset)) = self.log_before.take() {
            let path = format!("/v1/logs/{name}?before={offset}");
            match within(READ_TIMEOUT, self.client.get_json::<LogPage>(&path)).await {
                Ok(page) => self.voice.say(News::LogBefore(name, page))?,
                Err(Silence::Refused(why)) => self.voice.say(News::LogFailed(name, why))?,
                Err(silence) => return Err(silence.into()),
            }
        }
        let Some((name, at)) = &mut self.log else { return Ok(()) };
        let path = match at {
            Some(at) => format!("/v1/logs/{name}?from={at}"),
            None => format!("/v1/logs/{name}"),
        };
        match within(READ_TIMEOUT, self.client.get_json::<LogPage>(&path)).await {
            Ok(page) => {
                let is_first = at.is_none();
                *at = Some(page.to);
                if is_first || !page.text.is_empty() {
                    self.voice.say(News::Log(name.clone(), page))?;
                }
                Ok(())
            }
            Err(Silence::Refused(why)) => Ok(self.voice.say(News::LogFailed(name.clone(), why))?),
            Err(silence) => Err(silence.into()),
        }
    }
}

/// How many trades there are, when a trader's session is read.
fn trades_of(status: &Status) -> Option<u64> {
    status.pnl.as_ref().map(|pnl| pnl.trades)
}

/// Foresees on a connection of its own: the runner may be busy for longer than a look may take.
async fn foresee(place: Place, voice: Voice, request: CommandRequest) {
    let answer = async {
        let mut client = dial(&place).await?;
        Ok::<_, End>(timeout(READ_TIMEOUT, client.foresee(&request)).await)
    };
    let foreseen = match answer.await {
        Ok(Ok(Ok(foresight))) => Foreseen::Leads(Box::new(foresight)),
        // A runner that does not know the question refuses it too, with another code.
        Ok(Ok(Err(ClientError::Refused { code: 409 | 422, body }))) => {
            Foreseen::Refused(body.error)
        }
        Ok(Ok(Err(error))) => Foreseen::Unknown(error.to_string()),
        Ok(Err(_elapsed)) => Foreseen::Unknown("the runner did not answer in time".to_owned()),
        Err(end) => Foreseen::Unknown(end.told()),
    };
    // Without a window nobody waits for the answer.
    drop(voice.say(News::Foreseen(request.id, foreseen)));
}

async fn params(place: Place, voice: Voice, number: TrialNumber) {
    let answer = async {
        let mut client = dial(&place).await?;
        Ok::<Vec<ParamView>, End>(read(&mut client, &format!("/v1/trials/{number}/params")).await?)
    };
    // Without a window nobody waits for the answer.
    drop(voice.say(News::Params(number, answer.await.map_err(End::told))));
}

async fn ask(place: Place, voice: Voice, request: CommandRequest) {
    let mut outcome = Outcome::Unknown(String::new());
    for _try in 0..TRIES {
        outcome = ask_once(&place, &request).await;
        match &outcome {
            Outcome::Unknown(_) => tokio::time::sleep(LOOK_EVERY).await,
            Outcome::Accepted(_) | Outcome::Refused { .. } => break,
        }
    }
    // Without a window nobody waits for the answer.
    drop(voice.say(News::Answered(request.id, outcome)));
}

async fn ask_once(place: &Place, request: &CommandRequest) -> Outcome {
    let began = Instant::now();
    let answer = async {
        let mut client = dial(place).await?;
        let left = ASK_TIMEOUT.saturating_sub(began.elapsed());
        Ok::<_, End>(timeout(left, client.command(request)).await)
    };
    match answer.await {
        Ok(Ok(Ok(accepted))) => Outcome::Accepted(accepted),
        Ok(Ok(Err(error))) => {
            let stale = error.is_stale();
            match error {
                ClientError::Refused { body, .. } => Outcome::Refused { why: body.error, stale },
                error @ (ClientError::Broken(_) | ClientError::Unreadable { .. }) => {
                    Outcome::Unknown(error.to_string())
                }
            }
        }
        Ok(Err(_elapsed)) => Outcome::Unknown("the runner did not answer in time".to_owned()),
        Err(End::Absent(why) | End::Broken(why)) => Outcome::Unknown(why),
        Err(End::Deaf) => Outcome::Unknown(String::new()),
    }
}

/// Why a reading gave nothing.
enum Silence {
    Refused(String),
    Broken(String),
}

impl From<Silence> for End {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Refused(why) | Silence::Broken(why) => Self::Broken(why),
        }
    }
}

async fn read<T: DeserializeOwned>(client: &mut Client, path: &str) -> Result<T, Silence> {
    within(READ_TIMEOUT, client.get_json(path)).await
}

async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, Silence> {
    match timeout(limit, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(ClientError::Refused { body, .. })) => Err(Silence::Refused(body.error)),
        Ok(Err(error)) => Err(Silence::Broken(error.to_string())),
        Err(_elapsed) => Err(Silence::Broken(format!(
            "the runner did not answer within {} s; look at its log with `cappuccino logs runner`",
            limit.as_secs()
        ))),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn broken(error: ClientError) -> End {
    End::Broken(error.to_string())
}
