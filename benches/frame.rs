//! Time of one frame of the app, processor only, tessellation included; and of a chart of 10
//! million points, as the app draws it (by buckets) and as `egui_plot` does by itself.
//!
//!     cargo bench -p cappuccino-benches --bench frame

use cappuccino_core::api::{BucketView, SeriesView};
use cappuccino_core::words::{Span, Timestamp};
use cappuccino_gui::app::App;
use cappuccino_gui::chart::series::{self, Look, Stage};
use cappuccino_gui::chart::window::TimeWindow;
use cappuccino_gui::command::Screen;
use cappuccino_gui::demo::{DemoLink, NOON, Scene};
use cappuccino_gui::{num, theme};
use eframe::App as _;
use eframe::egui::{Context, Pos2, RawInput, Rect, Ui, vec2};
use egui_plot::{Line, Plot, PlotPoint, PlotPoints};
use std::time::{Duration, Instant};

const FRAMES: usize = 200;
const POINTS: usize = 10_000_000;
const BUCKETS: usize = 1_600;

fn main() {
    for screen in Screen::ALL {
        let ctx = Context::default();
        let link = DemoLink::new(Scene::Live, || NOON);
        let mut app = App::new(&ctx, "/w".into(), Box::new(link), || NOON);
        app.go(screen);
        let mut frame = eframe::Frame::_new_kittest();
        report(screen.name(), FRAMES, &ctx, |ui| {
            app.logic(&ui.ctx().clone(), &mut frame);
            app.ui(ui, &mut frame);
        });
    }
    let points = points();
    let began = Instant::now();
    let folded = buckets(&points);
    println!("10 M points to {BUCKETS} buckets (the runner's part): {:.1?}", began.elapsed());
    let ctx = Context::default();
    theme::install(&ctx);
    let mut window = TimeWindow {
        length: Span(num::whole(num::size(POINTS))),
        end: Some(Timestamp(num::whole(num::size(POINTS)))),
    };
    report("10 M points, by buckets", FRAMES, &ctx, |ui| {
        let tokens = theme::of(ui.ctx());
        let mut stage = Stage { window: &mut window, cursor: None, now: NOON, tokens: &tokens };
        let look = Look {
            title: "bench",
            colour: tokens.series[0],
            value: |value| format!("{value:.1}"),
            limit: None,
            range: (None, None),
            marks: Vec::new(),
            tints: Vec::new(),
        };
        series::show(ui, Some(&folded), &look, 400.0, &mut stage);
    });
    let ctx = Context::default();
    report("10 M points, plain egui_plot", 5, &ctx, |ui| {
        Plot::new("plain").height(400.0).show(ui, |plot| {
            plot.line(Line::new("bench", PlotPoints::Borrowed(&points)));
        });
    });
}

fn points() -> Vec<PlotPoint> {
    let value = |x: f64| (x / 1e5).sin() * 50.0 + (x * 7_919.0 % 101.0) / 10.0;
    (0..POINTS).map(|n| PlotPoint::new(num::size(n), value(num::size(n)))).collect()
}

fn buckets(points: &[PlotPoint]) -> SeriesView {
    let each = points.len().div_ceil(BUCKETS);
    let fold = |chunk: &[PlotPoint]| {
        let (mut min, mut max, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
        for point in chunk {
            min = min.min(point.y);
            max = max.max(point.y);
            sum += point.y;
        }
        BucketView {
            start: Timestamp(num::whole(chunk[0].x)),
            min: Some(min),
            max: Some(max),
            mean: Some(sum / num::size(chunk.len())),
            last: chunk.last().map(|point| point.y),
            count: u64::try_from(chunk.len()).unwrap(),
        }
    };
    SeriesView {
        name: "bench".into(),
        unit: String::new(),
        width: Span(i64::try_from(each).unwrap()),
        buckets: points.chunks(each).map(fold).collect(),
    }
}

/// Runs frames, prints the middle and the slowest hundredth.
fn report(name: &str, frames: usize, ctx: &Context, mut draw: impl FnMut(&mut Ui)) {
    let mut times: Vec<Duration> = Vec::new();
    for place in 0..frames + 2 {
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(1440.0, 900.0)));
        let input =
            RawInput { screen_rect, time: Some(num::size(place) / 60.0), ..RawInput::default() };
        let began = Instant::now();
        let output = ctx.run_ui(input, &mut draw);
        let meshes = ctx.tessellate(output.shapes, output.pixels_per_point);
        let took = began.elapsed();
        std::hint::black_box(meshes);
        // The first frames lay fonts and tables out.
        if place >= 2 {
            times.push(took);
        }
    }
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!("{name:30} p50 {:8.2?}   p99 {:8.2?}", at(50), at(99));
}
