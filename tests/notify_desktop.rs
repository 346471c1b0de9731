//! A real notification daemon: what it shows, that it may hang or be absent, and its buttons.

use cappuccino_core::api::{ChannelView, CommandBody};
use cappuccino_core::words::{Command, Note};
use std::fs;
use std::time::{Duration, Instant};
use support::daemon::{PATIENCE, Site};
use support::notify::Session;
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

/// A channel that only tells what a test asks about: other news would come between.
const KEYS: &str = "[[notify.channel]]\nkind = \"desktop\"\nretry_delay = \"50ms\"\n\
                    retry_delay_max = \"100ms\"\nabout = [\"study/unavailable\", \"revision/*\"]\n";

fn channel(site: &Site) -> ChannelView {
    let output = site.word(&["notifications", "--json"]).output().unwrap();
    serde_json::from_slice::<Vec<ChannelView>>(&output.stdout).unwrap().remove(0)
}

/// How long the loop takes for a turn with a durable commit, seen from a client: each turn writes
/// a line of the history that every channel reads.
fn measure_turns(site: &Site, beside: &str) {
    let mut turns: Vec<Duration> = (0..200)
        .map(|turn| {
            let command = match turn % 2 {
                0 => CommandBody::Pause { pin: false, reason: "a test".to_owned() },
                _ => CommandBody::Resume,
            };
            let began = Instant::now();
            site.ask(&format!("{beside} {turn}"), command).unwrap();
            began.elapsed()
        })
        .collect();
    turns.sort();
    let (median, p99, slowest) = (turns[100], turns[198], turns[199]);
    println!(
        "200 turns of the loop with {beside}: median {median:?}, p99 {p99:?}, slowest {slowest:?}"
    );
}

#[test]
fn a_real_desktop_shows_an_alert_replaces_it_by_its_end_and_may_hang() {
    let folder = tempfile::tempdir().unwrap();
    let Some(session) = Session::start(folder.path()) else { return };
    let mut site = Site::new(PROGRAM, KEYS);
    site.set("DBUS_SESSION_BUS_ADDRESS", &session.bus);
    let began = Instant::now();
    let output = site.word(&["notify-test"]).output().unwrap();
    println!("notify-test took {:?}", began.elapsed());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "desktop (desktop): delivered\n");
    let shown = session.shown();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].1, "Cappuccino: a test");
    site.start_and_wait();
    let (database, away) = (site.root().join("optuna.db"), site.root().join("away.db"));
    fs::rename(&database, &away).unwrap();
    until("the alert is on the screen", PATIENCE, || (session.on_screen() == 1).then_some(()));
    fs::rename(&away, &database).unwrap();
    until("its end is told", PATIENCE, || {
        let view = channel(&site);
        let told = fs::read_to_string(site.workspace().notify_file()).unwrap();
        (view.waiting == 0 && told.contains("\"times\": 2")).then_some(())
    });
    assert_eq!(session.on_screen(), 1, "it replaced the alert");
    let shown = session.shown();
    assert_eq!(shown[0].1, "Cappuccino: over: study/unavailable");
    assert!(shown[0].2.starts_with("alert study/unavailable is over after "), "{shown:?}");
    assert_eq!(shown.len(), 2, "the test and this: {shown:?}");
    measure_turns(&site, "a daemon that answers");

    // A daemon that hangs costs five seconds of one thread, nothing else; when it goes on, the
    // message it had taken is not shown twice.
    session.freeze(true);
    site.finish_trial(1.0);
    let went_live = |note: &Note| matches!(note, Note::WentLive(..));
    let line = until("it is live", PATIENCE, || {
        site.history().into_iter().find(|entry| went_live(&entry.note)).map(|line| line.sequence)
    });
    let before = Instant::now();
    let view = until("it hangs", PATIENCE, || {
        let view = channel(&site);
        view.state.contains("does not answer").then_some(view)
    });
    println!("found hanging after {:?}: {}", before.elapsed(), view.state);
    measure_turns(&site, "a daemon that hangs");
    session.freeze(false);
    until("it goes on", PATIENCE, || {
        let view = channel(&site);
        (view.state == "ok" && view.delivered >= line).then_some(())
    });
    let live = session.shown().iter().filter(|one| one.1.contains("revision 1 went live")).count();
    assert_eq!(live, 1);
}

#[test]
fn without_a_desktop_the_loop_turns_as_fast() {
    let mut site = Site::new(PROGRAM, KEYS);
    site.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    site.start_and_wait();
    site.finish_trial(1.0);
    until("the bus is missed", PATIENCE, || {
        channel(&site).state.starts_with("unavailable: ").then_some(())
    });
    measure_turns(&site, "no daemon");
    assert!(channel(&site).dead.is_empty(), "nobody is there: nothing was tried");
}

#[test]
fn a_button_of_a_notification_asks_the_runner_like_anybody_else() {
    let folder = tempfile::tempdir().unwrap();
    let Some(session) = Session::start(folder.path()) else { return };
    let keys = "[[notify.channel]]\nkind = \"desktop\"\n\
                about = [\"revision/*\", \"study/unavailable\"]\n";
    let mut site = Site::new(PROGRAM, keys);
    site.set("DBUS_SESSION_BUS_ADDRESS", &session.bus);
    site.start_and_wait();
    let is_live = |site: &Site, revision: u64| {
        let live = site.status().unwrap().deployment.live;
        live.is_some_and(|live| live.id.0 == revision && live.standing == "good").then_some(())
    };
    for (value, revision) in [(1.0, 1), (2.0, 2)] {
        site.finish_trial(value);
        until("it is live", PATIENCE, || is_live(&site, revision));
    }
    until("both are shown", PATIENCE, || (session.on_screen() == 2).then_some(()));
    // The older notification undoes nothing: its revision is not live any more.
    session.press();
    until("it is refused", PATIENCE, || {
        site.runner_log().contains("revision 1 is not live any more").then_some(())
    });
    session.press();
    until("the runner rolled back", PATIENCE, || is_live(&site, 1));
    let by_desktop = |site: &Site| {
        let asked = site.history().into_iter().filter_map(|entry| match entry.note {
            Note::Asked(_, actor, command) if actor == "desktop" => Some(command),
            _ => None,
        });
        asked.collect::<Vec<_>>()
    };
    assert!(matches!(by_desktop(&site)[..], [Command::Rollback { .. }]));
    let (database, away) = (site.root().join("optuna.db"), site.root().join("away.db"));
    session.shown();
    fs::rename(&database, &away).unwrap();
    until("the alert is on the screen", PATIENCE, || (session.on_screen() == 1).then_some(()));
    session.press();
    let acknowledged = until("it is acknowledged", PATIENCE, || {
        let alerts = site.status().unwrap().alerts;
        alerts.into_iter().find(|alert| alert.state == "acknowledged")
    });
    assert_eq!(acknowledged.acknowledged.unwrap().by, "desktop");
}
