//! The nouns everything else is said in. No behaviour beyond keeping each word well-formed.

mod about;
pub mod alert;
pub mod candidate;
pub mod effect;
mod figure;
pub mod ids;
mod limits;
pub mod note;
pub mod observation;
pub mod policy;
pub mod refusal;
pub mod run;
pub mod study;
pub mod supervision;
pub mod time;
pub mod trading;
pub mod trial;
pub mod verdict;
pub mod vitals;

pub use about::About;
pub use alert::{AlertChange, AlertRule, AlertsPolicy, Pattern, Severity, Silence, Trouble};
pub use candidate::{Candidate, Failure, Rejection, Revision, Standing};
pub use effect::{Effect, Intent, Resolution};
pub use figure::number;
pub use ids::{
    DeploymentId, Digest, Generation, IntentId, ProcessName, RequestId, RevisionId, Sequence,
    SilenceId, TrialId, TrialNumber,
};
pub use limits::{AlertLimits, TradesDigest, TradesTold};
pub use note::{Cause, Decline, Mode, Note, Stage};
pub use observation::{
    ChannelHealth, Command, DeploymentReport, Observation, Probe, ProcessReport, Request,
    StudyReport,
};
pub use policy::{DeploymentPolicy, OnFailure, Policy, ProcessPolicy, RestartRule, Role};
pub use refusal::Refusal;
pub use run::{ExitStatus, RunIdentity};
pub use supervision::{Fault, LivenessPolicy, Readiness, Sign, Signs};
pub use time::{BootId, Moment, Span, Timestamp};
pub use trading::{GuardPolicy, LanesPolicy, Promote, Rival, Trading};
pub use trial::{Direction, StudyIdentity, TrialDetail, TrialState, Value};
pub use verdict::{ExamStep, Examined, Finding, Outcome, Verdict};
pub use vitals::{GpuVitals, Vitals, VitalsPolicy};
