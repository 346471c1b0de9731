//! Models that trade beside the live one: who they are, what follows when one is better or worse,
//! and what a real trader makes of it.

use cappuccino_core::api::{LaneKind, LanesView, Status};
use cappuccino_core::machines::alert::Key;
use cappuccino_core::machines::deployment::{Phase, lane_name};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{
    Candidate, Cause, Command, Decline, DeploymentReport, Digest, Failure, LanesPolicy, Mode, Note,
    Observation, Policy, Probe, ProcessReport, Promote, Rejection, RevisionId, Rival, Span,
    Standing, Trading,
};
use std::fs;
use std::path::PathBuf;
use support::cli::tell;
use support::daemon::{PATIENCE, Site};
use support::desk::{Desk, identity, small_policy, trial};
use support::network::{refused, sound};
use support::trading::{Account, lane_event};
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

fn policy(promote: Promote) -> Policy {
    let mut policy = small_policy();
    policy.deployment.lanes = LanesPolicy { shadows: 2, promote };
    policy
}

/// A rival whose mean return differs by so many basis points, beyond doubt.
fn rival(revision: RevisionId, is_previous: bool, points: f64) -> Rival {
    let mean_difference = points / 1e4;
    let near = (mean_difference * 0.5, mean_difference * 1.5);
    Rival {
        revision,
        is_previous,
        bars: 300,
        live_growth: 0.0,
        own_growth: mean_difference * 300.0,
        mean_difference,
        bounds: Some((near.0.min(near.1), near.0.max(near.1))),
    }
}

fn trading(live: RevisionId, rivals: Vec<Rival>) -> Observation {
    Observation::Trading(Trading {
        revision: live,
        rows: 300,
        growth: 0.0,
        drawdown: 0.0,
        market_growth: None,
        trades: 0,
        silent: None,
        rivals,
    })
}

/// Four good models of rising value, the last one live.
fn four(promote: Promote) -> (Desk, [RevisionId; 4]) {
    let (mut desk, _) = Desk::new(policy(promote));
    let of = |desk: &mut Desk, number: i64| {
        desk.deploy(trial(number, number as f64), 100 * u32::try_from(number).unwrap())
    };
    let revisions = [1, 2, 3, 4].map(|number| of(&mut desk, number));
    (desk, revisions)
}

/// A fifth model is better and comes as far as its examination.
fn fifth_is_examined(desk: &mut Desk) {
    desk.seen(Some(trial(5, 5.0)));
    desk.reported(DeploymentReport::FilesSettled);
    desk.reported(DeploymentReport::Staged(Digest([5; 32])));
}

/// The runner is killed and comes back, and finds the trader alive.
fn comes_back(desk: &mut Desk, pid: u32) {
    let generation = desk.generation("trader");
    desk.restart();
    let held = Probe::Held(generation, identity(pid));
    desk.process("trader", ProcessReport::Probed(held));
}

fn company(desk: &Desk) -> Vec<(String, u64)> {
    let company = desk.world().deployment.company(desk.policy.deployment.lanes.shadows);
    company.into_iter().map(|(lane, id)| (lane, id.0)).collect()
}

fn standing(desk: &Desk, id: RevisionId) -> &Standing {
    &desk.world().deployment.revisions[&id].standing
}

fn under_way(desk: &Desk) -> Option<Candidate> {
    let deployment = &desk.world().deployment;
    let (_, revision) = deployment.slot.phase.under_way()?;
    Some(deployment.revisions[&revision].candidate.clone())
}

#[test]
fn the_model_before_and_the_newest_that_passed_trade_beside_the_live_one() {
    let (mut desk, [_, second, ..]) = four(Promote::Ask);
    let lane = |name: &str, id: u64| (name.to_owned(), id);
    let usual = [lane("previous", 3), lane("revision-2", 2), lane("revision-1", 1)];
    assert_eq!(company(&desk), usual);
    desk.restart();
    assert_eq!(company(&desk), usual, "nothing else has to be kept");
    let held = desk.world().deployment.revisions[&second].candidate.clone();
    let (trial_id, number) = (held.trial_id, held.number);
    desk.ask(Command::Hold { trial_id, number, reason: "no".into() }).unwrap();
    assert_eq!(company(&desk), [lane("previous", 3), lane("revision-1", 1)]);
    // Whoever waits for approval has passed, but is under way; superseded it may trade along.
    desk.policy.deployment.require_approval = true;
    desk.restart();
    fifth_is_examined(&mut desk);
    desk.reported(DeploymentReport::Validated(sound()));
    assert_eq!(company(&desk), [lane("previous", 3), lane("revision-1", 1)]);
    desk.seen(Some(trial(6, 6.0)));
    let waited = [lane("previous", 3), lane("revision-5", 5), lane("revision-1", 1)];
    assert_eq!(company(&desk), waited);
    let (one, _) = Desk::new(policy(Promote::Ask));
    assert_eq!(company(&one), [], "beside nobody nobody trades");
}

#[test]
fn who_has_not_passed_the_examination_trades_nowhere_though_superseded() {
    let (mut desk, _) = four(Promote::Ask);
    let usual = company(&desk);
    fifth_is_examined(&mut desk);
    let reason = "this one first".to_owned();
    desk.ask(Command::Deploy { candidate: trial(6, 6.0), reason }).unwrap();
    assert_eq!(standing(&desk, RevisionId(5)), &Standing::Superseded);
    assert_eq!(company(&desk), usual);
}

/// Its copy stays for whoever looks into it, until the trial is free again.
#[test]
fn what_was_refused_keeps_its_copy_and_trades_nowhere_even_after_an_unhold() {
    let (mut desk, _) = four(Promote::Ask);
    let usual = company(&desk);
    fifth_is_examined(&mut desk);
    desk.reported(DeploymentReport::Validated(refused("no numbers")));
    let content = |desk: &Desk| desk.world().deployment.revisions[&RevisionId(5)].content;
    assert_eq!(content(&desk), Some(Digest([5; 32])));
    let (trial_id, number) = (trial(5, 5.0).trial_id, trial(5, 5.0).number);
    desk.ask(Command::Unhold { trial_id, number }).unwrap();
    assert_eq!((content(&desk), company(&desk)), (None, usual));
}

#[test]
fn a_shadow_that_trades_worse_beyond_doubt_ends_and_stays_away() {
    let (mut desk, [first, second, third, live]) = four(Promote::Ask);
    desk.observe(&trading(live, vec![rival(second, false, -3.0), rival(third, true, -3.0)]));
    let why = standing(&desk, second);
    assert!(matches!(why, Standing::Outperformed(why) if why.contains("-3.00 bp")), "{why}");
    assert_eq!(standing(&desk, third), &Standing::Good, "one can go back to the model before");
    assert_eq!(company(&desk), [("previous".to_owned(), third.0), ("revision-1".to_owned(), 1)]);
    desk.restart();
    assert_eq!(company(&desk).len(), 2);
    // It is good all the same: a person may go back to it, and let it trade along again.
    let known = desk.world().deployment.revisions[&second].candidate.clone();
    let (trial_id, number) = (known.trial_id, known.number);
    desk.ask(Command::Unhold { trial_id, number }).unwrap();
    assert_eq!(standing(&desk, second), &Standing::Good);
    assert_eq!(company(&desk).len(), 3);
    // Of a session that is not the live model's nothing follows.
    desk.observe(&trading(third, vec![rival(first, false, -3.0)]));
    assert_eq!(standing(&desk, first), &Standing::Good);
}

#[test]
fn a_better_one_is_told_and_left_to_a_person_unless_it_may_go_live_by_itself() {
    let better = Key("trading/better".into());
    let (mut desk, [_, second, _, live]) = four(Promote::Ask);
    desk.observe(&trading(live, vec![rival(second, false, 2.0)]));
    let told = desk.world().alerts[&better].trouble().unwrap().clone();
    assert!(told.text.contains("revision 2 (trial 2) trades better"), "{}", told.text);
    assert!(told.remedy.contains("cappuccino deploy 2"), "{}", told.remedy);
    assert_eq!(under_way(&desk), None);
    desk.observe(&trading(live, vec![rival(second, false, 0.0)]));
    desk.pass(Span::hours(2));
    let alert = desk.world().alerts.get(&better);
    assert!(alert.is_none_or(|alert| alert.trouble().is_none()), "{alert:?}");

    let (mut desk, [_, second, _, live]) = four(Promote::Never);
    desk.observe(&trading(live, vec![rival(second, false, 2.0)]));
    assert!(!desk.world().alerts.contains_key(&better) && under_way(&desk).is_none());
}

#[test]
fn only_the_best_that_may_replace_the_live_one_is_told_and_it_is_the_one_that_goes_live() {
    let better = Key("trading/better".into());
    let told = |desk: &Desk| {
        let alert = desk.world().alerts.get(&better);
        alert.and_then(|alert| alert.trouble()).map(|trouble| trouble.text.clone())
    };
    let (mut desk, [first, second, third, live]) = four(Promote::Auto);
    let held = desk.world().deployment.revisions[&second].candidate.clone();
    let (trial_id, number) = (held.trial_id, held.number);
    desk.ask(Command::Hold { trial_id, number, reason: "no".into() }).unwrap();
    // Its lane ends with the next bar; until then the record still shows it.
    desk.observe(&trading(live, vec![rival(second, false, 9.0)]));
    assert_eq!((told(&desk), under_way(&desk)), (None, None));
    let all = [(second, false, 9.0), (first, false, 1.0), (third, true, 2.0)];
    desk.observe(&trading(live, all.map(|(id, before, gain)| rival(id, before, gain)).into()));
    assert!(told(&desk).is_some_and(|text| text.contains("revision 3 (trial 3)")));
    assert_eq!(under_way(&desk), Some(trial(3, 3.0)));
}

#[test]
fn a_better_one_goes_live_by_itself_through_every_step_and_what_it_beat_does_not_come_back() {
    let (mut desk, [_, second, _, live]) = four(Promote::Auto);
    desk.ask(Command::Pause { pin: false, reason: "wait".into() }).unwrap();
    let seen = trading(live, vec![rival(second, false, 2.0)]);
    desk.observe(&seen);
    assert_eq!(under_way(&desk), None, "paused");
    desk.ask(Command::Resume).unwrap();
    desk.observe(&seen);
    assert_eq!(under_way(&desk), Some(trial(2, 2.0)));
    assert!(matches!(&desk.world().deployment.slot.phase, Phase::Settling(attempt)
        if matches!(&attempt.cause, Cause::TradedBetter(why) if why.contains("+2.00 bp"))));
    // Killed on the way, it goes on.
    comes_back(&mut desk, 400);
    desk.prepare();
    desk.cut_over(900);
    desk.pass(desk.policy.deployment.probation);
    let promoted = desk.world().deployment.slot.phase.live().unwrap();
    assert_eq!(desk.world().deployment.revisions[&promoted].candidate, trial(2, 2.0));
    let beaten = standing(&desk, live);
    assert!(matches!(beaten, Standing::Outperformed(why) if why.contains("+2.00 bp")), "{beaten}");
    // By its value the old one is better; so is one between them. Neither comes back by itself.
    desk.pass(desk.policy.deployment.min_dwell);
    for (number, value) in [(4, 4.0), (7, 3.5)] {
        desk.seen(Some(trial(number, value)));
        assert_eq!(under_way(&desk), None, "trial {number}");
    }
    let declined = desk.world().deployment.slot.declined.clone().unwrap();
    assert_eq!(declined.why, Decline::Outdone(trial(4, 4.0).number));
    // One that improves on what was beaten is a better trial again.
    desk.seen(Some(trial(8, 5.0)));
    assert_eq!(under_way(&desk), Some(trial(8, 5.0)));
}

#[test]
fn a_promoted_model_is_approved_where_that_is_asked_for_and_may_be_taken_back() {
    let (mut desk, [_, second, _, live]) = four(Promote::Auto);
    desk.policy.deployment.require_approval = true;
    comes_back(&mut desk, 400);
    desk.observe(&trading(live, vec![rival(second, false, 2.0)]));
    desk.reported(DeploymentReport::FilesSettled);
    desk.reported(DeploymentReport::Staged(Digest([9; 32])));
    desk.reported(DeploymentReport::Validated(sound()));
    assert!(matches!(desk.world().deployment.slot.phase, Phase::AwaitingApproval(_)));
    desk.ask(Command::Approve).unwrap();
    desk.reported(DeploymentReport::Verified(Ok(())));
    desk.cut_over(900);
    let promoted = desk.world().deployment.slot.phase.live().unwrap();
    desk.pass(desk.policy.deployment.probation);
    // It loses: the one that it beat is the newest to go back to, and good again.
    let loses = Observation::Trading(Trading { drawdown: 0.5, ..told(&trading(promoted, vec![])) });
    desk.observe(&loses);
    desk.reported(DeploymentReport::Verified(Ok(())));
    desk.cut_over(901);
    assert_eq!(desk.world().deployment.slot.phase.live(), Some(live));
    assert!(matches!(standing(&desk, promoted), Standing::Bad(Failure::Guarded(_))));
    assert_eq!(desk.world().deployment.slot.mode, Mode::Auto);
}

fn told(observation: &Observation) -> Trading {
    let Observation::Trading(trading) = observation else { panic!("{observation:?}") };
    trading.clone()
}

/// Two models, the second live, watched by a rule against falling behind the one before.
fn guarded() -> (Desk, RevisionId, RevisionId) {
    let mut policy = policy(Promote::Ask);
    policy.deployment.guard.max_behind_previous_percent = 5.0;
    let (mut desk, _) = Desk::new(policy);
    let first = desk.deploy(trial(1, 1.0), 100);
    let second = desk.deploy(trial(2, 2.0), 200);
    (desk, first, second)
}

#[test]
fn a_live_model_far_behind_the_one_before_is_taken_back() {
    let (mut desk, first, second) = guarded();
    desk.observe(&trading(second, vec![rival(first, true, 1.6)]));
    assert_eq!(desk.world().deployment.slot.phase.live(), Some(second), "4.8 points are within");
    desk.observe(&trading(second, vec![rival(first, true, 1.7)]));
    desk.reported(DeploymentReport::Verified(Ok(())));
    desk.cut_over(300);
    assert_eq!(desk.world().deployment.slot.phase.live(), Some(first));
    let why = standing(&desk, second).to_string();
    assert!(why.contains("revision 1, the model before, would have made 5.1 %"), "{why}");
}

#[test]
fn what_a_person_went_back_from_is_neither_compared_with_nor_gone_back_to_before_others() {
    let (mut desk, first, second) = guarded();
    let third = desk.deploy(trial(3, 3.0), 300);
    let back = |desk: &mut Desk, pid| {
        let reason = "it does strange things".to_owned();
        desk.ask(Command::Rollback { to: None, hold: true, reason }).unwrap();
        desk.reported(DeploymentReport::Verified(Ok(())));
        desk.cut_over(pid);
        desk.world().deployment.slot.phase.live()
    };
    assert_eq!(back(&mut desk, 400), Some(second));
    assert_eq!(desk.world().deployment.rollback_target(Some(second)), Some(first));
    assert_eq!(company(&desk), [("previous".to_owned(), first.0)]);
    assert_eq!(back(&mut desk, 500), Some(first));
    assert_eq!(company(&desk), [], "both are held");
    assert_eq!(desk.world().deployment.rollback_target(Some(first)), Some(third), "if need be");
}

fn live(status: &Status) -> Option<RevisionId> {
    (status.deployment.phase == "live").then(|| status.deployment.live.as_ref().map(|r| r.id))?
}

/// Made-up models lose; here nobody minds.
const LENIENT: &str = "[gate]\nmax_loss_percent = 0\nmax_drawdown_percent = 0\n\
                       [guard]\nmax_drawdown_percent = 0";

/// A site with a real trader on which so many models went live one after the other.
fn site(models: u32) -> (Site, Vec<RevisionId>) {
    let mut site = Site::trading(PROGRAM, 5000, 72_000.0, LENIENT);
    let mut revisions = Vec::new();
    for model in 1..=models {
        site.finish_tradable_trial(model.into());
        if model == 1 {
            site.start_and_wait();
        }
        revisions.push(until("the next model is live", PATIENCE, || {
            live(&site.status().unwrap()).filter(|id| !revisions.contains(id))
        }));
    }
    (site, revisions)
}

fn lanes(site: &Site) -> Option<LanesView> {
    serde_json::from_str(&tell(&mut site.word(&["lanes", "--json"]), site.root()).out).ok()
}

fn record(site: &Site, id: RevisionId) -> PathBuf {
    site.root().join(format!("paper_trades/revision_{id}.events.jsonl"))
}

#[test]
fn a_real_trader_lets_them_trade_on_its_bars_and_they_come_and_go_without_a_restart() {
    let (site, revisions) = site(3);
    let (first, second, third) = (revisions[0], revisions[1], revisions[2]);
    let kinds = |view: &LanesView| -> Vec<(LaneKind, Option<RevisionId>)> {
        let lanes = view.lanes.iter().filter(|lane| lane.kind != LaneKind::Benchmark);
        lanes.map(|lane| (lane.kind, lane.revision)).collect()
    };
    let expected = [
        (LaneKind::Champion, Some(third)),
        (LaneKind::Previous, Some(second)),
        (LaneKind::Shadow, Some(first)),
    ];
    let view = until("all three trade", PATIENCE, || {
        lanes(&site).filter(|view| kinds(view) == expected && view.bars > 5)
    });
    assert_eq!(view.lanes.iter().filter(|lane| lane.kind == LaneKind::Benchmark).count(), 3);
    let trader = |site: &Site| {
        let status = site.status().unwrap();
        status.processes.iter().find(|process| process.role == "trader").unwrap().pid
    };
    let pid = trader(&site);
    tell(&mut site.word(&["hold", "0", "--reason", "enough"]), site.root());
    until("the shadow's lane ends", PATIENCE, || {
        lanes(&site).filter(|view| kinds(view) == expected[..2] && view.bars > 10)
    });
    tell(&mut site.word(&["unhold", "0"]), site.root());
    until("it begins anew", PATIENCE, || lanes(&site).filter(|view| kinds(view) == expected));
    assert_eq!(trader(&site), pid, "nobody was restarted for it");
    let text = fs::read_to_string(record(&site, third)).unwrap();
    assert!(text.lines().count() > 10);
}

#[test]
fn a_real_runner_promotes_a_shadow_that_the_record_shows_to_be_better() {
    let extra = "session_csv = \"sessions/{revision}.csv\"\n[lanes]\npromote = \"auto\"";
    let mut site = Site::new(PROGRAM, extra);
    let mut revisions: Vec<RevisionId> = Vec::new();
    for value in [1.0, 2.0, 3.0] {
        site.finish_trial(value);
        if !site.has_runner() {
            site.start_and_wait();
        }
        revisions.push(until("the next model is live", PATIENCE, || {
            live(&site.status().unwrap()).filter(|id| !revisions.contains(id))
        }));
    }
    let (first, third) = (revisions[0], revisions[2]);
    let gains = |hour: i64| 1000.0 * 1.001_f64.powi(i32::try_from(hour).unwrap());
    let shadow = lane_name(first);
    let bar = |hour| lane_event(hour, &[("champion", "a", 1000.0), (&shadow, "b", gains(hour))]);
    let events: String = (0..400).map(bar).collect();
    let file = |ending: &str| site.root().join(format!("sessions/{third}.{ending}"));
    fs::write(file("events.jsonl"), events).unwrap();
    let mut account = Account::default();
    fs::write(file("csv"), &account.bar(100.0, 0.0).bar(100.0, 1.0).text).unwrap();
    let promoted = until("the shadow's trial is live again", PATIENCE, || {
        let status = site.status().unwrap();
        status.deployment.live.filter(|live| live.id > third && live.trial.0 == 0)
    });
    let why = tell(&mut site.word(&["why", "0"]), site.root());
    assert!(why.out.contains("it traded better beside the live model: +10.00 bp"), "{why}");
    until("what it beat is on record", PATIENCE, || {
        let revisions = site.status().unwrap().deployment.revisions;
        let beaten = revisions.into_iter().find(|revision| revision.id == third)?;
        beaten.standing.starts_with("outperformed: +10.00 bp per bar").then_some(())
    });
    let began = |entry: &&Entry| {
        matches!(&entry.note, Note::DeploymentBegan(_, id, _, Cause::TradedBetter(_))
            if *id == promoted.id)
    };
    assert_eq!(site.history().iter().filter(began).count(), 1);
    assert_eq!(site.doubles(), [""; 0]);
}

#[test]
fn a_rejection_of_a_shadow_reads_as_one() {
    let said = Standing::Rejected(Rejection::TradedWorse("-2.00 bp".into())).to_string();
    assert_eq!(said, "rejected: as a shadow it traded worse: -2.00 bp");
}
