//! What the runner watches beside its processes, each from its cause in the world to the message
//! that a person gets: damage in the study, growth, a disk that fills, losses, silence, new bests.

use cappuccino_core::api::Status;
use cappuccino_core::store::{FileBackend, Samples};
use cappuccino_core::words::{RevisionId, Span, Timestamp};
use rusqlite::Connection;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use support::daemon::{PATIENCE, Site};
use support::notify::Server;
use support::story::facts;
use support::trading::Account;
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

/// A workspace whose runner tells a server what these patterns name.
fn site(about: &[&str], keys: &str) -> (Site, Server) {
    let server = Server::default();
    let hook = format!(
        "{keys}\n[[notify.channel]]\nkind = \"webhook\"\nurl = \"{}\"\nabout = {about:?}\n",
        server.url()
    );
    (Site::new(PROGRAM, &hook), server)
}

/// Waits for a message with this title; its text. The study's file is looked at after a minute.
fn told(server: &Server, title: &str) -> String {
    until(title, PATIENCE * 4, || {
        let messages = server.confirmed().into_iter().map(|asked| asked.body);
        let mut titled = messages.filter(|body| body["title"] == title);
        titled.next().map(|body| body["body"].as_str().unwrap().to_owned())
    })
}

fn live(status: &Status) -> Option<RevisionId> {
    (status.deployment.phase == "live").then(|| status.deployment.live.as_ref().map(|r| r.id))?
}

#[test]
fn damage_in_the_study_s_file_is_told_although_nobody_reads_that_page() {
    let (mut site, server) = site(&["study/*"], "[alerts]\nintegrity_every = \"1m\"");
    let path = site.root().join("optuna.db");
    let page = {
        // A table that neither Optuna nor we ever read.
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE other (text TEXT); INSERT INTO other VALUES (zeroblob(9));",
            )
            .unwrap();
        let root: i64 = connection
            .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'other'", [], |row| {
                row.get(0)
            })
            .unwrap();
        root
    };
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0xff; 100], u64::try_from((page - 1) * 4096).unwrap()).unwrap();
    drop(file);
    site.start_and_wait();
    let text = told(&server, "Cappuccino: alert: study/integrity");
    assert!(text.contains("optuna.db is damaged"), "{text}");
    assert!(text.contains("sqlite3 study.db .recover"), "{text}");
}

/// Writes what was measured of a series, hour by hour, until now.
fn measured(site: &Site, series: &[(&str, f64)]) {
    let path = site.workspace().metrics_file();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let backend = FileBackend::new(file.unwrap()).unwrap();
    let mut samples = Samples::open(backend, &facts()).unwrap();
    let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap();
    let now = Timestamp(i64::try_from(since_epoch.as_millis()).unwrap());
    for hour in 0..=24 {
        let row: Vec<(&str, f64)> =
            series.iter().map(|(name, daily)| (*name, daily * f64::from(hour) / 24.0)).collect();
        let ago = Span(-Span::hours(24 - i64::from(hour)).0 - 60_000);
        samples.write(now.plus(ago), &row).unwrap();
    }
    samples.close().unwrap();
}

#[test]
fn a_study_that_grows_and_a_disk_that_fills_are_told_from_what_was_measured() {
    let (mut site, server) = site(&["study/growth", "disk/filling"], "");
    let gigabyte = 1024.0 * 1024.0 * 1024.0;
    measured(&site, &[("study/size", 2.0 * gigabyte), ("disk/used", 1e6 * gigabyte)]);
    site.start_and_wait();
    let text = told(&server, "Cappuccino: alert: study/growth");
    assert!(text.contains("grows by 1024 MB a day or more"), "{text}");
    let filling = || site.status().unwrap().alerts.into_iter().find(|a| a.key == "disk/filling");
    let alert = until("the disk is foreseen to be full", PATIENCE, filling);
    assert_eq!(alert.severity.name(), "critical", "within hours: {alert:?}");
    assert!(alert.text.contains("will be full within"), "{alert:?}");
}

#[test]
fn losses_and_silence_of_the_trader_are_told_and_end_when_it_recovers() {
    let keys = "session_csv = \"sessions/{revision}.csv\"\n\
                [alerts]\nsession_silent = \"3s\"\ntrades_every = \"1s\"\n\
                [guard]\nmax_drawdown_percent = 90";
    let (mut site, server) = site(&["trading/*", "study/best"], keys);
    site.finish_trial(1.0);
    site.start_and_wait();
    let revision = until("a model is live", PATIENCE, || live(&site.status().unwrap()));
    let file = site.root().join(format!("sessions/{revision}.csv"));
    let mut account = Account::default();
    account.bar(100.0, 0.0).bar(100.0, 9.0).bar(87.0, 0.0);
    fs::write(&file, &account.text).unwrap();
    let text = told(&server, "Cappuccino: alert: trading/drawdown");
    assert!(text.contains("revision 1 lost 10 % or more of its highest worth"), "{text}");
    let text = told(&server, "Cappuccino: alert: trading/silent");
    assert!(text.contains("no new row for 3s or more"), "{text}");
    account.bar(99.0, 0.0).bar(99.0, -4.0);
    fs::write(&file, &account.text).unwrap();
    told(&server, "Cappuccino: over: trading/drawdown");
    told(&server, "Cappuccino: over: trading/silent");
    let text = told(&server, "Cappuccino: trades");
    assert!(text.starts_with("1 trade with revision 1, +"), "{text}");
    site.finish_trial(2.0);
    let text = told(&server, "Cappuccino: trial 1 is the best so far");
    assert!(text.contains("trial 1"), "{text}");
}
