//! Charts: on the screen by egui_plot and by hand, in files by plotters, from the same data.

pub mod export;
pub mod lanes;
pub mod series;
pub mod time;
pub mod trials;
pub mod window;
