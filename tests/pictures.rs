//! What people see: each page, dialog and state of the app as a picture, compared with the one
//! that a person looked at. `CAPPUCCINO_BLESS=1` takes the present look as the right one.
//!
//! The triangles are filled by the processor, so no screen and no graphics card is needed.

use cappuccino_core::words::{Span, Timestamp};
use cappuccino_gui::app::App;
use cappuccino_gui::chart::window::TimeWindow;
use cappuccino_gui::command::Screen;
use cappuccino_gui::demo::{self, DemoLink, NOON, Scene};
use cappuccino_gui::pages::{self, PageState};
use cappuccino_gui::text;
use cappuccino_gui::view::Views;
use eframe::egui::{Key, Modifiers, Theme, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use image::RgbImage;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use support::paint::Paint;

/// Difference of one channel, of 255, that nobody sees.
const CHANNEL: u8 = 12;
/// Pixels that may differ by more: none of these makes a moved letter or line.
const PIXELS: usize = 10;

const WIDE: [f32; 2] = [1440.0, 900.0];
const SMALL: [f32; 2] = [960.0, 600.0];

thread_local! {
    /// The present of the picture that this thread takes.
    static NOW: Cell<Timestamp> = const { Cell::new(NOON) };
}

type Window = Harness<'static, App>;

/// One picture.
struct Picture {
    name: &'static str,
    scene: Scene,
    screen: Screen,
    size: [f32; 2],
    theme: Theme,
    scale: f32,
    /// What the hand does before it is taken.
    hand: fn(&mut Window),
}

impl Picture {
    fn of(name: &'static str, scene: Scene, screen: Screen) -> Self {
        let hand = |_: &mut Window| {};
        Self { name, scene, screen, size: SMALL, theme: Theme::Dark, scale: 1.0, hand }
    }

    fn wide(self) -> Self {
        Self { size: WIDE, ..self }
    }

    fn light(self) -> Self {
        Self { theme: Theme::Light, ..self }
    }

    fn after(self, hand: fn(&mut Window)) -> Self {
        Self { hand, ..self }
    }

    fn take(&self) -> RgbImage {
        let paint = Paint::default();
        let (scene, screen) = (self.scene, self.screen);
        let mut window = Harness::builder()
            .with_size(self.size)
            .with_pixels_per_point(self.scale)
            .with_theme(self.theme)
            .renderer(paint.clone())
            .build_eframe(move |context| {
                NOW.set(NOON);
                let link = Box::new(DemoLink::new(scene, || NOW.get()));
                App::new(&context.egui_ctx, "/home/ada/trading".into(), link, || NOW.get())
            });
        window.state_mut().go(screen);
        window.run();
        (self.hand)(&mut window);
        window.run();
        let ground = window.ctx.global_style().visuals.panel_fill;
        paint.picture(&window.ctx, window.output(), ground)
    }
}

fn press(modifiers: Modifiers, key: Key) -> impl Fn(&mut Window) {
    move |window| {
        window.key_press_modifiers(modifiers, key);
        window.run();
    }
}

fn all() -> Vec<Picture> {
    pages().into_iter().chain(dialogs()).chain(states()).collect()
}

fn pages() -> Vec<Picture> {
    let page = |name, screen| Picture::of(name, Scene::Live, screen);
    vec![
        page("overview", Screen::Overview).wide(),
        page("trials", Screen::Trials).wide(),
        page("system", Screen::System).wide(),
        page("pnl", Screen::Pnl).wide(),
        page("pnl_lanes_light", Screen::Pnl).wide().light().after(|window| {
            window.get_by_label("better: promote it").scroll_to_me();
        }),
        page("overview_light", Screen::Overview).light(),
        page("trials_light_log", Screen::Trials).light().after(press_log),
        page("deployments", Screen::Deployments),
        page("processes_light", Screen::Processes).light(),
        page("pnl_light", Screen::Pnl).light(),
        page("pnl_under_the_pointer", Screen::Pnl).after(|window| {
            window.hover_at(pos2(500.0, 260.0));
        }),
        page("settings", Screen::Settings),
        Picture::of("alerts", Scene::Trouble, Screen::Alerts),
        Picture::of("alerts_approval_light", Scene::Waiting, Screen::Alerts).light(),
        Picture::of("processes_trouble", Scene::Trouble, Screen::Processes),
        page("log_found_and_marked", Screen::Processes).after(find_and_mark),
    ]
}

fn dialogs() -> Vec<Picture> {
    let page = |name, screen| Picture::of(name, Scene::Live, screen);
    vec![
        Picture::of("rollback_refused_light", Scene::RollingBack, Screen::Deployments)
            .light()
            .after(|window| press(Modifiers::COMMAND, Key::B)(window)),
        Picture { scale: 1.5, ..page("deployments_scaled", Screen::Deployments) },
        Picture { scale: 1.5, ..page("trials_scaled_light", Screen::Trials).light() },
        page("system_light", Screen::System).light(),
        page("processes", Screen::Processes).wide(),
        Picture::of("examination_hostile", Scene::Trouble, Screen::Deployments).wide().after(
            |window| {
                press(Modifiers::NONE, Key::K)(window);
            },
        ),
        Picture::of("examination_waiting_light", Scene::Waiting, Screen::Deployments)
            .wide()
            .light(),
        page("deploy_light", Screen::Trials).light().after(|window| {
            press(Modifiers::NONE, Key::J)(window);
            press(Modifiers::COMMAND, Key::D)(window);
        }),
        Picture { scale: 1.5, ..page("restart_scaled", Screen::Processes) }.after(|window| {
            press(Modifiers::COMMAND, Key::R)(window);
        }),
        page("rollback", Screen::Deployments).after(|window| {
            press(Modifiers::COMMAND, Key::B)(window);
        }),
        page("palette", Screen::Overview).after(|window| {
            press(Modifiers::COMMAND, Key::K)(window);
        }),
        page("keys_light", Screen::Overview).light().after(|window| {
            press(Modifiers::NONE, Key::F1)(window);
        }),
    ]
}

fn states() -> Vec<Picture> {
    let state = |name, scene| Picture::of(name, scene, Screen::Overview);
    vec![
        state("state_no_runner", Scene::NoRunner),
        state("state_connecting", Scene::Connecting).light(),
        state("state_stale", Scene::Stale).after(|window| {
            NOW.set(NOON.plus(Span::seconds(12)));
            window.run();
        }),
        state("state_lost", Scene::Lost).light(),
        state("state_read_only", Scene::ReadOnly),
        state("state_frozen", Scene::Frozen).light().after(|window| {
            press(Modifiers::COMMAND, Key::Space)(window);
        }),
        state("state_empty", Scene::Empty),
        state("state_trouble", Scene::Trouble).light(),
        state("state_halted", Scene::Halted),
        Picture::of("state_rolling_back", Scene::RollingBack, Screen::Deployments),
    ]
}

fn find_and_mark(window: &mut Window) {
    press(Modifiers::NONE, Key::F4)(window);
    press(Modifiers::COMMAND, Key::F)(window);
    window.get_by_label("Find").type_text("out of memory");
    press(Modifiers::NONE, Key::Enter)(window);
    press(Modifiers::NONE, Key::M)(window);
    press(Modifiers::NONE, Key::N)(window);
    press(Modifiers::NONE, Key::F7)(window);
}

fn press_log(window: &mut Window) {
    press(Modifiers::NONE, Key::L)(window);
}

/// How many pixels differ visibly; nothing when the sizes do.
fn difference(a: &RgbImage, b: &RgbImage) -> Option<usize> {
    (a.dimensions() == b.dimensions()).then(|| {
        let differs = |(a, b): &(&image::Rgb<u8>, &image::Rgb<u8>)| {
            a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > CHANNEL)
        };
        a.pixels().zip(b.pixels()).filter(differs).count()
    })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pictures")
}

/// The chart of a page as it is saved.
fn saved(screen: Screen) -> RgbImage {
    let mut model = demo::model(Scene::Live, NOON);
    let window = TimeWindow { length: Span::hours(24), end: None };
    model.series = demo::series(&window, NOON);
    let mut views = Views::default();
    views.refresh(&model, NOON);
    let kept = PageState { window: Some(window), ..PageState::default() };
    let sheet = pages::sheet(screen, &model, &views, &kept, NOON).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chart.png");
    sheet.save(&file).unwrap();
    image::open(file).unwrap().to_rgb8()
}

#[test]
fn saved_charts_look_as_they_did_when_somebody_last_looked() {
    text::settle_on_utc();
    let bless = std::env::var_os("CAPPUCCINO_BLESS").is_some();
    let all = [
        ("saved_lanes", Screen::Overview),
        ("saved_trials", Screen::Trials),
        ("saved_pnl", Screen::Pnl),
        ("saved_system", Screen::System),
    ];
    let changed: Vec<String> =
        all.into_iter().filter_map(|(name, screen)| check(name, &saved(screen), bless)).collect();
    assert!(changed.is_empty(), "saved charts look different:\n{}", changed.join("\n"));
}

/// Compares one picture; the answer says what is different.
fn check(name: &str, taken: &RgbImage, bless: bool) -> Option<String> {
    let file = folder().join(format!("{name}.png"));
    let known = image::open(&file).map(|image| image.to_rgb8());
    let differs = known.ok().and_then(|known| difference(&known, taken));
    if differs.is_some_and(|pixels| pixels <= PIXELS) {
        return None;
    }
    if bless {
        save(taken, &file);
        return None;
    }
    let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
    save(taken, &beside);
    let pixels = differs.map_or("size or file".into(), |pixels| format!("{pixels} pixels"));
    Some(format!("{name} ({pixels}): {}", beside.display()))
}

#[test]
fn the_app_looks_as_it_did_when_somebody_last_looked() {
    text::settle_on_utc();
    let bless = std::env::var_os("CAPPUCCINO_BLESS").is_some();
    let only = std::env::var("CAPPUCCINO_PICTURE").unwrap_or_default();
    let wanted: Vec<Picture> =
        all().into_iter().filter(|picture| picture.name.contains(&only)).collect();
    let half = wanted.len().div_ceil(2).max(1);
    let changed: Vec<String> = std::thread::scope(|scope| {
        let part = |some: &'_ [Picture]| -> Vec<String> {
            some.iter().filter_map(|picture| check(picture.name, &picture.take(), bless)).collect()
        };
        let threads: Vec<_> =
            wanted.chunks(half).map(|some| scope.spawn(move || part(some))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(
        changed.is_empty(),
        "the app looks different; look, then take it with CAPPUCCINO_BLESS=1:\n{}",
        changed.join("\n")
    );
}

fn save(picture: &RgbImage, file: &Path) {
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let writer = std::io::BufWriter::new(std::fs::File::create(file).unwrap());
    let encoder = PngEncoder::new_with_quality(writer, CompressionType::Best, FilterType::Adaptive);
    picture.write_with_encoder(encoder).unwrap();
}
