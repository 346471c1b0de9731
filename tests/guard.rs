//! The guard: a live model that loses too much is taken back without anybody being asked.

use cappuccino_core::api::Status;
use cappuccino_core::machines::Answer;
use cappuccino_core::machines::deployment::{Context, Event, Phase, REVISIONS_MAX, step};
use cappuccino_core::words::{
    Command, DeploymentReport, Failure, Mode, Observation, OnFailure, Rejection, Revision,
    RevisionId, Span, Standing, Trading,
};
use std::fs;
use std::time::Duration;
use support::daemon::Site;
use support::desk::{Desk, small_policy, trial};
use support::trading::Account;
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");
const PATIENCE: Duration = Duration::from_secs(30);

fn trading(revision: RevisionId, drawdown: f64) -> Observation {
    Observation::Trading(Trading {
        revision,
        rows: 100,
        growth: -drawdown,
        drawdown,
        market_growth: Some(0.0),
        trades: 0,
        silent: Some(Span::minutes(5)),
        rivals: vec![],
    })
}

/// Two good models, the second live.
fn two_live() -> (Desk, RevisionId, RevisionId) {
    let (mut desk, _) = Desk::new(small_policy());
    let first = desk.deploy(trial(1, 1.0), 100);
    let second = desk.deploy(trial(2, 2.0), 200);
    (desk, first, second)
}

#[test]
fn a_model_that_loses_a_quarter_of_the_account_is_taken_back_and_never_comes_again() {
    let (mut desk, first, second) = two_live();
    desk.observe(&trading(second, 0.25));
    assert_eq!(desk.world().deployment.slot.phase.live(), Some(second), "at the limit it stays");
    desk.observe(&trading(second, 0.251));
    assert!(matches!(&desk.world().deployment.slot.phase, Phase::RollingBack(_)));
    desk.observe(&trading(second, 0.3));
    desk.reported(DeploymentReport::Verified(Ok(())));
    desk.cut_over(300);
    let deployment = &desk.world().deployment;
    assert_eq!(deployment.slot.phase.live(), Some(first));
    let why = &deployment.revisions[&second].standing;
    assert!(matches!(why, Standing::Bad(Failure::Guarded(why)) if why.contains("25.1 %")), "{why}");
    desk.pass(desk.policy.deployment.min_dwell);
    desk.seen(Some(trial(2, 2.0)));
    assert_eq!(desk.world().deployment.slot.phase.under_way(), None);
}

#[test]
fn a_model_that_failed_stays_out_however_many_came_after_it() {
    let (desk, ..) = two_live();
    let mut deployment = desk.world().deployment.clone();
    let bad = Standing::Bad(Failure::Guarded("30 % lost".into()));
    deployment.revisions.get_mut(&RevisionId(1)).unwrap().standing = bad;
    let like = deployment.revisions[&RevisionId(2)].clone();
    for number in 3..=REVISIONS_MAX as u64 {
        let (id, candidate) = (RevisionId(number), trial(number as i64, 0.5));
        let standing = Standing::Superseded;
        deployment.revisions.insert(id, Revision { id, candidate, standing, ..like.clone() });
    }
    deployment.slot.revisions = REVISIONS_MAX as u64;
    let context = Context { policy: &desk.policy.deployment, now: desk.now };
    let answer = step(context, &deployment, &Event::Proposed(trial(900, 9.0)));
    let Answer::Moved(next) = answer else { panic!("{answer:?}") };
    let kept: Vec<u64> = next.next.revisions.keys().map(|id| id.0).take(3).collect();
    assert_eq!((kept, next.next.revisions.len()), (vec![1, 2, 4], REVISIONS_MAX));
}

#[test]
fn however_many_trials_were_refused_one_can_go_back_from_the_live_model() {
    let (desk, first, second) = two_live();
    let mut deployment = desk.world().deployment.clone();
    let like = deployment.revisions[&second].clone();
    for number in 3..=REVISIONS_MAX as u64 {
        let (id, candidate) = (RevisionId(number), trial(number as i64, 0.5));
        let standing = Standing::Rejected(Rejection::ApprovalExpired);
        deployment.revisions.insert(id, Revision { id, candidate, standing, ..like.clone() });
    }
    deployment.slot.revisions = REVISIONS_MAX as u64;
    let context = Context { policy: &desk.policy.deployment, now: desk.now };
    let answer = step(context, &deployment, &Event::Proposed(trial(900, 9.0)));
    let Answer::Moved(next) = answer else { panic!("{answer:?}") };
    assert_eq!(next.next.revisions.len(), REVISIONS_MAX);
    assert_eq!(next.next.rollback_target(Some(second)), Some(first));
}

#[test]
fn a_frozen_model_is_judged_once_and_what_the_user_asks_for_goes_on() {
    let mut policy = small_policy();
    policy.deployment.on_failure = OnFailure::Freeze;
    let (mut desk, _) = Desk::new(policy);
    let live = desk.deploy(trial(1, 1.0), 100);
    let loses = trading(live, 0.3);
    desk.observe(&loses);
    let slot = |desk: &Desk| desk.world().deployment.slot.clone();
    assert!(matches!(slot(&desk).mode, Mode::Paused(_)));
    let frozen = slot(&desk);
    desk.observe(&loses);
    assert_eq!(slot(&desk), frozen, "nothing new");
    desk.ask(Command::Resume).unwrap();
    desk.observe(&loses);
    assert_eq!(slot(&desk).mode, Mode::Auto);
    desk.seen(Some(trial(2, 2.0)));
    desk.observe(&loses);
    assert!(matches!(slot(&desk).phase, Phase::Settling(_)));
}

#[test]
fn the_losses_of_the_model_before_are_not_held_against_the_live_one() {
    let (mut desk, first, second) = two_live();
    desk.observe(&trading(first, 0.9));
    assert_eq!(desk.world().deployment.slot.phase.live(), Some(second));
    assert_eq!(desk.world().deployment.slot.phase.under_way(), None);
}

#[test]
fn a_pinned_model_stays_whatever_it_loses() {
    let (mut desk, _, second) = two_live();
    desk.ask(Command::Pause { pin: true, reason: "I know what I do".into() }).unwrap();
    desk.observe(&trading(second, 0.9));
    assert!(matches!(&desk.world().deployment.slot.phase, Phase::Live { revision, .. }
        if *revision == second));
    // Nor does it stand in the way of the next, that the user chose.
    let reason = "this one".to_owned();
    desk.ask(Command::Deploy { candidate: trial(3, 3.0), reason }).unwrap();
    desk.observe(&trading(second, 0.9));
    assert!(matches!(&desk.world().deployment.slot.phase, Phase::Settling(_)));
}

#[test]
fn a_real_trader_that_loses_is_replaced_by_the_model_before() {
    let guard = "session_csv = \"sessions/{revision}.csv\"\n[guard]\nmax_drawdown_percent = 10";
    let mut site = Site::new(PROGRAM, guard);
    let live = |status: &Status| {
        (status.deployment.phase == "live")
            .then(|| status.deployment.live.as_ref().map(|r| r.id))?
    };
    site.finish_trial(1.0);
    site.start_and_wait();
    let first = until("a model is live", PATIENCE, || live(&site.status().unwrap()));
    site.finish_trial(2.0);
    let second = until("the next model is live", PATIENCE, || {
        live(&site.status().unwrap()).filter(|revision| *revision != first)
    });
    let mut account = Account::default();
    account.bar(100.0, 0.0).bar(100.0, 9.0).bar(90.0, 0.0).bar(87.0, 0.0);
    fs::write(site.root().join(format!("sessions/{second}.csv")), account.text).unwrap();
    until("the first model is live again", PATIENCE, || {
        live(&site.status().unwrap()).filter(|revision| *revision == first)
    });
    let history = serde_json::to_string(&site.history()).unwrap();
    assert!(history.contains("its account fell 11.9 % below its highest worth"), "{history}");
    let runs = site.lives("trader");
    assert_eq!(runs.len(), 3, "first, second, first again");
}
