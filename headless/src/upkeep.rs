//! What has to be done now and then: back the state up, sample the metrics.
//!
//! None of it decides anything; a failure is told in the log and tried again next time.

use crate::config::Config;
use crate::copies::beside::{Beside, Halt};
use crate::copies::{Kind, back_metrics_up};
use crate::duty::Duty;
use crate::keeper::Keeper;
use crate::observe::machine;
use crate::samples::SampleFile;
use cappuccino_core::api::{MachineView, PnlView, Status};
use cappuccino_core::words::{Moment, Span, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;

/// Time between two backups.
const BACKUP_EVERY: Span = Span::hours(24);
/// Time between two samples of what the runner knows itself.
const SAMPLE_EVERY: Span = Span::seconds(10);

/// Looks after one workspace.
pub struct Upkeep {
    config: Arc<Config>,
    backups: PathBuf,
    // Before the samples, which are closed only once no copy is made of them.
    beside: Beside,
    samples: SampleFile,
    sampling: Duty,
    backup: Duty,
    machine_at: Option<Timestamp>,
}

impl Upkeep {
    /// Upkeep of a workspace with this folder of backups. The newest one's age on disk counts: a
    /// restarted runner makes no extra one.
    pub fn new(config: Arc<Config>, backups: PathBuf, samples: SampleFile, now: Moment) -> Self {
        let age = Kind::State.age(&backups, now.wall);
        let backup = Duty::after(now, age.map_or(Span::ZERO, |age| BACKUP_EVERY.minus(age)));
        let sampling = Duty::after(now, Span::ZERO);
        let (beside, machine_at) = (Beside::default(), None);
        Self { config, backups, beside, samples, sampling, backup, machine_at }
    }

    /// Time until a turn has something to do, by its own count: however often the loop is woken
    /// for something else, a turn is neither put off nor made each time.
    pub fn due_in(&self, now: Moment, status: &Status) -> Span {
        if self.new_look(status).is_some() {
            return Span::ZERO;
        }
        self.samples.due_in(now).min(self.sampling.due_in(now)).min(self.backup.due_in(now))
    }

    /// Does what is due at `now`.
    pub fn turn(&mut self, now: Moment, keeper: &Keeper, status: &Status) {
        if self.sampling.take(now, SAMPLE_EVERY) {
            self.sample(now, status);
        }
        if let Some(seen) = self.new_look(status) {
            self.machine_at = Some(seen.at);
            self.samples.measure(now, &machine::samples(seen));
        }
        self.samples.turn(now);
        if self.backup.take(now, BACKUP_EVERY)
            && let Err(why) = self.backup_now(now, keeper)
        {
            tracing::error!("the daily backup failed: {why}");
        }
    }

    /// Writes a backup of the state now; says where it is.
    ///
    /// # Errors
    /// A sentence: why there is no new backup.
    pub fn backup_now(&mut self, now: Moment, keeper: &Keeper) -> Result<String, String> {
        let reader = keeper.readers().borrow().clone();
        let copy = |backend| reader.backup_to(backend).map(drop);
        let path = Kind::State.write(&self.backups, now.wall, copy)?;
        self.backup = Duty::after(now, BACKUP_EVERY);
        Kind::State.prune(&self.backups, self.config.backups_kept)?;
        self.back_samples_up(now);
        Ok(format!("backup written to {}", path.display()))
    }

    /// Copies what was measured, which takes its time: beside the loop. What is wrong with it is
    /// nothing to the state.
    fn back_samples_up(&mut self, now: Moment) {
        let Some(reader) = self.samples.readers().borrow().clone() else { return };
        let folder = self.backups.clone();
        self.beside.start(move |halt: &Halt| {
            let copy = |backend| reader.backup_to(halt.over(backend)).map(drop);
            back_metrics_up(&folder, now.wall, copy)
        });
    }

    /// The newest look at the machine, when it was not recorded yet.
    fn new_look<'s>(&self, status: &'s Status) -> Option<&'s MachineView> {
        status.machine.as_ref().filter(|seen| self.machine_at != Some(seen.at))
    }

    fn sample(&mut self, now: Moment, status: &Status) {
        let counts = status.study.counts;
        #[expect(clippy::cast_precision_loss, reason = "a study has fewer than 2^52 trials")]
        let mut row = vec![
            ("study/trials_complete", counts.complete as f64),
            ("study/trials_running", counts.running as f64),
            ("study/trials_failed", counts.failed as f64),
        ];
        if let Some(live) = &status.deployment.live {
            row.push(("deployment/live_value", live.value));
        }
        row.extend(status.pnl.iter().flat_map(PnlView::samples));
        self.samples.write(now, &row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use cappuccino_core::api::{StudyView, status_of};
    use cappuccino_core::words::Sequence;

    #[test]
    fn samples_and_looks_at_the_machine_keep_their_own_pace() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        std::fs::write(folder.join("c.toml"), "[study]\ndatabase = \"s.db\"\n").unwrap();
        let config = Arc::new(crate::config::load(&folder.join("c.toml")).unwrap());
        let clock = Clock::new().unwrap();
        let keeper =
            Keeper::open(&folder.join("state.redb"), config.policy.clone(), clock).unwrap();
        let begin = clock.now();
        let (world, study) = (keeper.engine().world(), StudyView::default());
        let mut status = status_of(world, &config.policy, begin, study, begin.wall, Sequence(0));
        let samples = SampleFile::open(folder.join("metrics.redb"), begin);
        let mut upkeep = Upkeep::new(config.clone(), folder.join("backups"), samples, begin);
        for second in 0..=60 {
            let now = begin.plus(Span::seconds(second));
            if second % 7 == 0 {
                status.machine = Some(MachineView { at: now.wall, ..MachineView::default() });
            }
            if upkeep.due_in(now, &status) == Span::ZERO {
                upkeep.turn(now, &keeper, &status);
            }
        }
        let reader = upkeep.samples.readers().borrow().clone().unwrap();
        let seconds = |series: &str| -> Vec<i64> {
            let points = reader.points(series, begin.wall, Timestamp(i64::MAX)).unwrap();
            points.unwrap().iter().map(|(at, _)| at.since(begin.wall).0 / 1000).collect()
        };
        assert_eq!(seconds("study/trials_complete"), [0, 10, 20, 30, 40, 50, 60]);
        assert_eq!(seconds("host/memory_used"), [0, 7, 14, 21, 28, 35, 42, 49, 56]);
    }
}
