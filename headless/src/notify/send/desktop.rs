//! The desktop's notification daemon, spoken to on a thread of its own: a daemon that hangs never
//! answers, and D-Bus knows no limit of time.

use super::Sender;
use crate::notify::hand::{Button, Hand};
use crate::notify::lane::Trouble;
use crate::notify::message::Message;
use crate::notify::worth::Severity;
use cappuccino_core::words::Sequence;
use notify_rust::{Notification, NotificationHandle, Timeout, Urgency, get_capabilities};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Numbers of notifications whose button is waited for.
type Listened = Arc<Mutex<BTreeSet<u32>>>;
/// Most of them.
const LISTENED_MAX: usize = 16;
/// How long the daemon may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Subjects whose notification on the screen is known; the least name goes first.
const SHOWN_MAX: usize = 200;

/// The daemon of this session, if there is one.
pub(super) struct Desktop {
    hand: Option<Hand>,
    helper: Option<Helper>,
    /// Lines of a message that the daemon has not answered yet.
    unanswered: Option<Vec<Sequence>>,
    /// The notification about each subject, to be replaced by the next.
    shown: BTreeMap<String, u32>,
}

struct Helper {
    requests: SyncSender<Request>,
    answers: Receiver<Answer>,
}

struct Request {
    message: Message,
    replaces: Option<u32>,
}

type Answer = Result<u32, String>;

impl Sender for Desktop {
    fn send(&mut self, message: &Message) -> Result<(), Trouble> {
        let outcome = self.show(message);
        outcome.map_err(Trouble::Unavailable)
    }
}

impl Desktop {
    pub(super) const fn new(hand: Option<Hand>) -> Self {
        Self { hand, helper: None, unanswered: None, shown: BTreeMap::new() }
    }

    fn show(&mut self, message: &Message) -> Result<(), String> {
        if self.late_answer(message)? {
            return Ok(());
        }
        let replaces =
            message.subject.as_ref().and_then(|subject| self.shown.get(subject).copied());
        let helper = match self.helper.take() {
            Some(helper) => helper,
            None => Helper::start(self.hand.clone())?,
        };
        let request = Request { message: message.clone(), replaces };
        if helper.requests.send(request).is_err() {
            return Err(DIED.to_owned());
        }
        let answer = helper.answers.recv_timeout(ANSWER_MAX);
        if answer == Err(RecvTimeoutError::Disconnected) {
            return Err(DIED.to_owned());
        }
        self.helper = Some(helper);
        match answer {
            Ok(answer) => {
                self.remember(message, answer?);
                Ok(())
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                self.unanswered = Some(message.lines.clone());
                Err(HANGS.to_owned())
            }
        }
    }

    /// Whether the daemon, which hung, has shown this very message meanwhile.
    fn late_answer(&mut self, message: &Message) -> Result<bool, String> {
        let (Some(lines), Some(helper)) = (&self.unanswered, &self.helper) else {
            return Ok(false);
        };
        match helper.answers.try_recv() {
            Err(TryRecvError::Empty) => Err(HANGS.to_owned()),
            Err(TryRecvError::Disconnected) => {
                (self.helper, self.unanswered) = (None, None);
                Ok(false)
            }
            Ok(answer) => {
                let is_this = *lines == message.lines;
                self.unanswered = None;
                match answer {
                    Ok(id) if is_this => {
                        self.remember(message, id);
                        Ok(true)
                    }
                    Ok(_) | Err(_) => Ok(false),
                }
            }
        }
    }

    fn remember(&mut self, message: &Message, id: u32) {
        let Some(subject) = message.subject.clone() else { return };
        if message.over {
            self.shown.remove(&subject);
            return;
        }
        self.shown.insert(subject, id);
        if self.shown.len() > SHOWN_MAX {
            self.shown.pop_first();
        }
    }
}

const HANGS: &str = "the notification daemon does not answer; restart it, or log in again";
const DIED: &str = "the thread that speaks to the notification daemon ended; it is started anew";

impl Helper {
    fn start(hand: Option<Hand>) -> Result<Self, String> {
        let (requests, inbox) = sync_channel::<Request>(1);
        let (outbox, answers) = sync_channel(1);
        let serve = move || {
            let listened = Listened::default();
            while let Ok(request) = inbox.recv() {
                if outbox.send(show(&request, hand.as_ref(), &listened)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("notify-daemon".to_owned())
            .spawn(serve)
            .map_err(|error| format!("the system gives no thread: {error}"))?;
        Ok(Self { requests, answers })
    }
}

/// Shows it; the daemon's number for it. Takes as long as the daemon likes.
fn show(request: &Request, hand: Option<&Hand>, listened: &Listened) -> Answer {
    let Request { message, replaces } = request;
    let told = |error: notify_rust::error::Error| {
        format!("no notification daemon can be reached ({error}); log in to a desktop session")
    };
    // Also finds out, cheaply, that there is no daemon.
    let capabilities = get_capabilities().map_err(told)?;
    let has_markup = capabilities.iter().any(|capability| capability == "body-markup");
    let body = if has_markup { escaped(&message.body) } else { message.body.clone() };
    let (urgency, icon) = match message.severity {
        Severity::Info => (Urgency::Normal, "dialog-information"),
        Severity::Warning => (Urgency::Normal, "dialog-warning"),
        Severity::Critical => (Urgency::Critical, "dialog-error"),
    };
    let stays = message.severity == Severity::Critical && !message.over;
    let mut notification = Notification::new();
    notification
        .appname("Cappuccino")
        .summary(&message.title)
        .body(&body)
        .icon(icon)
        .urgency(urgency)
        .timeout(if stays { Timeout::Never } else { Timeout::Default });
    if let Some(id) = replaces {
        notification.id(*id);
    }
    let button = message.button.as_ref().zip(hand);
    if let Some((button, _)) = button {
        notification.action(button.id(), button.label());
    }
    let handle = notification.show().map_err(told)?;
    let id = handle.id();
    if let Some((button, hand)) = button {
        listen(handle, button.clone(), hand.clone(), listened);
    }
    Ok(id)
}

/// Waits, on a thread of its own, until the notification's button is pressed or it is gone. There
/// is one such thread for each notification, however often it is replaced, and few in all.
fn listen(handle: NotificationHandle, button: Button, hand: Hand, listened: &Listened) {
    let id = handle.id();
    let is_new = {
        let mut ids = listened.lock().unwrap_or_else(PoisonError::into_inner);
        ids.len() < LISTENED_MAX && ids.insert(id)
    };
    if !is_new {
        return;
    }
    let listened = Arc::clone(listened);
    let wait = move || {
        handle.wait_for_action(|action| {
            if action == button.id() {
                match hand.press(&button) {
                    Ok(text) => tracing::info!("{} from the desktop: {text}", button.label()),
                    Err(why) => tracing::warn!("{} from the desktop: {why}", button.label()),
                }
            }
        });
        listened.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    };
    if let Err(error) = thread::Builder::new().name("notify-button".to_owned()).spawn(wait) {
        tracing::warn!("a notification's button does nothing: {error}");
    }
}

fn escaped(body: &str) -> String {
    body.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
