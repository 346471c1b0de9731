//! The thread on which lives are watched, so that no look at a process ever keeps the runner's
//! loop waiting.

use std::io;
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A thread that runs watches until it is dropped; nothing it watches is ended by that.
pub(super) struct WatcherThread {
    runtime: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl WatcherThread {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("watcher".into()).spawn(move || {
            // Either way the host is gone.
            drop(runtime.block_on(ended));
        })?;
        Ok(Self { runtime: handle, end: Some(end), thread: Some(thread) })
    }

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(work));
    }
}

impl Drop for WatcherThread {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the watcher thread had a defect");
        }
    }
}
