//! The report: every section, one page that needs nothing beside itself, pictures.

use cappuccino_core::api::{BucketView, SeriesView, TrialChart, TrialDot};
use cappuccino_core::store::Entry;
use cappuccino_core::words::{
    Cause, DeploymentId, Note, RevisionId, Sequence, Severity, Span, Timestamp, TrialNumber,
    TrialState, Trouble,
};
use cappuccino_headless::report::chart::pictures;
use cappuccino_headless::report::{Report, html, text};

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
