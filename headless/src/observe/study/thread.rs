//! The observer's own thread: SQLite's waits must not hold the loop up.

use super::catalog::Catalog;
use super::reader::{Delta, Poll, StudyReader};
use super::source::StudySource;
use crate::clock::Clock;
use crate::observe::rest::{Caller, rest};
use cappuccino_core::words::{Moment, Span};
use std::convert::Infallible;
use std::io;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, RwLock};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How long a database may stay locked before that is told.
const BUSY_PATIENCE: Span = Span::seconds(60);
/// Pause before a look that found a writer at work is repeated.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// What the observer tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Something is new.
    Changed(Delta),
    /// The study cannot be followed; a sentence with the remedy.
    Unavailable(String),
}

/// A running observer; dropping it ends and joins its thread.
pub struct StudyHandle {
    catalog: Arc<RwLock<Catalog>>,
    end: Option<Caller<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts an observer that looks every `poll` while somebody writes there, less often otherwise,
/// and tells `on_news` what changed.
///
/// # Errors
/// There are no descriptors or threads left.
pub fn spawn(
    source: StudySource,
    poll: Span,
    clock: Clock,
    on_news: impl FnMut(Seen, &RwLock<Catalog>) + Send + 'static,
) -> io::Result<StudyHandle> {
    let reader = StudyReader::new(source.clone());
    let catalog = reader.catalog();
    let every = Duration::from_millis(u64::try_from(poll.0).unwrap_or(2000).max(10));
    let database = source.database.clone();
    let mut observer = Observer { source, reader, clock, on_news, told: None, busy_since: None };
    let (end, mut rest) = rest()?;
    let watch = move || {
        loop {
            let pause = observer.turn().unwrap_or(every);
            if rest.wait(Some(&database), pause) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    };
    let thread = Builder::new().name("study".to_owned()).spawn(watch)?;
    Ok(StudyHandle { catalog, end: Some(end), thread: Some(thread) })
}

impl StudyHandle {
    /// The trials read so far.
    pub fn catalog(&self) -> Arc<RwLock<Catalog>> {
        self.catalog.clone()
    }
}

impl Drop for StudyHandle {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the study's observer had failed");
        }
    }
}

struct Observer<F> {
    source: StudySource,
    reader: StudyReader,
    clock: Clock,
    on_news: F,
    told: Option<String>,
    busy_since: Option<Moment>,
}

impl<F: FnMut(Seen, &RwLock<Catalog>)> Observer<F> {
    /// Looks once, tells what is new; a pause when the usual one is too long.
    fn turn(&mut self) -> Option<Duration> {
        let now = self.clock.now();
        let poll = self.reader.poll(now);
        if !matches!(poll, Ok(Poll::Busy)) {
            self.busy_since = None;
        }
        match poll {
            Ok(Poll::Unchanged | Poll::Initialising) => None,
            Ok(Poll::Busy) => {
                let since = *self.busy_since.get_or_insert(now);
                if now.since(since) >= BUSY_PATIENCE {
                    self.unavailable(format!(
                        "{} has been locked by a writer for over a minute; look for a hanging \
                         worker or an open SQLite shell",
                        self.source.database.display()
                    ));
                }
                Some(BUSY_PAUSE)
            }
            Ok(Poll::Missing) => {
                self.unavailable(self.source.missing());
                None
            }
            Ok(Poll::StudyAbsent(names)) => {
                self.unavailable(self.source.absent(&names));
                None
            }
            Ok(Poll::Changed(delta)) => {
                self.told = None;
                if delta.damaged > 0 {
                    tracing::warn!("{} damaged rows in the study were left out", delta.damaged);
                }
                (self.on_news)(Seen::Changed(delta), &self.reader.catalog());
                None
            }
            Err(error) => {
                self.unavailable(error.to_string());
                None
            }
        }
    }

    /// Tells once what is wrong, until something else is or all is well.
    fn unavailable(&mut self, why: String) {
        if self.told.as_ref() != Some(&why) {
            self.told = Some(why.clone());
            (self.on_news)(Seen::Unavailable(why), &self.reader.catalog());
        }
    }
}
