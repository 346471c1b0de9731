//! Buttons of notifications, pressed in a real notification daemon.

use cappuccino_core::words::{Command, Note};
use std::fs;
use support::daemon::{PATIENCE, Site};
use support::notify::Session;
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

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
