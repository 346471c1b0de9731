//! The report: every section, one page that needs nothing beside itself, pictures.

use cappuccino_core::api::{BucketView, SeriesView, TrialChart, TrialDot};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{
    Cause, DeploymentId, ExitStatus, Generation, Note, RevisionId, Sequence, Severity, Span,
    Timestamp, TradesDigest, TrialNumber, TrialState, Trouble,
};
use cappuccino_headless::report::chart::pictures;
use cappuccino_headless::report::{Report, html, text};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use support::api::{Window, noon};
use support::cli::{tell, word};
use support::desk::name;
use support::notify::are_installed;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

const NOON: Timestamp = Timestamp(1_795_521_600_000);

fn curve(name: &str, scale: f64) -> SeriesView {
    let bucket = |minute: i64| {
        let mean = Some(scale + f64::from(u32::try_from(minute).unwrap()));
        let start = NOON.plus(Span::minutes(minute - 60));
        BucketView { start, min: mean, max: mean, mean, last: mean, count: 1 }
    };
    let buckets = (0..60).map(bucket).collect();
    SeriesView { name: name.into(), buckets, ..SeriesView::default() }
}

fn entry(note: Note) -> Entry {
    Entry { sequence: Sequence(1), at: NOON.plus(Span::minutes(-30)), note }
}

fn report() -> Report {
    let dot = |number: i64| TrialDot {
        number: TrialNumber(number),
        state: TrialState::Complete,
        value: Some(f64::from(i32::try_from(number % 7).unwrap())),
        at: None,
    };
    let dots: Vec<TrialDot> = (0..50).map(dot).collect();
    let best = dots[..7].to_vec();
    let hostile = "<script>alert(\"x\")</script> & more".to_owned();
    let trouble = Trouble { severity: Severity::Warning, text: hostile, remedy: "r".into() };
    let cause = Cause::Automatic;
    Report {
        from: NOON.plus(Span::hours(-24)),
        to: NOON,
        trials: TrialChart { total: 50, direction: None, dots, best },
        curves: vec![
            curve("trading/equity", 1000.0),
            curve("deployment/live_value", 1.0),
            curve("gpu/0/temperature", 20.0),
            curve("gpu/0/utilisation", 30.0),
        ],
        deployments: vec![entry(Note::WentLive(DeploymentId(1), RevisionId(3), None, cause))],
        alerts: vec![entry(Note::AlertFired("disk/space".into(), trouble, 1))],
        ..Report::default()
    }
}

#[test]
fn every_section_says_something_even_when_nothing_happened() {
    let titles = [
        "Best trials",
        "Study",
        "Newest trials",
        "Graphics cards",
        "Paper trading",
        "Deployments",
        "Alerts",
        "Processes",
        "Bests and trades",
    ];
    let sections = text::sections(&Report::default());
    assert_eq!(sections.iter().map(|section| section.title).collect::<Vec<_>>(), titles);
    assert!(sections.iter().all(|section| section.lines.iter().all(|line| !line.is_empty())));
    assert!(pictures(&Report::default()).unwrap().is_empty(), "of nothing there is no picture");
}

#[test]
fn the_page_holds_its_pictures_and_no_text_becomes_markup() {
    let report = report();
    let pictures = pictures(&report).unwrap();
    let names: Vec<&str> = pictures.iter().map(|picture| picture.name).collect();
    assert_eq!(names, ["equity", "trials", "gpu", "deployments"]);
    for picture in &pictures {
        assert!(picture.svg.starts_with("<svg") && picture.svg.trim_end().ends_with("</svg>"));
    }
    assert!(pictures[1].svg.matches("<circle").count() >= 50, "a dot for each trial");
    assert!(pictures[3].svg.contains("r3"), "the cutover is marked");
    let page = html::page(&report, &pictures);
    assert_eq!(page.matches("<svg").count(), 4);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    // The only address is the name of SVG itself.
    let addresses =
        page.matches("http").count() - page.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(addresses, 0, "it needs nothing beside itself");
}

/// Nine days of a workspace: what a report of the last seven must hold is counted by hand.
fn nine_days() -> Vec<(Timestamp, Note)> {
    let ago = |hours: i64| noon().plus(Span(-Span::hours(hours).0));
    let live = |revision| {
        Note::WentLive(DeploymentId(revision), RevisionId(revision), None, Cause::Automatic)
    };
    let fired = |times| {
        let text = "the disk is full".to_owned();
        let trouble = Trouble { severity: Severity::Warning, text, remedy: "r".into() };
        Note::AlertFired("disk/space".into(), trouble, times)
    };
    let exited = |planned| {
        Note::ProcessExited(name("worker-1"), Generation(4), ExitStatus::Code(3), planned)
    };
    let traded = |trades| {
        let (from, to, growth) = (ago(6), ago(0), 0.0131);
        Note::Traded(TradesDigest { revision: RevisionId(3), trades, growth, from, to })
    };
    let mut days =
        vec![(ago(9 * 24), live(1)), (ago(8 * 24), fired(1)), (ago(7 * 24 + 1), live(2))];
    // The first instant of the week belongs to it.
    days.push((ago(7 * 24), live(3)));
    // More lines than one page of the history, none of them part of a report.
    days.extend((0..2500).map(|minute| (ago(100).plus(Span::minutes(minute)), exited(true))));
    days.extend([(ago(50), fired(1)), (ago(49), fired(2)), (ago(48), fired(3))]);
    days.extend([(ago(40), exited(false)), (ago(30), exited(true)), (ago(20), exited(false))]);
    days.extend([(ago(6), traded(12)), (ago(1), traded(1))]);
    days.sort_by_key(|(at, _)| *at);
    days
}

#[test]
fn a_week_s_report_holds_that_week_and_nothing_else() {
    let mut window = Window::open();
    window.remember_at(nine_days());
    let root = window.root().to_owned();
    let told = tell(&mut word(PROGRAM, &root, &["report", "--since", "7d", "--json"]), &root);
    assert_eq!(told.code, 0, "{told}");
    let report: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    let count = |list: &str| report[list].as_array().unwrap().len();
    assert_eq!(
        ["deployments", "alerts", "failures", "events"].map(count),
        [1, 1, 2, 2],
        "one of three deployments, one alert told three times, two ends by themselves, two digests"
    );
    assert_eq!(report["to"], noon().to_string());
    assert_eq!(report["from"], noon().plus(Span(-Span::hours(7 * 24).0)).to_string());
    let text = tell(&mut word(PROGRAM, &root, &["report", "--since", "7d"]), &root).out;
    for line in [
        "2026-02-22 12:00:00Z  revision 3 went live",
        "2026-02-27 10:00:00Z  alert disk/space: the disk is full",
        "2026-03-01 06:00:00Z  12 trades with revision 3, +1.3 %, 2026-03-01T06:00–12:00Z",
        "2026-03-01 11:00:00Z  1 trade with revision 3",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("revision 2 went live"), "{text}");
    assert_eq!(text.matches("worker-1 ended by itself, with exit code 3").count(), 2, "{text}");
    let day = tell(&mut word(PROGRAM, &root, &["report", "--since", "1d", "--json"]), &root);
    let day: serde_json::Value = serde_json::from_str(&day.out).unwrap();
    assert_eq!(day["failures"].as_array().unwrap().len(), 1, "yesterday's is 20 hours old");
}

#[test]
fn prometheus_s_own_check_finds_nothing_in_the_numbers() {
    if !are_installed(&["promtool"], "prometheus") {
        return;
    }
    let window = Window::open();
    let mut stream = UnixStream::connect(window.socket()).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, metrics) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200"), "{head}");
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && said.is_empty(), "{said}\n{metrics}");
}
