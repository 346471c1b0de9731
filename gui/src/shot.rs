//! A picture of the window in a file, for documentation and for tests of what people see.

use crate::app::App;
use crate::model::Freshness;
use eframe::egui::{ColorImage, Context, Ui, ViewportCommand};
use std::path::PathBuf;
use std::time::Duration;

/// Frames until layouts have settled and the first news are drawn.
const FRAMES: u32 = 12;
/// Frames after which the picture is taken, whatever is known.
const FRAMES_MAX: u32 = 80;

/// The app, until its picture is taken.
pub struct Shot {
    app: App,
    file: PathBuf,
    frames: u32,
    is_asked: bool,
}

impl Shot {
    /// Will save the window to this file.
    pub const fn new(app: App, file: PathBuf) -> Self {
        Self { app, file, frames: 0, is_asked: false }
    }

    fn is_ready(&self) -> bool {
        let knows = self.app.model().status.is_some()
            || !matches!(self.app.model().freshness(self.app.model().heard), Freshness::Connecting);
        self.frames > FRAMES_MAX || (knows && self.frames > FRAMES)
    }
}

impl eframe::App for Shot {
    fn logic(&mut self, ctx: &Context, frame: &mut eframe::Frame) {
        self.app.logic(ctx, frame);
    }

    /// A picture leaves no trace in the next window.
    fn persist_egui_memory(&self) -> bool {
        false
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.app.ui(ui, frame);
        self.frames = self.frames.saturating_add(1);
        if self.is_ready() && !self.is_asked {
            self.is_asked = true;
            let (file, ctx) = (self.file.clone(), ui.ctx().clone());
            ui.ctx().request_screenshot(move |image| {
                if let Err(why) = save(&image, &file) {
                    eprintln!("error: {} cannot be written: {why}", file.display());
                }
                ctx.send_viewport_cmd(ViewportCommand::Close);
            });
        }
        ui.ctx().request_repaint_after(Duration::from_millis(50));
    }
}

fn save(image: &ColorImage, file: &std::path::Path) -> Result<(), String> {
    let [width, height] = image.size;
    let (Ok(wide), Ok(high)) = (u32::try_from(width), u32::try_from(height)) else {
        return Err("it is too large".to_owned());
    };
    let bytes: Vec<u8> =
        image.pixels.iter().flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()]).collect();
    image::save_buffer(file, &bytes, wide, high, image::ExtendedColorType::Rgb8)
        .map_err(|error| error.to_string())
}
