//! The desktop app: what the runner does, at a glance, and the few things a person decides.
//!
//! ```text
//! runner ══socket══▶ link (thread) ──news──▶ model ──▶ views ──▶ pages ──intents──▶ link
//! ```
//!
//! The app owns nothing: closing it changes nothing, and what it shows is what the runner told.

pub mod app;
pub mod chart;
pub mod clock;
pub mod command;
pub mod demo;
pub mod doctor;
pub mod intent;
pub mod link;
pub mod model;
pub mod news;
pub mod num;
pub mod pages;
pub mod place;
pub mod portal;
pub mod shot;
pub mod start;
pub mod text;
pub mod theme;
pub mod view;
pub mod widgets;

pub use start::main;
