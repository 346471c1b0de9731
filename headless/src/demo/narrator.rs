//! Tells what happens during the demonstration, and makes some of it happen: it is a client like
//! any other, and kills a worker now and then to show that it comes back.

use super::setup;
use super::stage::DemoOptions;
use crate::cli::connect;
use crate::cli::failure::Failure;
use crate::cli::render::note::sentence;
use crate::cli::render::value;
use crate::workspace::Workspace;
use cappuccino_core::api::{CommandBody, CommandRequest, Status};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{Note, RequestId, Sequence, TrialNumber};
use std::time::{Duration, Instant};

/// Time between two kills of a worker.
const KILL_EVERY: Duration = Duration::from_secs(40);
/// Time between two looks at the picture.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the runner may take to answer at first.
const PATIENCE: Duration = Duration::from_secs(10);

/// The narrator's thread.
pub struct Narrator(std::thread::JoinHandle<()>);

impl Narrator {
    /// Waits for its last words.
    pub fn finish(self) {
        if self.0.join().is_err() {
            tracing::warn!("the narrator lost its voice");
        }
    }
}

/// Starts telling.
pub fn start(workspace: Workspace, options: DemoOptions) -> Narrator {
    Narrator(std::thread::spawn(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::warn!("the narrator cannot speak: {error}"),
        };
        if let Err(error) = runtime.block_on(Story::new(workspace, options).tell()) {
            tracing::warn!("the narrator lost the thread: {}", error.error);
        }
    }))
}

struct Story {
    workspace: Workspace,
    options: DemoOptions,
    began: Instant,
    told: Sequence,
    best: Option<TrialNumber>,
    killed_at: Instant,
    kills: usize,
    explained: bool,
}

impl Story {
    fn new(workspace: Workspace, options: DemoOptions) -> Self {
        let now = Instant::now();
        Self {
            workspace,
            options,
            began: now,
            told: Sequence(0),
            best: None,
            killed_at: now,
            kills: 0,
            explained: false,
        }
    }

    /// Looks, tells, and ends the demonstration when its time is over.
    async fn tell(mut self) -> Result<(), Failure> {
        self.wait_for_runner().await;
        while let Ok(status) = self.look().await {
            if status.shutting_down {
                self.say("stopping every process, then the runner");
                return Ok(());
            }
            let entries = self.news().await?;
            for entry in &entries {
                self.relate(entry);
            }
            self.tell_best(&status);
            self.explain_once(&status);
            self.make_trouble(&status);
            if self.options.seconds.is_some_and(|limit| self.began.elapsed().as_secs() >= limit) {
                return self.end().await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn wait_for_runner(&self) {
        while self.began.elapsed() < PATIENCE && self.look().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn look(&self) -> Result<Status, Failure> {
        Ok(connect::client(&self.workspace).await?.get_json("/v1/status").await?)
    }

    async fn news(&mut self) -> Result<Vec<Entry>, Failure> {
        let from = self.told.0.saturating_add(1);
        let path = format!("/v1/history?from={from}&limit=500");
        let entries: Vec<Entry> = connect::client(&self.workspace).await?.get_json(&path).await?;
        if let Some(last) = entries.last() {
            self.told = last.sequence;
        }
        Ok(entries)
    }

    fn relate(&self, entry: &Entry) {
        let routine = matches!(
            &entry.note,
            Note::RunnerStarted
                | Note::CandidateDeclined(..)
                | Note::Asked(..)
                | Note::Imported(..)
        );
        if !routine {
            self.say(&sentence(&entry.note));
        }
    }

    fn tell_best(&mut self, status: &Status) {
        let Some(best) = &status.study.best else { return };
        if self.best == Some(best.number) {
            return;
        }
        self.best = Some(best.number);
        let value = value(best.value.as_ref());
        let finished = status.study.counts.complete;
        self.say(&format!("trial {} is the best of {finished} so far: {value}", best.number));
    }

    fn explain_once(&mut self, status: &Status) {
        if !self.explained && status.deployment.live.is_some() {
            self.explained = true;
            let program = std::env::current_exe().map_or_else(
                |_unknown| "cappuccino".to_owned(),
                |program| program.display().to_string(),
            );
            println!("{}", setup::try_next(&self.workspace, &program));
        }
    }

    /// Kills a worker the hard way, one after the other.
    fn make_trouble(&mut self, status: &Status) {
        if self.killed_at.elapsed() < KILL_EVERY {
            return;
        }
        let workers: Vec<_> = status.processes.iter().filter(|p| p.role == "worker").collect();
        let chosen = workers.get(self.kills.checked_rem(workers.len()).unwrap_or(0));
        let Some((worker, pid)) = chosen.and_then(|worker| Some((worker, worker.pid?))) else {
            return;
        };
        let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else {
            return;
        };
        self.killed_at = Instant::now();
        self.kills = self.kills.saturating_add(1);
        match rustix::process::kill_process(pid, rustix::process::Signal::KILL) {
            Ok(()) => {
                self.say(&format!("(killed {} with SIGKILL, to see it come back)", worker.name));
            }
            Err(error) => tracing::debug!("{} could not be killed: {error}", worker.name),
        }
    }

    async fn end(&self) -> Result<(), Failure> {
        let request = CommandRequest {
            id: RequestId(format!("demo-end-{}", std::process::id())),
            actor: "demo".into(),
            expected: None,
            command: CommandBody::Shutdown { keep_processes: false },
        };
        self.say("the time is over: stopping every process, then the runner");
        connect::client(&self.workspace).await?.command(&request).await?;
        Ok(())
    }

    fn say(&self, text: &str) {
        let seconds = self.began.elapsed().as_secs();
        println!("[{:02}:{:02}] {text}", seconds / 60, seconds % 60);
    }
}
