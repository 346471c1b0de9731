//! The desktop app in a real window, on a real runner with real processes.
//!
//! Needs `Xvfb` and `xdotool`; without them these tests say so and do nothing, unless
//! `CAPPUCCINO_NEEDS_WINDOW` is set.

use cappuccino_core::api::{Hello, Status};
use cappuccino_core::words::{Note, Timestamp};
use cappuccino_gui::app::App;
use cappuccino_gui::link::Link;
use cappuccino_gui::news::{News, Wish};
use eframe::egui::Pos2;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use support::daemon::Site;
use support::wait::until;

const RUNNER: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");
const APP: &str = env!("CARGO_BIN_EXE_cappuccino-gui-under-test");
const SIZE: (u16, u16) = (1440, 900);

/// A screen that nobody sees, with whatever runs on it.
struct Screen {
    server: Child,
    display: String,
    app: Option<Child>,
    _turn: MutexGuard<'static, ()>,
}

/// One window at a time: several software renderers on two cores only wait for each other.
static TURN: Mutex<()> = Mutex::new(());
/// A window on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(90);

/// Displays that this program has asked for.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// An X server on a display of our own: servers that look for a free one at the same time take
/// each other's. None when this number is taken too.
fn server() -> Option<(Child, String)> {
    let asked = std::process::id() * 16 + ASKED.fetch_add(1, Ordering::Relaxed) % 16;
    let display = format!(":{}", 1000 + asked % 50_000);
    let mut server = Command::new("Xvfb")
        // Without `-noreset` it begins anew, deaf for a moment, whenever its last client goes.
        .args([
            &display,
            "-noreset",
            "-displayfd",
            "1",
            "-screen",
            "0",
            &format!("{}x{}x24", SIZE.0, SIZE.1),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut number = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
    if number.trim().is_empty() {
        server.kill().ok();
        server.wait().ok();
        return None;
    }
    Some((server, display))
}

impl Screen {
    /// None when the machine lacks the programs.
    fn open() -> Option<Self> {
        let has = |program: &str| {
            Command::new("which").arg(program).output().is_ok_and(|o| o.status.success())
        };
        if !has("Xvfb") || !has("xdotool") {
            let must = std::env::var_os("CAPPUCCINO_NEEDS_WINDOW").is_some();
            assert!(!must, "Xvfb or xdotool is missing");
            println!("skipped: Xvfb and xdotool are not installed");
            return None;
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (server, display) = until("a screen", PATIENCE, server);
        Some(Self { server, display, app: None, _turn: turn })
    }

    fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display).env("LIBGL_ALWAYS_SOFTWARE", "1");
        command.env_remove("WAYLAND_DISPLAY");
        command
    }

    fn start_app(&mut self, workspace: &Path, extra: &[&str]) {
        let home = workspace.join("home");
        std::fs::create_dir_all(&home).unwrap();
        let app = self
            .program(APP)
            .arg("--workspace")
            .arg(workspace)
            .args(["--size", &format!("{}x{}", SIZE.0, SIZE.1)])
            .args(extra)
            .env("HOME", &home)
            .env("XDG_DATA_HOME", &home)
            .env("USER", "ada")
            .spawn()
            .unwrap();
        self.app = Some(app);
        let window = until("the window is open", PATIENCE, || {
            let found = self.xdotool(&["search", "--onlyvisible", "--name", "^Cappuccino$"]);
            found.lines().next().map(str::to_owned)
        });
        // There is no window manager to give it the keys.
        self.xdotool(&["windowfocus", "--sync", &window]);
        self.xdotool(&["mousemove", "700", "450"]);
    }

    fn xdotool(&self, words: &[&str]) -> String {
        let output = self.program("xdotool").args(words).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn click(&self, at: Pos2) {
        let (x, y) = (at.x.round().to_string(), at.y.round().to_string());
        self.xdotool(&["mousemove", &x, &y, "sleep", "0.3", "click", "1"]);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some(app) = &mut self.app {
            app.kill().ok();
            app.wait().ok();
        }
        // Asked to go, it takes its lock and its socket with it.
        let pid = i32::try_from(self.server.id()).unwrap();
        // SAFETY: plain system call; our own child, not waited for yet.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        self.server.wait().ok();
    }
}

fn live_trial(site: &Site) -> Option<i64> {
    let status = site.status().ok()?;
    let is_live = status.deployment.phase == "live";
    status.deployment.live.filter(|_| is_live).map(|revision| revision.trial.0)
}

/// A runner whose second model is live.
fn site() -> Site {
    let mut site = Site::new(RUNNER, "");
    site.finish_trial(1.0);
    site.start_and_wait();
    until("the first model is live", PATIENCE, || (live_trial(&site)? == 0).then_some(()));
    site.finish_trial(2.0);
    until("the second model is live", PATIENCE, || (live_trial(&site)? == 1).then_some(()));
    site
}

/// The trial that the trader's own process says it runs.
fn traded(site: &Site) -> String {
    let lines = std::fs::read_to_string(site.root().join("trader.oracle")).unwrap();
    lines.lines().last().unwrap().rsplit(' ').next().unwrap().to_owned()
}

fn who_and_why(site: &Site) -> Vec<(String, String)> {
    let asked = |note: Note| match note {
        Note::Asked(_, actor, command) => Some((actor, format!("{command:?}"))),
        _ => None,
    };
    site.history().into_iter().filter_map(|entry| asked(entry.note)).collect()
}

#[test]
fn a_rollback_by_keys_in_a_real_window_brings_the_former_model_back() {
    let Some(mut screen) = Screen::open() else { return };
    let site = site();
    screen.start_app(site.root(), &[]);
    assert_eq!(traded(&site), "1");
    until("the rollback is asked", PATIENCE, || {
        // Until the picture is there the key is refused, as it should be.
        screen.xdotool(&["key", "Escape", "sleep", "0.2", "key", "ctrl+b", "sleep", "0.5"]);
        screen.xdotool(&["key", "ctrl+Return", "sleep", "0.5"]);
        (!who_and_why(&site).is_empty()).then_some(())
    });
    until("the former model is live again", PATIENCE, || (live_trial(&site)? == 0).then_some(()));
    assert_eq!(traded(&site), "0", "the process itself runs the former model");
    let asked = who_and_why(&site);
    assert_eq!(asked.len(), 1, "asked once: {asked:?}");
    assert_eq!(asked[0].0, "ada");
    assert!(asked[0].1.contains("hold: true"), "{asked:?}");
    assert_eq!(site.doubles(), Vec::<String>::new());
}

/// Shows a picture that a test gives it, to learn where things are.
struct Still(Vec<News>);

impl Link for Still {
    fn news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.0)
    }

    fn wish(&mut self, _wish: Wish) -> bool {
        true
    }
}

/// Where the button that opens the question and the one that answers it are, on this picture.
fn places(status: &Status) -> (Pos2, Pos2) {
    let hello: Hello = cappuccino_gui::demo::hello();
    let news = vec![News::Connected(hello), News::Status(Box::new(status.clone()))];
    let size = [f32::from(SIZE.0), f32::from(SIZE.1)];
    let mut window = Harness::builder().with_size(size).build_eframe(|context| {
        App::new(&context.egui_ctx, "/w".into(), Box::new(Still(news)), || Timestamp(0))
    });
    window.run();
    let open = window.get_by_label("Roll back…").rect().center();
    window.get_by_label("Roll back…").click();
    window.run();
    (open, window.get_by_label("Roll back to trial 0").rect().center())
}

#[test]
fn a_rollback_by_mouse_in_a_real_window_brings_the_former_model_back() {
    let Some(mut screen) = Screen::open() else { return };
    let site = site();
    let (open, answer) = places(&site.status().unwrap());
    screen.start_app(site.root(), &[]);
    until("the rollback is asked", PATIENCE, || {
        screen.xdotool(&["key", "Escape", "sleep", "0.3"]);
        screen.click(open);
        screen.xdotool(&["sleep", "0.6"]);
        screen.click(answer);
        screen.xdotool(&["sleep", "0.5"]);
        (!who_and_why(&site).is_empty()).then_some(())
    });
    until("the former model is live again", PATIENCE, || (live_trial(&site)? == 0).then_some(()));
    assert_eq!(traded(&site), "0");
    assert_eq!(who_and_why(&site).len(), 1);
}

#[test]
fn a_window_survives_its_runner_and_finds_the_next_one() {
    let Some(mut screen) = Screen::open() else { return };
    let mut site = site();
    screen.start_app(site.root(), &[]);
    site.kill();
    site.start_and_wait();
    until("the new runner is asked", PATIENCE, || {
        screen.xdotool(&["key", "Escape", "sleep", "0.2", "key", "ctrl+b", "sleep", "0.5"]);
        screen.xdotool(&["key", "ctrl+Return", "sleep", "0.5"]);
        (!who_and_why(&site).is_empty()).then_some(())
    });
    until("the former model is live again", PATIENCE, || (live_trial(&site)? == 0).then_some(()));
    let app = screen.app.as_mut().unwrap();
    assert!(app.try_wait().unwrap().is_none(), "the window is still open");
}

#[test]
fn a_picture_of_the_window_shows_something_and_a_missing_runner_is_no_error() {
    let Some(mut screen) = Screen::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cappuccino.toml"), "").unwrap();
    let file = folder.path().join("window.png");
    screen.start_app(folder.path(), &["--screenshot", file.to_str().unwrap()]);
    let status = screen.app.as_mut().unwrap().wait().unwrap();
    assert!(status.success());
    let picture = image::open(&file).unwrap().to_rgb8();
    assert_eq!((picture.width(), picture.height()), (SIZE.0.into(), SIZE.1.into()));
    let colours: std::collections::BTreeSet<_> = picture.pixels().map(|pixel| pixel.0).collect();
    assert!(colours.len() > 50, "an empty window: {} colours", colours.len());
}

#[test]
fn a_picture_does_not_look_like_the_window_before_it() {
    let Some(mut screen) = Screen::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cappuccino.toml"), "").unwrap();
    let mut brightness = |theme: &[&str]| {
        let file = folder.path().join("window.png");
        let picture = ["--screenshot", file.to_str().unwrap()];
        screen.start_app(folder.path(), &[theme, &picture].concat());
        assert!(screen.app.as_mut().unwrap().wait().unwrap().success());
        let picture = image::open(&file).unwrap().to_luma8();
        let sum: u64 = picture.pixels().map(|pixel| u64::from(pixel.0[0])).sum();
        sum / u64::from(picture.width() * picture.height())
    };
    let before = brightness(&[]);
    assert!(brightness(&["--theme", "light"]) > 200, "light is light");
    assert_eq!(brightness(&[]), before, "the light picture left no trace");
}

#[test]
fn without_a_display_the_app_says_what_helps() {
    let output = Command::new(APP)
        .args(["--demo", "live"])
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cappuccino status"), "{said}");
}
