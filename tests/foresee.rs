//! A dry run is decided by the machines that would act: the same refusals, the same history, and
//! nothing changed.

use cappuccino_core::words::{Command, Refusal, RevisionId, Sequence, TrialNumber};
use support::desk::{Desk, small_policy, trial};

fn rollback(to: Option<RevisionId>) -> Command {
    Command::Rollback { to, hold: true, reason: "it trades badly".into() }
}

#[test]
fn what_is_foreseen_of_a_rollback_is_what_then_happens() {
    let (mut desk, _) = Desk::new(small_policy());
    assert!(matches!(desk.foresee(rollback(None)), Err(Refusal::NoRollbackTarget)));
    let first = desk.deploy(trial(1, 0.5), 100);
    let second = desk.deploy(trial(2, 0.9), 200);
    let (world, lines) = (desk.world().clone(), desk.store().reader().last_sequence().unwrap());
    let foresight = desk.foresee(rollback(None)).unwrap();
    assert_eq!(*desk.world(), world, "nothing changed");
    assert_eq!(desk.store().reader().last_sequence().unwrap(), lines, "nothing was written");
    assert_eq!(foresight.from.as_ref().map(|from| from.id), Some(second));
    assert_eq!(foresight.to.as_ref().map(|to| to.id), Some(first));
    assert_eq!(foresight.holds, [TrialNumber(2)]);
    desk.ask(rollback(None)).unwrap();
    let written = desk.store().reader().entries(Sequence(lines.0 + 1), 100).unwrap();
    let told: Vec<String> =
        written.iter().map(|entry| cappuccino_core::api::sentence(&entry.note)).collect();
    assert_eq!(foresight.lines, told);
}

#[test]
fn what_would_be_refused_is_refused_in_the_same_words() {
    let (mut desk, _) = Desk::new(small_policy());
    desk.deploy(trial(1, 0.5), 100);
    for command in [rollback(Some(RevisionId(9))), Command::Approve, rollback(None)] {
        let foreseen = desk.foresee(command.clone()).unwrap_err();
        assert_eq!(foreseen, desk.ask(command).unwrap_err());
    }
}
