//! What befalls the workstation: trials, trouble, and people with wishes.

use super::law::Violation;
use super::runner::{Coming, HOUR, MINUTE, Report, Simulation};
use cappuccino_core::machines::deployment::PREVIOUS;
use cappuccino_core::words::{
    Command, ExitStatus, Observation, ProcessName, Request, RequestId, Rival, StudyReport, Trading,
};

impl Simulation {
    pub(super) fn trial(&mut self) -> Result<(), Violation> {
        let wait = self.fate.wait(12 * MINUTE);
        self.after(wait, Coming::Trial);
        // The study creeps upwards, with noise that is mostly worse.
        self.champion += self.fate.unit() * 0.002;
        let value =
            self.champion - 0.2 * self.fate.unit() + if self.fate.one_in(40) { 0.3 } else { 0.0 };
        let candidate = self.body.finish_trial(value);
        if self.fate.one_in(6) {
            self.body.cursed.insert(candidate.trial_id);
        }
        if self.body.best.as_ref().is_none_or(|best| candidate.value > best.value) {
            self.body.best = Some(candidate);
        }
        self.look_at_study()
    }

    pub(super) fn look_at_study(&mut self) -> Result<(), Violation> {
        let report = if self.body.study_there {
            let identity = self.body.study.clone();
            let excluded = self.disk.deployment.excluded(&identity);
            let best = self.body.best.clone().filter(|best| !excluded.contains(&best.trial_id));
            StudyReport::Seen { identity, best }
        } else {
            StudyReport::Unavailable("the database is missing".into())
        };
        self.observe(&Observation::Study(report))
    }

    pub(super) fn trouble(&mut self) -> Result<(), Violation> {
        let wait = self.fate.wait(9 * HOUR);
        self.after(wait, Coming::Trouble);
        self.last_trouble = self.body.elapsed;
        match self.fate.between(0, 8) {
            0 | 1 => self.crash(),
            2 => {
                self.figures.power_cuts += 1;
                self.crash();
                self.body.power_cut();
            }
            3 => {
                self.figures.clock_steps += 1;
                self.body.wall_offset += self.fate.between(-3 * HOUR, 3 * HOUR);
            }
            4 => {
                self.figures.suspends += 1;
                self.body.elapsed += self.fate.between(MINUTE, 8 * HOUR);
            }
            5 => {
                self.figures.studies_recreated += 1;
                self.body.recreate_study();
                self.champion = 0.0;
            }
            6 => self.body.study_there = !self.body.study_there,
            7 => {
                // Bit rot in the newest stored model.
                self.body.stored.pop_last();
            }
            _ => {
                // The out-of-memory killer takes a process and its shim.
                let names: Vec<ProcessName> = self.body.lives.keys().cloned().collect();
                if let Some(name) = names.get(self.fate.between(0, 3) as usize) {
                    let generation = self.body.lives[name].generation;
                    self.figures.process_ends += 1;
                    self.body.end(name, ExitStatus::Unknown, false);
                    let exited = Report::Exited(name.clone(), generation, ExitStatus::Unknown);
                    self.answer(2, exited);
                }
            }
        }
        self.look_at_study()
    }

    /// The trader's record shows one of those beside the live model to be better, or worse.
    pub(super) fn verdict(&mut self) -> Result<(), Violation> {
        let wait = self.fate.wait(4 * HOUR);
        self.after(wait, Coming::Verdict);
        let deployment = &self.disk.deployment;
        let Some(live) = deployment.slot.phase.live() else { return Ok(()) };
        let company = deployment.company(self.policy.deployment.lanes.shadows);
        let Some((lane, revision)) = company.get(self.fate.between(0, 3) as usize).cloned() else {
            return Ok(());
        };
        let difference = if self.fate.one_in(4) { -1e-4 } else { 1e-4 };
        let rival = Rival {
            revision,
            is_previous: lane == PREVIOUS,
            bars: 300,
            live_growth: 0.0,
            own_growth: 0.0,
            mean_difference: difference,
            bounds: Some((difference, difference)),
        };
        self.observe(&Observation::Trading(Trading {
            revision: live,
            rows: 300,
            growth: 0.0,
            drawdown: 0.0,
            market_growth: None,
            silent: None,
            trades: 0,
            rivals: vec![rival],
        }))
    }

    pub(super) fn operator(&mut self) -> Result<(), Violation> {
        let wait = self.fate.wait(20 * HOUR);
        self.after(wait, Coming::Operator);
        let command = match self.fate.between(0, 7) {
            0 | 1 => Command::Rollback {
                to: None,
                hold: self.fate.one_in(2),
                reason: "it looks wrong".into(),
            },
            2 => match self.body.best.clone() {
                Some(candidate) => Command::Deploy { candidate, reason: "try".into() },
                None => Command::Resume,
            },
            3 => Command::Pause { pin: self.fate.one_in(3), reason: "weekend".into() },
            4 | 5 => Command::Resume,
            6 => Command::Restart { process: self.trader.clone() },
            _ => Command::Reset { process: ProcessName::new("worker-1").unwrap() },
        };
        self.requests += 1;
        let expected = self.fate.one_in(3).then_some(self.disk.deployment.slot.generation);
        let id = RequestId(format!("request-{}", self.requests));
        let request = Request { id, actor: "sim".into(), expected, command };
        self.figures.commands += 1;
        let times = if self.fate.one_in(4) { 2 } else { 1 };
        for _ in 0..times {
            self.observe(&Observation::Asked(request.clone()))?;
        }
        let answered = self.disk.requests.get(&request.id);
        self.figures.refused += u64::from(answered.is_some_and(|a| a.outcome.is_err()));
        // After a resume the study must be trusted again soon, or nothing would ever deploy.
        self.look_at_study()
    }
}
