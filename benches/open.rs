//! How long the app takes from its start to its first whole picture, on a workspace with five
//! years of history: a real store behind the runner's real window, the app's real link, frames
//! drawn and tessellated without a screen.
//!
//!     cargo bench -p cappuccino-benches --bench open

use cappuccino_core::api::{
    API_VERSION, CAPABILITIES, Hello, LanesView, ParamView, PnlView, TradeView, TrialChart,
    TrialDot, TrialView, ViewValue,
};
use cappuccino_core::store::{
    Batch, FileBackend, OpenFacts, Retention, Samples, SeriesId, SeriesKind, Store,
};
use cappuccino_core::words::{
    Generation, Note, ProcessName, RevisionId, Span, Timestamp, TrialId, TrialNumber, TrialState,
};
use cappuccino_gui::app::App;
use cappuccino_gui::chart::window::TimeWindow;
use cappuccino_gui::clock::wall_now;
use cappuccino_gui::command::Screen;
use cappuccino_gui::demo;
use cappuccino_gui::link::RunnerLink;
use cappuccino_gui::model::Model;
use cappuccino_gui::num;
use cappuccino_gui::place::Place;
use cappuccino_headless::serve::port::{ASKS_MAX, Order, Port, Trading, Trials};
use cappuccino_headless::serve::{serve, socket};
use eframe::App as _;
use eframe::egui::{Context, Pos2, RawInput, Rect, vec2};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::watch;

const YEARS: i64 = 5;
const DAY: i64 = 86_400_000;
/// A sample of each series in so many milliseconds: one an hour, which is what is left of old ones
/// anyway; in the newest week more.
const OLD_EVERY: i64 = 3_600_000;
const NEW_EVERY: i64 = 60_000;
const NOTES: usize = 100_000;
const TRIALS: i64 = 50_000;
const ROUNDS: usize = 15;
const SERIES: [&str; 9] = [
    "gpu/0/utilisation",
    "gpu/0/temperature",
    "gpu/0/memory_used",
    "gpu/0/power",
    "host/cpu",
    "host/memory_used",
    "disk/used",
    "trading/equity",
    "trading/drawdown",
];

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let now = wall_now();
    let began = Instant::now();
    let samples = samples(&folder.path().join("metrics.redb"), now);
    let store = history(&folder.path().join("state.redb"), now);
    println!("{YEARS} years made in {:.1?}", began.elapsed());
    let socket = folder.path().join("api.sock");
    let _stop = runner(&socket, &store, &samples, now);
    let whole = Span(YEARS * 366 * DAY);
    let has_history = |model: &Model| model.status.is_some() && !model.history.is_empty();
    let has_study = |model: &Model| model.chart.total > 0 && !model.trials.is_empty();
    measure("overview", &socket, Screen::Overview, whole, has_history);
    measure("trials", &socket, Screen::Trials, whole, has_study);
    measure("system, 7 series", &socket, Screen::System, whole, |model| model.series.len() == 7);
    measure("earnings, 2 series", &socket, Screen::Pnl, whole, |model| model.series.len() == 2);
}

/// Opens the app again and again; prints how long its first whole picture took.
fn measure(
    name: &str,
    socket: &Path,
    screen: Screen,
    length: Span,
    is_whole: impl Fn(&Model) -> bool,
) {
    let mut times: Vec<Duration> =
        (0..ROUNDS).map(|_| open(socket, screen, length, &is_whole)).collect();
    times.sort();
    let (middle, most) = (times[ROUNDS / 2], times[ROUNDS - 1]);
    println!("{name:20} p50 {middle:8.1?}   most {most:8.1?}");
}

fn open(
    socket: &Path,
    screen: Screen,
    length: Span,
    is_whole: &impl Fn(&Model) -> bool,
) -> Duration {
    let began = Instant::now();
    let ctx = Context::default();
    let is_woken = Arc::new(AtomicBool::new(true));
    let wake = Arc::clone(&is_woken);
    let root = socket.parent().expect("a folder").to_owned();
    let place = Place { root, sockets: vec![socket.to_owned()] };
    let link = RunnerLink::start(place, Arc::new(move || wake.store(true, Ordering::SeqCst)));
    let mut app = App::new(&ctx, "/w".into(), Box::new(link.expect("a thread")), wall_now);
    app.go(screen);
    app.look_at(TimeWindow { length, end: None });
    let mut frame = eframe::Frame::_new_kittest();
    loop {
        if !is_woken.swap(false, Ordering::SeqCst) {
            std::thread::sleep(Duration::from_micros(200));
            continue;
        }
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(1440.0, 900.0)));
        let time = Some(began.elapsed().as_secs_f64());
        let input = RawInput { screen_rect, time, ..RawInput::default() };
        let mut output = ctx.run_ui(input, |ui| {
            app.logic(&ui.ctx().clone(), &mut frame);
            app.ui(ui, &mut frame);
        });
        output.textures_delta.clear();
        std::hint::black_box(ctx.tessellate(output.shapes, output.pixels_per_point));
        if is_whole(app.model()) {
            return began.elapsed();
        }
    }
}

fn file(path: &Path) -> FileBackend {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
    FileBackend::new(file.expect("a file")).expect("a lock")
}

fn facts(now: Timestamp) -> OpenFacts {
    OpenFacts { now, app_version: "bench".into() }
}

fn samples(path: &Path, now: Timestamp) -> Samples {
    let mut samples = Samples::open(file(path), &facts(now)).expect("the samples open");
    let ids: Vec<SeriesId> = SERIES
        .iter()
        .map(|name| samples.define(name, "", SeriesKind::Gauge).expect("a series"))
        .collect();
    let mut at = now.0 - YEARS * 365 * DAY;
    let (mut day, mut place) = (0, 0_i64);
    while at < now.0 {
        let wave = (num::signed(place) / 97.0).sin() + num::signed(place * 7_919 % 101) / 101.0;
        let tick: Vec<_> = ids.iter().map(|id| (*id, 50.0 + 20.0 * wave)).collect();
        samples.write(Timestamp(at), &tick).expect("a write");
        if at / (5 * DAY) != day {
            day = at / (5 * DAY);
            while samples.maintain(&Retention::default(), Timestamp(at)).expect("a step") {}
        }
        at += if now.0 - at < 7 * DAY { NEW_EVERY } else { OLD_EVERY };
        place += 1;
    }
    samples.flush().expect("a flush");
    samples
}

fn history(path: &Path, now: Timestamp) -> Store {
    let mut store = Store::open(file(path), &facts(now)).expect("the store opens");
    let worker = ProcessName::new("worker-1").expect("a name");
    let every = YEARS * 365 * DAY / i64::try_from(NOTES).expect("a few");
    let mut at = now.0 - YEARS * 365 * DAY;
    for life in 0..NOTES / 500 {
        let mut batch = Batch::new();
        for _ in 0..500 {
            let note = Note::ProcessStarted(worker.clone(), Generation(life as u64), 4100);
            batch.record(Timestamp(at), &note).expect("a note");
            at += every;
        }
        store.apply(&batch).expect("a write");
    }
    store
}

/// Serves until the answer is dropped.
fn runner(
    path: &Path,
    store: &Store,
    samples: &Samples,
    now: Timestamp,
) -> tokio::sync::oneshot::Sender<()> {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (asks, waiting) = tokio::sync::mpsc::channel(ASKS_MAX);
    // Whoever drops the other end of what may change ends the events, as a runner that goes down.
    let (tell, status) = watch::channel(Arc::new(demo::status(now)));
    let hello = Hello {
        api: API_VERSION,
        version: "bench".into(),
        pid: 1,
        workspace: "/w".into(),
        capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
    };
    let port = Port {
        hello: Arc::new(hello),
        status,
        reader: watch::channel(store.reader()).1,
        trials: Arc::new(ManyTrials),
        samples: watch::channel(Some(samples.reader())).1,
        trading: Arc::new(NoTrades),
        logs: Arc::new(PathBuf::new()),
        notifications: Arc::default(),
        asks,
    };
    let path = path.to_owned();
    let (up, is_up) = mpsc::channel();
    std::thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().max_blocking_threads(4).build().expect("a runtime");
        runtime.block_on(async {
            let (listener, _file) = socket::bind(&path).expect("a socket");
            up.send(()).expect("somebody waits");
            serve(listener, port, async { drop(stopped.await) }).await;
        });
        drop((waiting, tell));
    });
    is_up.recv().expect("it is up");
    stop
}

struct ManyTrials;

fn trial(number: i64) -> TrialDot {
    let value = Some((num::signed(number * 7_919 % 1_009) / 1_009.0).sqrt());
    TrialDot { number: TrialNumber(number), state: TrialState::Complete, value, at: None }
}

impl Trials for ManyTrials {
    fn list(&self, _order: Order, limit: usize) -> Vec<TrialView> {
        (0..TRIALS).rev().take(limit).filter_map(|number| self.find(TrialNumber(number))).collect()
    }

    fn find(&self, number: TrialNumber) -> Option<TrialView> {
        Some(TrialView {
            number,
            trial_id: TrialId(number.0 + 1),
            state: TrialState::Complete,
            value: trial(number.0).value.map(ViewValue::Finite),
            abandoned: false,
            feasible: true,
            started: None,
            completed: None,
        })
    }

    fn params(&self, _number: TrialNumber) -> Result<Option<Vec<ParamView>>, String> {
        Ok(None)
    }

    fn chart(&self, dots: usize) -> TrialChart {
        let step = usize::try_from(TRIALS).expect("a few") / dots.max(1);
        let dots = (0..TRIALS).step_by(step.max(1)).map(trial).collect();
        TrialChart { total: TRIALS as u64, direction: None, dots, best: Vec::new() }
    }
}

struct NoTrades;

impl Trading for NoTrades {
    fn trades(&self, _revision: Option<RevisionId>, _limit: usize) -> Vec<TradeView> {
        Vec::new()
    }

    fn pnl(&self) -> Vec<PnlView> {
        Vec::new()
    }

    fn lanes(&self, _revision: Option<RevisionId>, _buckets: usize) -> Option<LanesView> {
        None
    }
}
