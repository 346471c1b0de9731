//! Everybody who takes part in a process's life is killed at every single step of the protocol;
//! what follows must be one life again, and one end for each that is over.

use cappuccino_core::api::{CommandBody, ProcessView};
use cappuccino_core::words::{Generation, Note, ProcessName};
use cappuccino_headless::host::failpoint::{Step, VARIABLE};
use cappuccino_headless::host::record::{self, RunRecord};
use support::daemon::{PATIENCE, Site};
use support::process::{kill_9, lives};
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

fn worker() -> ProcessName {
    ProcessName::new("worker").unwrap()
}

/// The worker as the runner sees it, while it runs.
fn running(site: &Site) -> Option<ProcessView> {
    let status = site.status().ok()?;
    let view = status.processes.into_iter().find(|process| process.name == worker())?;
    (["running", "ready"].contains(&view.phase.as_str()) && lives(view.pid?)).then_some(view)
}

/// Whoever is on record as the worker.
fn recorded(site: &Site) -> Option<RunRecord> {
    record::read(&site.root().join(".cappuccino/run/worker.run")).unwrap()
}

/// Makes happen what leads to a step that a peaceful start does not reach.
fn provoke(site: &Site, step: Step) {
    let present = || until("somebody is on record", PATIENCE, || recorded(site));
    match step {
        Step::Asked
        | Step::Locked
        | Step::Forked
        | Step::HandedOver
        | Step::Ordered
        | Step::Adoptive
        | Step::Newborn
        | Step::Recorded
        | Step::Begun => {}
        Step::Ended
        | Step::Swept
        | Step::Concluded
        | Step::Flushed
        | Step::ShimGone
        | Step::Untold => {
            until("the worker runs", PATIENCE, || running(site));
            kill_9(present().process.pid);
        }
        Step::Outlived => {
            until("the worker runs", PATIENCE, || running(site));
            kill_9(present().shim.pid);
            until("the shim is gone", PATIENCE, || (!lives(present().shim.pid)).then_some(()));
            kill_9(present().process.pid);
        }
        Step::StopAsked | Step::StopSignalled => {
            until("the worker runs", PATIENCE, || running(site));
            // The runner may be dead before it answers.
            drop(restart(site, "provoke"));
        }
    }
}

fn restart(site: &Site, id: &str) -> Result<(), String> {
    let command = CommandBody::Restart { process: worker() };
    site.ask(id, command).map(drop).map_err(|error| format!("{error:?}"))
}

/// How often the end of each life is in the history.
fn ends(site: &Site, life: u64) -> usize {
    let ended = |note: &Note| {
        matches!(note, Note::ProcessExited(name, generation, ..)
            if *name == worker() && *generation == Generation(life))
    };
    site.history().iter().filter(|entry| ended(&entry.note)).count()
}

#[test]
fn a_kill_at_any_step_leaves_one_life_and_one_end_for_each_that_is_over() {
    for step in Step::ALL {
        let mut site = Site::new(PROGRAM, "");
        let mark = site.root().join("killed");
        site.start_with(&[(VARIABLE, format!("{}:{}", step.number(), mark.display()))]);
        provoke(&site, step);
        until(&format!("somebody dies at {step:?}"), PATIENCE, || mark.exists().then_some(()));
        let runner_died = [
            Step::Asked,
            Step::Locked,
            Step::Forked,
            Step::HandedOver,
            Step::ShimGone,
            Step::Outlived,
            Step::Untold,
            Step::StopAsked,
            Step::StopSignalled,
        ]
        .contains(&step);
        if runner_died {
            until("the runner is dead", PATIENCE, || (!site.has_runner()).then_some(()));
            site.start_and_wait();
        }
        let what = format!("the worker runs after a kill at {step:?}");
        let view = until(&what, PATIENCE, || running(&site));
        // And everything still works.
        restart(&site, "again").unwrap();
        let last = until("a new life after a restart", PATIENCE, || {
            running(&site).filter(|now| now.generation > view.generation)
        });
        assert_eq!(site.doubles(), Vec::<String>::new(), "{step:?}");
        let lived: Vec<u64> = until("the new life has told of itself", PATIENCE, || {
            let lived: Vec<u64> = site.lives("worker").into_iter().map(|(life, _)| life).collect();
            (lived.last() == Some(&last.generation.0)).then_some(lived)
        });
        assert!(lived.is_sorted_by(|a, b| a < b), "{step:?}: lives {lived:?}");
        for life in lived.iter().rev().skip(1) {
            assert_eq!(ends(&site, *life), 1, "{step:?}: ends of life {life} of {lived:?}");
        }
        site.ask("down", CommandBody::Shutdown { keep_processes: false }).unwrap();
        site.wait_for_end();
    }
}
