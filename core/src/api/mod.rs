//! What clients see and ask: plain values with stable names, served as JSON.
//!
//! Nothing of the machines' insides leaks: a client that knows these types knows enough.

mod alerts;
mod chart;
mod foresight;
mod lanes;
mod log;
mod machine;
mod notifications;
mod params;
pub mod place;
mod pnl;
mod request;
mod sentence;
mod status;
mod view;

pub use alerts::{AcknowledgedView, AlertView, AlertsView, SilenceView};
pub use chart::{TrialChart, TrialDot};
pub use foresight::{Foresight, foresee};
pub use lanes::{LaneKind, LaneView, LanesView};
pub use log::LogPage;
pub use machine::{BucketView, GpuView, MachineView, SeriesView, UseView};
pub use notifications::{ChannelView, DeadLetter};
pub use params::ParamView;
pub use pnl::{PerformanceView, PnlView, PositionView, TradeView};
pub use request::{Accepted, CAPABILITIES, CURVES, CommandBody, CommandRequest, ErrorBody, Hello};
pub use sentence::{findings, sentence};
pub use status::{
    CountsView, DeploymentView, HoldView, ProcessView, RevisionView, Status, StudyView, TrialView,
    ViewValue,
};
pub use view::status_of;

/// Version of the API; grows when a client could misread an answer.
pub const API_VERSION: u32 = 1;
