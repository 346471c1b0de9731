//! Small things that pages are made of.

pub mod card;
pub mod confirm;
pub mod glyph;
pub mod headline;
pub mod lines;
pub mod log;
pub mod palette;
pub mod press;
pub mod table;
pub mod toast;
