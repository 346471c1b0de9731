//! The thread that talks to the runner. The window never waits for anything: news arrive in a
//! queue, wishes leave through one.

mod agenda;
mod aside;
mod dial;
mod reading;
mod session;
mod start;

use crate::news::{Foreseen, News, Wish};
use crate::place::Place;
use cappuccino_core::words::Span;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::mpsc as wishes;
use tokio::time::Instant;

/// Wishes that may wait for the thread.
const WISHES_MAX: usize = 32;
/// First pause before another try to connect; doubles up to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// A conversation this long was one: the next pause is the first again. Whoever only says hello and
/// goes is not called four times a second.
const LASTING: Duration = Duration::from_secs(5);
/// Longest pause.
const PAUSE_LONGEST: Duration = Duration::from_secs(30);

/// Called when there is news.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// The app's end of the link.
pub trait Link {
    /// What was learnt since the last call, oldest first.
    fn news(&mut self) -> Vec<News>;

    /// Asks for something; `false` when the thread is too busy and nothing was asked.
    fn wish(&mut self, wish: Wish) -> bool;
}

/// A link to the runner of one workspace.
#[derive(Debug)]
pub struct RunnerLink {
    news: mpsc::Receiver<News>,
    wishes: wishes::Sender<Wish>,
}

impl RunnerLink {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(place: Place, wake: Wake) -> std::io::Result<Self> {
        let (tell, news) = mpsc::channel();
        let (wish, wishes) = wishes::channel(WISHES_MAX);
        let talker = Talker { place, voice: Voice { tell, wake }, wishes };
        std::thread::Builder::new().name("link".to_owned()).spawn(move || talker.run())?;
        Ok(Self { news, wishes: wish })
    }
}

impl Link for RunnerLink {
    fn news(&mut self) -> Vec<News> {
        self.news.try_iter().collect()
    }

    fn wish(&mut self, wish: Wish) -> bool {
        self.wishes.try_send(wish).is_ok()
    }
}

/// The way back to the window.
#[derive(Clone)]
struct Voice {
    tell: mpsc::Sender<News>,
    wake: Wake,
}

/// The window is closed: nobody listens any more.
#[derive(Debug)]
struct Deaf;

impl Voice {
    fn say(&self, news: News) -> Result<(), Deaf> {
        self.whisper(news)?;
        (self.wake)();
        Ok(())
    }

    /// Tells what is worth no new frame: it is seen with the next one.
    fn whisper(&self, news: News) -> Result<(), Deaf> {
        self.tell.send(news).map_err(|mpsc::SendError(_news)| Deaf)
    }
}

/// Why a conversation ended.
#[derive(Debug)]
enum End {
    /// The window is closed.
    Deaf,
    /// No runner is up.
    Absent(String),
    /// It broke.
    Broken(String),
}

impl End {
    /// In a sentence.
    fn told(self) -> String {
        match self {
            Self::Deaf => "the window is closed".to_owned(),
            Self::Absent(why) | Self::Broken(why) => why,
        }
    }
}

impl From<Deaf> for End {
    fn from(Deaf: Deaf) -> Self {
        Self::Deaf
    }
}

struct Talker {
    place: Place,
    voice: Voice,
    wishes: wishes::Receiver<Wish>,
}

impl Talker {
    fn run(mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(self.talk()),
            Err(error) => {
                let why = format!("the system gives no event queue ({error}); check `ulimit -n`");
                let retry_in = Span::hours(1);
                // Without a window nobody needs to know.
                drop(self.voice.say(News::Disconnected { why, absent: false, retry_in }));
            }
        }
    }

    async fn talk(&mut self) {
        let mut pause = PAUSE_FIRST;
        loop {
            let mut met = None;
            let (why, absent) = match self.converse(&mut met).await {
                End::Deaf => return,
                End::Absent(why) => (why, true),
                End::Broken(why) => (why, false),
            };
            if met.is_some_and(|met: Instant| met.elapsed() >= LASTING) {
                pause = PAUSE_FIRST;
            }
            let retry_in = Span(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
            if self.voice.say(News::Disconnected { why, absent, retry_in }).is_err() {
                return;
            }
            match self.wait(pause).await {
                Ok(true) => pause = PAUSE_FIRST,
                Ok(false) => pause = pause.saturating_mul(2).min(PAUSE_LONGEST),
                Err(Deaf) => return,
            }
        }
    }

    /// Talks to a runner until the end; when it was `met`, if there is one.
    async fn converse(&mut self, met: &mut Option<Instant>) -> End {
        if let Err(deaf) = self.voice.say(News::Connecting) {
            return deaf.into();
        }
        let session = session::open(&self.place, self.voice.clone()).await;
        match session {
            Ok(session) => {
                *met = Some(Instant::now());
                session.run(&mut self.wishes).await
            }
            Err(end) => end,
        }
    }

    /// Waits for the next try; whether the user asked for it.
    async fn wait(&mut self, pause: Duration) -> Result<bool, Deaf> {
        let deadline = Instant::now() + pause;
        loop {
            let wish = match tokio::time::timeout_at(deadline, self.wishes.recv()).await {
                Err(_elapsed) => return Ok(false),
                Ok(None) => return Err(Deaf),
                Ok(Some(wish)) => wish,
            };
            match wish {
                Wish::Retry => return Ok(true),
                Wish::StartRunner => {
                    let outcome = start::start_runner(&self.place).await;
                    let started = outcome.is_ok();
                    self.voice.say(News::Started(outcome))?;
                    if started {
                        return Ok(true);
                    }
                }
                // Nothing is asked of nobody: the buttons are off, so this was on its way.
                Wish::Ask(request) => aside::decline(&self.voice, request.id)?,
                Wish::Foresee(request) => {
                    let why = Foreseen::Unknown("no runner is connected".to_owned());
                    self.voice.say(News::Foreseen(request.id, why))?;
                }
                Wish::Params(_)
                | Wish::LogBefore(..)
                | Wish::FollowLog(_)
                | Wish::FollowLanes(_)
                | Wish::FollowSeries(_) => {}
            }
        }
    }
}
