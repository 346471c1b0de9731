//! The program `cappuccino-gui`: opens the window, or says why it cannot.

use crate::app::App;
use crate::clock::wall_now;
use crate::command::Screen;
use crate::demo::{DemoLink, Scene};
use crate::link::{Link, RunnerLink, Wake};
use crate::place::Place;
use crate::{demo, doctor, shot};
use clap::Parser;
use eframe::egui::{Context, Theme, ThemePreference, ViewportBuilder};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// News that come at once are drawn at once.
const BATCH: Duration = Duration::from_millis(15);

/// The desktop app of Cappuccino.
#[derive(Debug, Parser)]
#[command(name = "cappuccino-gui", version)]
struct Args {
    /// The workspace; the nearest one from the current folder upwards by default.
    #[arg(long, value_name = "DIR", env = "CAPPUCCINO_WORKSPACE")]
    workspace: Option<PathBuf>,
    /// Show built-in sample data in this state; no runner is needed.
    #[arg(long, value_name = "STATE")]
    demo: Option<Scene>,
    /// The screen to begin with.
    #[arg(long, value_name = "SCREEN")]
    screen: Option<String>,
    /// Save the window as a PNG file as soon as there is something to see, and close it.
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
    /// Width and height of the window, in points.
    #[arg(long, value_name = "WxH", default_value = "1440x900")]
    size: String,
    /// Dark or light, whatever the desktop says.
    #[arg(long, value_name = "THEME")]
    theme: Option<Look>,
    /// Draw without the graphics card, which then has its whole memory for training.
    #[arg(long)]
    low_impact: bool,
    /// Say what this machine lacks for a window, and open none.
    #[arg(long)]
    doctor: bool,
}

/// A theme by name.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Look {
    /// For dark rooms.
    Dark,
    /// For bright rooms.
    Light,
}

/// Reads the arguments and runs the app until its window is closed.
pub fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, String> {
    if args.doctor {
        return Ok(examine());
    }
    let has = |name| std::env::var_os(name).is_some();
    let display = doctor::display(has("WAYLAND_DISPLAY"), has("DISPLAY"));
    if !display.is_well {
        return Err(display.text);
    }
    if args.low_impact && !has("LIBGL_ALWAYS_SOFTWARE") {
        return again_in_software();
    }
    let size = size(&args.size)?;
    let screen = args.screen.as_deref().map(screen).transpose()?;
    let place = if args.demo.is_some() {
        None
    } else {
        Some(Place::find(args.workspace.clone()).map_err(|error| error.to_string())?)
    };
    let viewport = ViewportBuilder::default()
        .with_title("Cappuccino")
        .with_app_id("cappuccino")
        .with_inner_size(size)
        .with_min_inner_size([960.0, 600.0]);
    // A picture shows what was asked for, not what a former window looked like.
    let persist_window = args.screenshot.is_none();
    let options = eframe::NativeOptions { viewport, persist_window, ..Default::default() };
    let (scene, shot, theme) = (args.demo, args.screenshot.clone(), args.theme);
    eframe::run_native(
        "cappuccino",
        options,
        Box::new(move |context| {
            let (name, link) = link(place, scene, &context.egui_ctx)?;
            let mut app = App::new(&context.egui_ctx, name, link, wall_now).with_dialogs();
            if shot.is_none() {
                app = app.with_kept(context.storage);
            }
            match theme {
                Some(Look::Dark) => context.egui_ctx.set_theme(Theme::Dark),
                Some(Look::Light) => context.egui_ctx.set_theme(Theme::Light),
                // Not as a former window was left.
                None if shot.is_some() => context.egui_ctx.set_theme(ThemePreference::System),
                None => {}
            }
            if let Some(screen) = screen {
                app.go(screen);
            }
            Ok(match shot {
                Some(file) => Box::new(shot::Shot::new(app, file)),
                None => Box::new(app),
            })
        }),
    )
    .map_err(|error| {
        format!(
            "the window cannot be opened: {error}; `cappuccino-gui --doctor` says what is missing"
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

type Linked = (String, Box<dyn Link>);

fn link(
    place: Option<Place>,
    scene: Option<Scene>,
    ctx: &Context,
) -> Result<Linked, std::io::Error> {
    match (place, scene) {
        (Some(place), _) => {
            let ctx = ctx.clone();
            let wake: Wake = Arc::new(move || ctx.request_repaint_after(BATCH));
            let name = place.root.display().to_string();
            Ok((name, Box::new(RunnerLink::start(place, wake)?)))
        }
        (None, scene) => {
            let scene = scene.unwrap_or(Scene::NoRunner);
            Ok((demo::WORKSPACE.to_owned(), Box::new(DemoLink::new(scene, wall_now))))
        }
    }
}

fn examine() -> ExitCode {
    let findings = doctor::examine();
    for finding in &findings {
        println!("{} {}", if finding.is_well { "ok     " } else { "MISSING" }, finding.text);
    }
    if findings.iter().all(|finding| finding.is_well) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Graphics libraries read their environment when they are loaded, so the app begins again.
fn again_in_software() -> Result<ExitCode, String> {
    use std::os::unix::process::CommandExt;
    let program =
        std::env::current_exe().map_err(|error| format!("cannot find the app: {error}"))?;
    let error = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .exec();
    Err(format!("cannot begin again without the graphics card: {error}"))
}

fn size(text: &str) -> Result<[f32; 2], String> {
    let parts = text.split_once('x').and_then(|(width, height)| {
        Some([width.parse::<f32>().ok()?, height.parse::<f32>().ok()?])
    });
    let is_size = |side: &f32| (200.0..=16_000.0).contains(side);
    parts
        .filter(|sides| sides.iter().all(is_size))
        .ok_or_else(|| format!("`{text}` is no size; give width and height, as in 1440x900"))
}

fn screen(text: &str) -> Result<Screen, String> {
    let wanted = text.to_lowercase();
    let found =
        Screen::ALL.into_iter().find(|screen| screen.name().to_lowercase().starts_with(&wanted));
    found.ok_or_else(|| {
        let names: Vec<&str> = Screen::ALL.iter().map(|screen| screen.name()).collect();
        format!("there is no screen `{text}`; there are {}", names.join(", "))
    })
}
