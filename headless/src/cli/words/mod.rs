//! The words of the command line, by what they are about.

pub(super) mod alerts;
pub(super) mod asking;
pub(super) mod check;
pub(super) mod handover;
pub(super) mod import;
pub(super) mod keeping;
pub(super) mod lanes;
pub(super) mod legacy;
pub(super) mod lifecycle;
pub(super) mod logs;
mod metrics;
pub(super) mod notify;
pub(super) mod reading;
pub(super) mod record;
pub(super) mod report;
pub(super) mod service;
mod surroundings;
pub(super) mod trading;
pub(super) mod validate;
mod whole;
pub(super) mod why;
