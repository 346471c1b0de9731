//! The trader's sessions, from files to clients: followed from revision to revision by a real
//! runner, read once by their observer, told by the window and the command line.

use cappuccino_core::api::{LaneKind, LanesView, PnlView, Status, TradeView};
use cappuccino_core::trading::paper::compare::Verdict;
use cappuccino_core::words::{Moment, RevisionId, Span, Timestamp};
use cappuccino_headless::clock::Clock;
use cappuccino_headless::config::SessionPath;
use cappuccino_headless::observe::session::watcher::SessionWatcher;
use insta::assert_snapshot;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::api::Window;
use support::cli::{tell, word};
use support::daemon::Site;
use support::trading::{Account, lane_event, pnl};
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");
const PATIENCE: Duration = Duration::from_secs(30);

/// Five bought at 100 and sold at 120: 100 gained, 1.25 and 1.50 of fees.
fn winner() -> Account {
    let mut account = Account::default();
    account.bar(100.0, 0.0).bar(100.0, 5.0).bar(120.0, -5.0);
    account
}

fn loser() -> Account {
    let mut account = Account::default();
    account.bar(100.0, 0.0).bar(100.0, 5.0).bar(80.0, 0.0);
    account
}

fn present() -> Moment {
    Clock::new().unwrap().now()
}

fn watcher(root: &Path, text: &str, live: u64, known: &[u64]) -> (SessionWatcher, Arc<AtomicU64>) {
    let path = SessionPath::new(root, text).unwrap();
    let news = Arc::new(AtomicU64::new(0));
    let count = news.clone();
    let known = known.iter().copied().map(RevisionId);
    let clock = Clock::new().unwrap();
    let watcher = SessionWatcher::spawn(path, Some(RevisionId(live)), known, clock, move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    (watcher, news)
}

#[test]
fn each_revision_keeps_what_it_earned_and_the_next_file_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let file = |revision: u64| folder.path().join(format!("s_{revision}.csv"));
    let now = present();
    fs::write(file(1), winner().text).unwrap();
    fs::write(file(2), loser().text).unwrap();
    let (mut watcher, news) = watcher(folder.path(), "s_{revision}.csv", 2, &[1, 2, 3]);
    let sessions = watcher.sessions();
    until("both sessions are read", PATIENCE, || (sessions.all(now).len() == 2).then_some(()));
    let earned: Vec<(Option<RevisionId>, i64)> = sessions
        .all(now)
        .iter()
        .map(|view| (view.revision, ((view.realised + view.unrealised) * 100.0).round() as i64))
        .collect();
    assert_eq!(earned, [(Some(RevisionId(2)), -10_125), (Some(RevisionId(1)), 9_725)]);
    assert!(news.load(Ordering::Relaxed) > 0);

    let view = watcher.view(now);
    assert_eq!((view.state.as_str(), view.revision), ("following", Some(RevisionId(2))));
    watcher.follow(RevisionId(3));
    let view = watcher.view(now);
    assert_eq!((view.state.as_str(), view.revision), ("waiting", Some(RevisionId(3))));
    fs::write(file(3), winner().text).unwrap();
    let trades = until("the third session is read", PATIENCE, || {
        let trades = sessions.trades(Some(RevisionId(3)), 10);
        (watcher.view(now).state == "following").then_some(trades)
    });
    assert_eq!(trades.len(), 2);
    assert_eq!(sessions.trades(None, 4).len(), 4, "of all three revisions, newest first");
    assert!(sessions.trades(None, 10).is_sorted_by(|before, after| before.at >= after.at));

    // Back to the first revision, whose trader goes on in its old file.
    watcher.follow(RevisionId(1));
    fs::write(file(1), winner().bar(110.0, 2.0).text.as_str()).unwrap();
    until("the first session is followed", PATIENCE, || {
        let view = watcher.view(now);
        (view.revision == Some(RevisionId(1)) && view.trades == 3).then_some(())
    });
}

#[test]
fn one_file_for_all_revisions_is_followed_across_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.csv"), winner().text).unwrap();
    let (mut watcher, _) = watcher(folder.path(), "s.csv", 1, &[1, 2]);
    watcher.follow(RevisionId(2));
    let view = until("the session is read", PATIENCE, || {
        Some(watcher.view(present())).filter(|view| view.state == "following")
    });
    assert_eq!((view.revision, view.trades), (None, 2));
    assert_eq!(watcher.sessions().all(present()).len(), 1);
}

#[test]
fn a_session_that_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s_1.csv"), "epoch,loss\r\n1,2\r\n").unwrap();
    fs::create_dir(folder.path().join("s_2.csv")).unwrap();
    let (mut watcher, _) = watcher(folder.path(), "s_{revision}.csv", 1, &[]);
    let mut said = |revision| {
        watcher.follow(RevisionId(revision));
        until("it is unreadable", PATIENCE, || {
            Some(watcher.view(present()).state).filter(|state| state.starts_with("unreadable"))
        })
    };
    assert!(said(1).ends_with("no column `timestamp`; is this the trader's session file?"));
    assert!(said(2).ends_with("it is no regular file; check its rights"));
}

/// The ancestor's status kept showing a session whose trader had died as if it were alive.
#[test]
fn defect_a_silent_trader_looks_alive() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.csv"), winner().text).unwrap();
    let (watcher, _) = watcher(folder.path(), "s.csv", 1, &[]);
    let heard = until("the session is read", PATIENCE, || watcher.view(present()).heard);
    let now = present();
    assert!(heard <= now.wall);
    let at = |hours: i64| watcher.view(now.plus(Span::hours(hours)));
    assert!(at(0).age.unwrap() < Span::minutes(1), "{:?}", at(0).age);
    assert_eq!((at(0).trades_24h, at(23).trades_24h, at(30).trades_24h), (2, 1, 0));
    assert!(at(30).age.unwrap().to_string().starts_with("1d 6h"));
    // A clock that is set a year ahead, or back, makes nobody silent.
    for year in [1, -1] {
        let wall = now.wall.plus(Span::hours(year * 365 * 24));
        let view = watcher.view(Moment { wall, ..now });
        assert_eq!((view.age, view.trades_24h), (at(0).age, 2));
    }
}

fn pnl_of(site: &Site) -> Option<PnlView> {
    site.status().ok()?.pnl
}

#[test]
fn a_real_runner_follows_its_trader_through_deployments_and_restarts() {
    let mut site = Site::new(PROGRAM, "session_csv = \"sessions/{revision}.csv\"");
    site.finish_trial(1.0);
    site.start_and_wait();
    let live = |status: &Status| {
        (status.deployment.phase == "live")
            .then(|| status.deployment.live.as_ref().map(|r| r.id))?
    };
    let first = until("a model is live", PATIENCE, || live(&site.status().unwrap()));
    let waiting = pnl_of(&site).unwrap();
    assert_eq!((waiting.state.as_str(), waiting.equity), ("waiting", None));
    let sessions = site.root().join("sessions");
    fs::write(sessions.join(format!("{first}.csv")), winner().text).unwrap();
    let view = until("its session is followed", PATIENCE, || {
        pnl_of(&site).filter(|view| view.state == "following")
    });
    assert_eq!((view.revision, view.trades, view.win_rate), (Some(first), 2, Some(1.0)));

    site.finish_trial(2.0);
    let second = until("the next model is live", PATIENCE, || {
        live(&site.status().unwrap()).filter(|revision| *revision != first)
    });
    fs::write(sessions.join(format!("{second}.csv")), loser().text).unwrap();
    until("the next session is followed", PATIENCE, || {
        pnl_of(&site).filter(|view| view.revision == Some(second) && view.realised == 0.0)
    });
    site.kill();
    site.start_and_wait();
    until("both are known again", PATIENCE, || {
        let told = tell(&mut site.word(&["pnl", "--json"]), site.root());
        let sessions: Vec<PnlView> = serde_json::from_str(&told.out).ok()?;
        (sessions.iter().filter(|view| view.rows == 3).count() == 2).then_some(())
    });
    let told =
        tell(&mut site.word(&["trades", "--json", "--revision", &first.to_string()]), site.root());
    let trades: Vec<TradeView> = serde_json::from_str(&told.out).unwrap();
    assert_eq!(trades.len(), 2, "{told}");
}

/// Bars of a champion that stands still, and of a shadow that gains steadily.
fn race(hours: std::ops::Range<i64>) -> String {
    let shadow = |hour: i64| 1000.0 * 1.001_f64.powi(i32::try_from(hour).unwrap());
    let bar = |hour| lane_event(hour, &[("champion", "a", 1000.0), ("other", "b", shadow(hour))]);
    hours.map(bar).collect()
}

#[test]
fn a_real_runner_tells_the_lanes_as_they_go_on() {
    let mut site = Site::new(PROGRAM, "session_csv = \"sessions/{revision}.csv\"");
    let trial = site.finish_trial(1.0);
    site.start_and_wait();
    let live = until("a model is live", PATIENCE, || {
        let status = site.status().unwrap();
        (status.deployment.phase == "live").then(|| status.deployment.live.map(|live| live.id))?
    });
    let say = |site: &Site, words: &[&str]| tell(&mut site.word(words), site.root());
    assert_eq!(say(&site, &["lanes"]).out.lines().next(), Some(NO_LANES));
    let lanes = |bars: u64| {
        until("the lanes are read", PATIENCE, || {
            let told = say(&site, &["lanes", "--json"]);
            let view: LanesView = serde_json::from_str(&told.out).ok()?;
            (view.bars == bars).then_some(view)
        })
    };
    let record = site.root().join(format!("sessions/{live}.events.jsonl"));
    fs::write(&record, race(0..150)).unwrap();
    let view = lanes(150);
    assert_eq!((view.state.as_str(), view.revision), ("following", Some(live)));
    let champion = &view.lanes[0];
    assert_eq!((champion.kind, champion.trial), (LaneKind::Champion, Some(trial)));
    assert_eq!(view.lanes[1].standing.comparison.unwrap().verdict, Verdict::Wait);

    let mut file = fs::OpenOptions::new().append(true).open(&record).unwrap();
    file.write_all(race(150..400).as_bytes()).unwrap();
    let shadow = lanes(400).lanes.remove(1);
    assert_eq!(shadow.standing.comparison.unwrap().verdict, Verdict::Promote);
    let counted: u64 = shadow.equity.iter().map(|bucket| bucket.count).sum();
    assert_eq!((counted, shadow.kind), (400, LaneKind::Shadow));

    // The trader took its last bars back, as after a kill.
    fs::write(&record, race(0..399)).unwrap();
    assert_eq!(lanes(399).until, Some(Timestamp(398 * 3_600_000)));
    site.kill();
    let read = say(&site, &["lanes"]);
    assert!(read.out.contains("better: promote it"), "without a runner, from the file: {read}");
}

const NO_LANES: &str = "no bar was traded in this session yet, or its trader keeps no lanes";

#[test]
fn lanes_are_told_to_people_and_programs() {
    let mut window = Window::open();
    let root = window.root().to_owned();
    let say = |words: &[&str]| tell(&mut word(PROGRAM, &root, words), &root);
    let told = say(&["lanes"]).out;
    let hold: Vec<&str> = told.lines().nth(2).unwrap().split("  ").map(str::trim).collect();
    let hold: Vec<&str> = hold.into_iter().filter(|cell| !cell.is_empty()).collect();
    assert_eq!(hold[..5], ["hold", "-", "1000.00", "+0.00 %", "0.00 %"], "{told}");
    assert_eq!(hold[7..], ["-1.00 bp", "-1.00 to -1.00", "worse than the champion"], "{told}");
    assert!(told.contains("200 bars of the champion, from 1970-01-01 00:00:00Z"), "{told}");
    let view: LanesView = serde_json::from_str(&say(&["lanes", "--json"]).out).unwrap();
    assert_eq!(view.lanes.len(), 2);
    window.close();
}

#[test]
fn trades_and_earnings_are_told_to_people_and_programs() {
    let mut window = Window::open();
    window.show(|status| status.pnl = Some(pnl(3)));
    let root = window.root().to_owned();
    let say = |words: &[&str]| tell(&mut word(PROGRAM, &root, words), &root);
    assert_snapshot!(say(&["trades"]), @r"
    TIME                  REVISION  TICKER   SIDE  QUANTITY  PRICE   FEE   REALISED
    2026-03-01 12:02:00Z  3         BTC/USD  sell  0.005     100000  1.25  +10.00
    2026-03-01 12:01:00Z  3         BTC/USD  buy   0.005     100000  1.25  -
    2026-03-01 12:00:00Z  2         BTC/USD  buy   0.005     100000  1.25  -
    --- exit 0
    ");
    assert_snapshot!(say(&["pnl"]), @r"
    REVISION  EQUITY   GROWTH   REALISED  UNREALISED  FEES  DRAWDOWN  TRADES  WINS      DAYS  SHARPE
    3         1012.50  +1.25 %  +10.00    +2.50       2.50  0.00 %    2       100.00 %  0     n/a
    2         1012.50  +1.25 %  +10.00    +2.50       2.50  0.00 %    2       100.00 %  0     n/a
    --- exit 0
    ");
    assert_eq!(say(&["trades", "--limit", "0"]).code, 2);
    let few: Vec<TradeView> =
        serde_json::from_str(&say(&["trades", "--limit", "2", "--json"]).out).unwrap();
    assert_eq!(few.len(), 2);
    let of_two: Vec<TradeView> =
        serde_json::from_str(&say(&["trades", "--revision", "2", "--json"]).out).unwrap();
    assert_eq!(of_two.len(), 1);
    let all: Vec<PnlView> = serde_json::from_str(&say(&["pnl", "--json"]).out).unwrap();
    assert_eq!(all, [pnl(3), pnl(2)]);
    let status = say(&["status"]).out;
    let shown: Vec<&str> = status.lines().skip_while(|line| !line.starts_with("trading")).collect();
    assert_snapshot!(shown[..3].join("\n"), @r"
    trading     following: worth 1012.50, +1.25 % with revision 3
                realised +10.00, unrealised +2.50, fees 2.50, drawdown 0.00 % (largest 0.00 %)
                2 trades, 0 in 24 h, 100.00 % won; newest row 5s ago
    ");
    window.close();
    assert_eq!(say(&["trades"]).code, 3);
}
