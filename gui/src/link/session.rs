//! One conversation with a runner, from the first hello until the connection breaks. Nothing waits
//! here for a reading: wishes and events are heard while one is under way.

use super::agenda::Agenda;
use super::aside;
use super::dial::dial;
use super::reading::{self, Answer, READ_TIMEOUT, Reading, read, within};
use super::{End, Voice};
use crate::news::{News, Wish};
use crate::place::Place;
use cappuccino_core::api::{CURVES, Hello, Status};
use cappuccino_core::client::{Client, ClientError, Event, Events};
use cappuccino_core::store::Entry;
use cappuccino_core::words::Sequence;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// Time between two looks at what does not announce itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A conversation.
pub(super) struct Session {
    place: Place,
    voice: Voice,
    /// The connection that is read on, while nothing is being read.
    client: Option<Client>,
    reading: Option<Reading>,
    events: Events,
    agenda: Agenda,
    /// The search for an examination, one at a time: it may read the whole history, and ends with
    /// the conversation.
    search: JoinSet<()>,
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
    let mut agenda = Agenda::new(hello.capabilities.iter().any(|can| can == CURVES));
    agenda.see(&status);
    voice.say(News::Connected(hello))?;
    voice.say(News::History(history))?;
    voice.say(News::Status(Box::new(status)))?;
    let (place, search) = (place.clone(), JoinSet::new());
    Ok(Session { place, voice, client: Some(client), reading: None, events, agenda, search })
}

impl Session {
    /// Talks until the end.
    pub(super) async fn run(mut self, wishes: &mut mpsc::Receiver<Wish>) -> End {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.go_on_reading();
            let done = tokio::select! {
                event = self.events.next() => self.hear(event),
                wish = wishes.recv() => match wish {
                    Some(wish) => {
                        self.grant(wish);
                        Ok(())
                    }
                    None => Err(End::Deaf),
                },
                (client, answer) = under_way(&mut self.reading) => {
                    (self.reading, self.client) = (None, Some(client));
                    answer.and_then(|answer| self.tell(answer))
                }
                _now = looks.tick() => {
                    self.agenda.look();
                    Ok(())
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Begins the next reading when none is under way.
    fn go_on_reading(&mut self) {
        let Some(client) = self.client.take() else { return };
        match self.agenda.next() {
            Some(question) => self.reading = Some(reading::begin(client, question)),
            None => self.client = Some(client),
        }
    }

    fn hear(&mut self, event: Result<Option<Event>, ClientError>) -> Result<(), End> {
        let event = event.map_err(broken)?;
        let event = event.ok_or_else(|| End::Broken("the runner went down".to_owned()))?;
        match event.name.as_str() {
            "status" => {
                let status: Status = event.json().map_err(broken)?;
                self.agenda.see(&status);
                Ok(self.voice.say(News::Status(Box::new(status)))?)
            }
            "error" => Err(End::Broken(event.data)),
            _line => Ok(self.voice.say(News::Line(Box::new(event.json().map_err(broken)?)))?),
        }
    }

    fn grant(&mut self, wish: Wish) {
        let aside = || (self.place.clone(), self.voice.clone());
        match wish {
            Wish::Ask(request) => {
                let (place, voice) = aside();
                tokio::spawn(aside::ask(place, voice, request));
            }
            Wish::Foresee(request) => {
                let (place, voice) = aside();
                tokio::spawn(aside::foresee(place, voice, request));
            }
            Wish::Params(number) => {
                let (place, voice) = aside();
                tokio::spawn(aside::params(place, voice, number));
            }
            Wish::Examination(revision) => {
                let (place, voice) = aside();
                self.search = JoinSet::new();
                self.search.spawn(aside::examination(place, voice, revision));
            }
            Wish::LogBefore(process, offset) => self.agenda.page_back(process, offset),
            Wish::FollowLog(place) => self.agenda.follow_log(place),
            Wish::FollowLanes(is_wanted) => self.agenda.follow_lanes(is_wanted),
            Wish::FollowSeries(wish) => self.agenda.follow_series(wish),
            // There is one already.
            Wish::Retry | Wish::StartRunner => {}
        }
    }

    fn tell(&mut self, answer: Answer) -> Result<(), End> {
        let news = match answer {
            Answer::Status(status) => {
                self.agenda.see(&status);
                // Changes come as events; this only shows that the runner is there.
                return Ok(self.voice.whisper(News::Status(status))?);
            }
            Answer::Chart(chart) => News::Chart(chart),
            Answer::Trials(trials) => News::Trials(trials),
            Answer::Lanes(lanes) => News::Lanes(lanes),
            Answer::Trades(trades) => News::Trades(trades),
            Answer::Series(wish, found) if self.agenda.wants(&wish) => News::Series(found),
            Answer::Log(place, Ok(page)) if self.agenda.turn(&place, &page) => {
                // A place without an offset is new: that there is nothing is news there.
                if place.1.is_some() && page.text.is_empty() {
                    return Ok(());
                }
                News::Log(place.0, page)
            }
            Answer::Log((name, _), Err(why)) if self.agenda.follows(&name) => {
                News::LogFailed(name, why)
            }
            Answer::LogBefore(name, Ok(page)) => News::LogBefore(name, page),
            Answer::LogBefore(name, Err(why)) => News::LogFailed(name, why),
            // Something else is looked at meanwhile.
            Answer::Series(..) | Answer::Log(..) => return Ok(()),
        };
        Ok(self.voice.say(news)?)
    }
}

/// What the reading under way answers; without one nothing ever.
async fn under_way(reading: &mut Option<Reading>) -> (Client, Result<Answer, End>) {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn broken(error: ClientError) -> End {
    End::Broken(error.to_string())
}
