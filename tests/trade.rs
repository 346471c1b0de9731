//! `cappuccino trade` as a process: replays, kills, refusals, and a venue with every fault.

use cappuccino_core::model::best_trial::best_trial_pickle;
use cappuccino_core::model::torch;
use cappuccino_core::model::weights::{Tensor, Weights};
use cappuccino_core::trading::Session;
use cappuccino_core::trading::paper::candle::Bar;
use cappuccino_core::trading::paper::event::Event;
use cappuccino_core::words::trial::{Distribution, Param, TrialDetail, TrialState};
use cappuccino_core::words::{Timestamp, TrialId, TrialNumber};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use support::alpaca::{Fault, Server, Venue, last_hour};
use support::paper::{HOUR, actor, bars, candles, mix, tickers};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");
/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

struct Scene {
    folder: TempDir,
}

impl Scene {
    /// A model of two tickers, and hourly bars in a file.
    fn new() -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap() };
        model(&scene.path("model"), &actor(3, 2, 2, 16), 2);
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn candles(&self, count: u64) -> Vec<Bar> {
        let bars = bars(7, 2, count);
        fs::write(self.path("candles.csv"), candles(&bars)).unwrap();
        bars
    }

    fn command(&self, session: &str, feed: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(self.folder.path())
            .args(["trade", "--tickers", "T0/USD", "T1", "--feed", feed, "--session", session])
            .env_remove("APCA_API_KEY_ID")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn replay(&self, session: &str) -> Command {
        self.replay_with("model", session)
    }

    fn replay_with(&self, model: &str, session: &str) -> Command {
        let mut command = self.command(session, "csv:candles.csv");
        command.args(["--exit-at-end", "--model", model]);
        command
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn events(&self, session: &str) -> Vec<Event> {
        let text = self.read(&format!("{session}.events.jsonl"));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn model(folder: &Path, weights: &Weights, lookback: u32) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("actor.pth"), torch::write(weights, "actor").unwrap()).unwrap();
    let param = |name: &str, value: f64| Param {
        name: name.into(),
        internal: value,
        distribution: Distribution::Float { low: value, high: value, log: false, step: None },
    };
    let trial = TrialDetail {
        trial_id: TrialId(2),
        number: TrialNumber(1),
        state: TrialState::Complete,
        values: vec![],
        datetime_start: None,
        datetime_complete: None,
        params: vec![param("lookback", lookback.into()), param("norm_action", 100.0)],
        user_attrs: vec![],
        system_attrs: vec![],
        intermediate_values: vec![],
    };
    fs::write(folder.join("best_trial"), best_trial_pickle(&trial, &[]).unwrap()).unwrap();
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come true");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_replay_writes_the_original_s_rows_and_the_accountant_agrees() {
    let scene = Scene::new();
    let bars = scene.candles(400);
    let output = scene.replay("s.csv").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let csv = scene.read("s.csv");
    let mut lines = csv.split_terminator("\r\n");
    assert_eq!(
        lines.next().unwrap(),
        "timestamp,cash,total_asset,reward,holding_T0/USD,holding_T1/USD,price_T0/USD,\
         price_T1/USD,action_T0/USD,action_T1/USD"
    );
    // 120 hours of history come before the first decision.
    assert_eq!(lines.clone().count(), 280);
    assert!(lines.next().unwrap().starts_with("2024-03-06T00:00:00+00:00,"));
    let mut session = Session::default();
    session.feed(csv.as_bytes());
    let (book, events) = (session.book(), scene.events("s"));
    assert_eq!((book.skipped, book.ledger.tally().resets, events.len()), (0, 0, 280));
    let worth = events.last().unwrap().lanes[0].worth;
    assert!((book.ledger.worth() - worth).abs() < 0.01, "{} {worth}", book.ledger.worth());
    let fees: f64 = events.iter().flat_map(|event| &event.orders).map(|fill| fill.order.fee).sum();
    let first: f64 = events[0].orders.iter().map(|fill| fill.order.fee).sum();
    assert!(fees > 1.0 && (book.ledger.fees().unwrap() - (fees - first)).abs() < 0.5);
    assert_eq!(events[5].orders[1].price, bars[125].candles[1].close);
}

/// Kills the trader again and again with SIGKILL, at moments that differ with the seed.
fn killed(scene: &Scene, session: &str, seed: u64) -> usize {
    let mut kills = 0;
    loop {
        let mut command = scene.replay(session);
        let mut child = command.args(["--speed", "1800000"]).spawn().unwrap();
        let csv = scene.path(session);
        let before = fs::metadata(&csv).map_or(0, |metadata| metadata.len());
        let grown = 150 * (mix(seed ^ kills as u64) % 30);
        let mut ended = None;
        wait_until("growth or end", || {
            ended = child.try_wait().unwrap();
            let length = fs::metadata(&csv).map_or(0, |metadata| metadata.len());
            ended.is_some() || length > before + grown
        });
        if let Some(status) = ended {
            let output = child.wait_with_output().unwrap();
            assert!(status.success(), "{}", said(&output));
            return kills;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
}

#[test]
fn a_session_killed_at_any_moment_is_byte_for_byte_the_one_that_was_not() {
    let scene = Scene::new();
    scene.candles(360);
    let whole = scene.replay("whole.csv").args(["--shadow", "other=model"]).output().unwrap();
    assert!(whole.status.success(), "{}", said(&whole));
    let plain = scene.replay("plain.csv").output().unwrap();
    assert!(plain.status.success(), "{}", said(&plain));
    let mut kills = 0;
    for seed in 0..3 {
        let session = format!("killed-{seed}.csv");
        kills += killed(&scene, &session, seed);
        assert_eq!(scene.read(&session), scene.read("plain.csv"));
        let events = |name: &str| scene.read(&format!("{name}.events.jsonl"));
        assert_eq!(events(&format!("killed-{seed}")), events("plain"));
    }
    assert!(kills > 6, "{kills}");
    let rows = |name: &str| scene.read(name);
    assert_eq!(rows("whole.csv"), rows("plain.csv"), "a shadow changes nothing of the champion");
}

#[test]
fn t6_without_a_sound_model_nothing_is_traded() {
    let scene = Scene::new();
    scene.candles(200);
    let refused = |why: &str| {
        let output = scene.replay("s.csv").output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(why), "{why}: {}", said(&output));
        assert!(!scene.path("s.csv").exists(), "{why}");
    };
    fs::remove_file(scene.path("model/actor.pth")).unwrap();
    refused("actor.pth: No such file");
    let mut broken = actor(3, 2, 2, 16);
    broken.tensors[2].1 = Tensor::vector(vec![f32::NAN; 16]);
    model(&scene.path("model"), &broken, 2);
    refused("not finite");
    model(&scene.path("model"), &actor(3, 3, 2, 16), 2);
    refused("it trades 3 tickers, 2 are named");
    model(&scene.path("model"), &actor(3, 2, 2, 16), 3);
    refused("lookback of 3 bars");
    model(&scene.path("model"), &actor(3, 2, 2, 16), 2);
    fs::write(scene.path("model/best_trial"), b"cos\nsystem\n(S'id'\ntR.").unwrap();
    refused("best_trial");
    fs::write(scene.path("model/actor.pth"), b"PK nonsense").unwrap();
    refused("actor.pth");
}

#[test]
fn a_session_of_somebody_else_a_shortened_one_and_other_rules_are_refused() {
    let scene = Scene::new();
    scene.candles(200);
    fs::write(scene.path("foreign.csv"), "timestamp,cash\r\n").unwrap();
    let output = scene.replay("foreign.csv").output().unwrap();
    assert!(said(&output).contains("no session of this trader"), "{}", said(&output));
    assert!(scene.replay("s.csv").status().unwrap().success());
    let output = scene.replay("s.csv").args(["--fee-bps", "0"]).output().unwrap();
    assert!(said(&output).contains("other rules"), "{}", said(&output));
    let csv = scene.read("s.csv");
    fs::write(scene.path("s.csv"), &csv[..csv.len() / 2]).unwrap();
    let output = scene.replay("s.csv").output().unwrap();
    assert!(said(&output).contains("shorter than the session remembers"), "{}", said(&output));
    fs::write(scene.path("s.csv"), csv).unwrap();
    fs::write(scene.path("s.state.json"), "{").unwrap();
    let output = scene.replay("s.csv").output().unwrap();
    assert!(said(&output).contains("cannot be read"), "{}", said(&output));
}

#[test]
fn sigterm_ends_the_trader_and_two_never_write_one_session() {
    let scene = Scene::new();
    scene.candles(400);
    let mut first = scene.replay("s.csv").args(["--speed", "36000"]).spawn().unwrap();
    wait_until("a row", || scene.read("s.csv").lines().count() > 2);
    let output = scene.replay("s.csv").output().unwrap();
    assert!(said(&output).contains("another trader writes"), "{}", said(&output));
    signal(&first, Signal::TERM);
    assert!(first.wait().unwrap().success());
    let rows = scene.read("s.csv").lines().count();
    assert!(rows < 280 && scene.replay("s.csv").status().unwrap().success());
    assert_eq!(scene.read("s.csv").lines().count(), 281);
}

#[test]
fn lanes_say_what_each_made_on_the_same_bars() {
    let scene = Scene::new();
    scene.candles(400);
    model(&scene.path("old"), &actor(9, 2, 1, 8), 1);
    let shadow = ["--shadow", "previous=old"];
    assert!(scene.replay("s.csv").args(shadow).status().unwrap().success());
    let lanes = |more: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(scene.folder.path())
            .args(["lanes", "s.csv"])
            .args(more)
            .output()
            .unwrap()
    };
    let text = said(&lanes(&[]));
    for name in ["champion", "previous", "hold", "equal-weight", "chance", "280 bars"] {
        assert!(text.contains(name), "{text}");
    }
    let league: Json = serde_json::from_slice(&lanes(&["--json"]).stdout).unwrap();
    assert_eq!(league["lanes"].as_array().unwrap().len(), 5);
    assert_eq!(league["lanes"][1]["comparison"]["bars"], 279);
    assert!(league["lanes"][0]["comparison"].is_null());
    let missing = Command::new(PROGRAM).args(["lanes", "/nowhere.csv"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn the_model_before_goes_on_beside_the_new_one_with_the_same_positions() {
    let scene = Scene::new();
    scene.candles(400);
    model(&scene.path("new"), &actor(9, 2, 1, 8), 1);
    let mut first = scene.replay("s.csv").args(["--speed", "360000"]).spawn().unwrap();
    wait_until("rows", || scene.read("s.csv").lines().count() > 60);
    signal(&first, Signal::TERM);
    assert!(first.wait().unwrap().success());
    let before = scene.events("s").len();
    assert!(scene.replay_with("new", "s.csv").status().unwrap().success());
    let (events, whole) = (scene.events("s"), {
        assert!(scene.replay("whole.csv").status().unwrap().success());
        scene.events("whole")
    });
    let worth = |event: &Event, name: &str| {
        event.lanes.iter().find(|lane| lane.name == name).map(|lane| lane.worth.to_bits())
    };
    // What the model before would have made is what it made where nobody took its place.
    for (event, alone) in events.iter().zip(&whole).skip(before) {
        assert_eq!(worth(event, "previous"), worth(alone, "champion"), "{}", event.at);
    }
    assert_eq!(worth(&events[before - 1], "previous"), None);
    assert_ne!(worth(&events[279], "champion"), worth(&whole[279], "champion"));
}

/// A venue whose present is the last full hour, with `ahead` more bars to come.
fn venue(ahead: i64) -> Venue {
    let (past, hour) = (200, last_hour());
    let mut known = bars(7, 2, u64::try_from(past + ahead + 1).unwrap());
    for (bar, place) in known.iter_mut().zip(0..) {
        bar.at = Timestamp(hour + (place - past) * HOUR);
        bar.stale = vec![false; 2];
    }
    Venue {
        bars: known,
        tickers: tickers(2),
        now: hour + 10_000,
        step: 20 * 60_000,
        ..Venue::default()
    }
}

fn follow(scene: &Scene, session: &str, server: &Server) -> Child {
    let mut command = scene.command(session, "alpaca");
    command.args(["--model", "model", "--alpaca-url", &server.url, "--poll-seconds", "0.05"]);
    let folder = scene.path(session).with_extension("candles");
    command.arg("--candles").arg(folder).args(["--wait-seconds", "120"]);
    command.spawn().unwrap()
}

fn rows_of(scene: &Scene, session: &str) -> Vec<String> {
    scene.read(session).lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn every_fault_of_a_venue_leaves_the_same_rows() {
    let scene = Scene::new();
    let (clean, faulty) = (Server::start(venue(6)), Server::start(venue(6)));
    let mut calm = follow(&scene, "clean.csv", &clean);
    let mut tried = follow(&scene, "faulty.csv", &faulty);
    let all = [
        Fault::Limit,
        Fault::Internal,
        Fault::HtmlPage,
        Fault::Truncated,
        Fault::ErrorIn200,
        Fault::HangUp,
        Fault::Slow,
    ];
    for (number, fault) in (1..).zip(all.into_iter().cycle().take(7)) {
        faulty.venue.lock().unwrap().faults.push_back(fault);
        wait_until("the fault to have happened", || faulty.venue.lock().unwrap().faults.is_empty());
        wait_until("a row", || rows_of(&scene, "faulty.csv").len() >= number.min(6));
    }
    for session in ["clean.csv", "faulty.csv"] {
        wait_until("all rows", || rows_of(&scene, session).len() >= 7);
    }
    for child in [&mut calm, &mut tried] {
        signal(child, Signal::TERM);
        assert!(child.wait().unwrap().success());
    }
    let (clean_rows, faulty_rows) = (rows_of(&scene, "clean.csv"), rows_of(&scene, "faulty.csv"));
    assert_eq!(clean_rows[..7], faulty_rows[..7]);
    // T3: the venue also reported bars that were not over, with other closes.
    let (known, events) = (venue(6), scene.events("clean"));
    for event in &events {
        let bar = known.bars.iter().find(|bar| bar.at == event.at).unwrap();
        let closes: Vec<f64> = event.orders.iter().map(|order| order.price).collect();
        assert_eq!(closes, bar.closes(), "{}", event.at);
    }
}

#[test]
fn t4_a_candle_that_never_comes_is_carried_on_marked_and_not_traded() {
    let scene = Scene::new();
    let mut venue = venue(4);
    venue.missing = vec![(1, 201)];
    let server = Server::start(venue);
    let mut child = follow(&scene, "s.csv", &server);
    wait_until("rows", || rows_of(&scene, "s.csv").len() >= 4);
    signal(&child, Signal::TERM);
    assert!(child.wait().unwrap().success());
    let events = scene.events("s");
    let stale: Vec<&Event> = events.iter().filter(|event| !event.stale.is_empty()).collect();
    assert_eq!((stale.len(), &stale[0].stale[..]), (1, &["T1/USD".to_owned()][..]));
    assert!(stale[0].acted && stale[0].orders[1].order.units == 0.0);
}

#[test]
fn t12_a_killed_trader_goes_on_with_its_positions_and_its_candles() {
    let scene = Scene::new();
    // Slow enough that a restart costs less than a bar: what it misses, it must not trade.
    let venue = || Server::start(Venue { step: 4 * 60_000, ..venue(5) });
    let (whole, broken) = (venue(), venue());
    let mut calm = follow(&scene, "whole.csv", &whole);
    for rows in 1..=5 {
        let mut child = follow(&scene, "broken.csv", &broken);
        wait_until("a row more", || rows_of(&scene, "broken.csv").len() >= rows);
        // While it is stopped the venue's time stands still, for it passes with answers.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut last = follow(&scene, "broken.csv", &broken);
    for (child, session) in [(&mut calm, "whole.csv"), (&mut last, "broken.csv")] {
        wait_until("rows", || rows_of(&scene, session).len() >= 6);
        signal(child, Signal::TERM);
        assert!(child.wait().unwrap().success());
    }
    let acted = |events: Vec<Event>| {
        assert!(events.len() >= 6 && events[..6].iter().all(|event| event.acted));
        let events = events.into_iter().take(6).map(|event| (event.at, event.orders, event.lanes));
        events.collect::<Vec<_>>()
    };
    assert_eq!(acted(scene.events("broken")), acted(scene.events("whole")));
}

#[test]
fn what_will_never_work_ends_the_trader_with_a_remedy() {
    let scene = Scene::new();
    for (fault, remedy) in [
        (Fault::Unauthorized, "correct APCA_API_KEY_ID"),
        (Fault::UnknownSymbol, "check tickers, timeframe and address"),
    ] {
        let server = Server::start(venue(1));
        server.venue.lock().unwrap().faults.push_back(fault);
        let output = follow(&scene, &format!("{fault:?}.csv"), &server).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains(remedy), "{}", said(&output));
        let asked = server.venue.lock().unwrap().asked[0].clone();
        assert!(
            asked.starts_with("/v1beta3/crypto/us/bars?symbols=T0%2FUSD%2CT1%2FUSD"),
            "{asked}"
        );
        assert!(asked.contains("timeframe=1Hour") && asked.contains("limit=10000"), "{asked}");
    }
}
