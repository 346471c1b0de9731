//! A disk that remembers every call, for tests of what a crash, an I/O error or a full disk leaves.
//!
//! What redb needs of a real disk is modelled and nothing more: a write before a returned `sync`
//! is kept; of later ones each byte may be kept or not, in any order; the length may be lost too.

use rand::{Rng, RngExt};
use redb::StorageBackend;
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

/// One change that the store asked for.
#[derive(Clone, Debug)]
pub enum Op {
    Write { offset: usize, data: Vec<u8> },
    SetLen(usize),
    Sync,
}

/// What the disk does wrong. Calls are counted from 0, reads and `len` included.
#[derive(Clone, Copy, Debug, Default)]
pub enum Fault {
    #[default]
    None,
    /// This call fails, the next ones work. A failing write leaves half of its bytes.
    Once { call: usize, error: io::ErrorKind },
    /// From this call on everything but reading fails. A failing write leaves half of its bytes.
    From { call: usize, error: io::ErrorKind },
}

/// Bytes in memory, shared by all clones.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What was durable before the first logged call.
    base: Vec<u8>,
    bytes: Vec<u8>,
    log: Vec<Op>,
    calls: usize,
    fault: Fault,
}

/// A moment at which the power may go.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a> {
    /// Logged calls before it.
    pub at: usize,
    /// What the disk has promised to keep.
    pub durable: &'a [u8],
    /// What was asked for after the last `sync`.
    pub unsynced: &'a [Op],
}

impl Disk {
    /// A disk with `bytes` on it.
    pub fn holding(bytes: Vec<u8>) -> Self {
        let state = State { base: bytes.clone(), bytes, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// A disk with a fault.
    pub fn with_fault(fault: Fault) -> Self {
        let disk = Self::default();
        disk.state().fault = fault;
        disk
    }

    /// Ends the fault.
    pub fn heal(&self) {
        self.state().fault = Fault::None;
    }

    /// Calls so far, reads included.
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// Number of changes asked for so far.
    pub fn logged(&self) -> usize {
        self.state().log.len()
    }

    /// The changes asked for so far.
    pub fn log(&self) -> Vec<Op> {
        self.state().log.clone()
    }

    /// Forgets the changes so far: what is on the disk now is what it started with.
    pub fn forget(&self) {
        let mut state = self.state();
        state.base = state.bytes.clone();
        state.log.clear();
    }

    /// What is on the disk.
    pub fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    /// Cuts the power: un-synced changes are kept, dropped or torn by chance.
    pub fn power_cut(&self, rng: &mut impl Rng) {
        let mut state = self.state();
        let synced = state.log.iter().rposition(|op| matches!(op, Op::Sync)).unwrap_or(0);
        let mut durable = state.base.clone();
        state.log[..synced].iter().for_each(|op| op.apply(&mut durable));
        state.bytes = Cut { at: 0, durable: &durable, unsynced: &state.log[synced..] }.image(rng);
        state.base = state.bytes.clone();
        state.log.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the disk")
    }

    /// The locked state, unless this call fails.
    fn call(
        &self,
        reads: bool,
    ) -> Result<MutexGuard<'_, State>, (MutexGuard<'_, State>, io::Error)> {
        let mut state = self.state();
        let now = state.calls;
        state.calls += 1;
        match state.fault {
            Fault::Once { call, error } if now == call => Err((state, error.into())),
            Fault::From { call, error } if now >= call && !reads => Err((state, error.into())),
            Fault::None | Fault::Once { .. } | Fault::From { .. } => Ok(state),
        }
    }

    fn change(&self, op: Op) -> io::Result<()> {
        match self.call(false) {
            Ok(mut state) => {
                op.apply(&mut state.bytes);
                state.log.push(op);
                Ok(())
            }
            Err((mut state, error)) => {
                if let Op::Write { offset, data } = op {
                    let half = Op::Write { offset, data: data[..data.len() / 2].to_vec() };
                    half.apply(&mut state.bytes);
                    state.log.push(half);
                }
                Err(error)
            }
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        let state = self.call(true).map_err(|(_, error)| error)?;
        Ok(state.bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.call(true).map_err(|(_, error)| error)?;
        let start = offset as usize;
        let source =
            state.bytes.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(source);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Op::SetLen(len as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(Op::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Op::Write { offset: offset as usize, data: data.to_vec() })
    }
}

impl Op {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Sync => {}
            Self::SetLen(len) => bytes.resize(*len, 0),
            Self::Write { offset, data } => {
                // Like a file: writing past a lost length makes it longer again.
                bytes.resize(bytes.len().max(offset + data.len()), 0);
                bytes[*offset..offset + data.len()].copy_from_slice(data);
            }
        }
    }

    /// Applies a part of a write: aligned units of `unit` bytes, each kept or not.
    fn tear(&self, bytes: &mut Vec<u8>, unit: usize, rng: &mut impl Rng) {
        let Self::Write { offset, data } = self else { return };
        let (mut done, mut keep) = (0, rng.random());
        while done < data.len() {
            let end = data.len().min((offset + done) / unit * unit + unit - offset);
            if keep {
                let part = Self::Write { offset: offset + done, data: data[done..end].to_vec() };
                part.apply(bytes);
            }
            done = end;
            keep = rng.random();
        }
    }
}

impl Cut<'_> {
    /// What is on the disk afterwards. By chance all, none or some of the un-synced changes are
    /// kept, whole or torn at 1, 512 or 4096 bytes.
    pub fn image(&self, rng: &mut impl Rng) -> Vec<u8> {
        let mut bytes = self.durable.to_vec();
        let style = rng.random_range(0..8);
        let unit = [1, 512, 4096][rng.random_range(0..3)];
        let last = self.unsynced.len().saturating_sub(1);
        for (index, op) in self.unsynced.iter().enumerate() {
            match style {
                0 => {}
                1 => op.apply(&mut bytes),
                2 if index < last => op.apply(&mut bytes),
                2 => op.tear(&mut bytes, unit, rng),
                _ => match rng.random_range(0..3) {
                    0 => {}
                    1 => op.apply(&mut bytes),
                    _ => op.tear(&mut bytes, unit, rng),
                },
            }
        }
        bytes
    }
}

/// Visits every moment between two logged calls. Without `honest_sync` the disk promises to keep
/// nothing but what it started with.
pub fn each_cut(start: &[u8], log: &[Op], honest_sync: bool, mut visit: impl FnMut(Cut<'_>)) {
    let mut durable = start.to_vec();
    let mut synced = 0;
    for at in 0..=log.len() {
        if honest_sync && at > 0 && matches!(log[at - 1], Op::Sync) {
            log[synced..at].iter().for_each(|op| op.apply(&mut durable));
            synced = at;
        }
        visit(Cut { at, durable: &durable, unsynced: &log[synced..at] });
    }
}
