//! A copy that takes its time is made beside the loop: one at a time, and none outlives its owner.

use redb::StorageBackend;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

/// The place beside the loop. When it is dropped, a copy under way is cut short and waited for.
#[derive(Default)]
pub struct Beside {
    halt: Halt,
    thread: Option<JoinHandle<()>>,
}

impl Beside {
    /// Makes a copy of the metrics, unless one is under way still. What is wrong with it is said
    /// in the log.
    pub fn start(&mut self, copy: impl FnOnce(&Halt) -> Result<(), String> + Send + 'static) {
        if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return tracing::warn!("a copy of the metrics is still being made; no other is begun");
        }
        let halt = self.halt.clone();
        let work = move || match copy(&halt) {
            Err(_) if halt.is_asked() => tracing::info!("the copy of the metrics was cut short"),
            outcome => {
                outcome.unwrap_or_else(|why| tracing::error!("the metrics have no backup: {why}"));
            }
        };
        match Builder::new().name("metrics-copy".to_owned()).spawn(work) {
            Ok(thread) => self.thread = Some(thread),
            Err(error) => tracing::error!("the metrics have no backup: {error}"),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.halt.0.store(true, Ordering::Relaxed);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::warn!("the copy of the metrics did not end well");
        }
    }
}

/// Whether the copy is to end.
#[derive(Clone, Debug, Default)]
pub struct Halt(Arc<AtomicBool>);

impl Halt {
    /// A file that can be written until then.
    pub fn over<B: StorageBackend>(&self, backend: B) -> Halted<B> {
        Halted { backend, halt: self.clone() }
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A file whose writing can be cut short.
#[derive(Debug)]
pub struct Halted<B> {
    backend: B,
    halt: Halt,
}

impl<B> Halted<B> {
    fn writable(&self) -> io::Result<&B> {
        if self.halt.is_asked() {
            return Err(io::Error::other("the runner goes down"));
        }
        Ok(&self.backend)
    }
}

impl<B: StorageBackend> StorageBackend for Halted<B> {
    fn len(&self) -> io::Result<u64> {
        self.backend.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.backend.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.writable()?.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.writable()?.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.writable()?.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.backend.close()
    }
}

#[cfg(test)]
mod tests {
    use super::super::back_metrics_up;
    use super::*;
    use cappuccino_core::store::StoreError;
    use cappuccino_core::words::Timestamp;
    use std::sync::mpsc;

    #[test]
    fn one_copy_at_a_time_is_made_and_a_stop_cuts_it_short_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let (begun, heard) = mpsc::channel();
        let endless = move |halt: &Halt| {
            back_metrics_up(&path, Timestamp(0), |backend| {
                let file = halt.over(backend);
                begun.send(()).unwrap();
                while file.write(0, b"row").is_ok() {}
                file.sync_data().map_err(|_cut| StoreError::Closed)
            })
        };
        let mut beside = Beside::default();
        beside.start(endless);
        heard.recv().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        beside.start(|_halt| panic!("a second one at the same time"));
        drop(beside);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
