//! The nouns everything else is said in. No behaviour beyond keeping each word well-formed.

pub mod ids;
pub mod run;
pub mod time;
pub mod trial;

pub use ids::{
    DeploymentId, Digest, Generation, IntentId, ProcessName, RequestId, RevisionId, Sequence,
    TrialId, TrialNumber,
};
pub use run::{ExitStatus, RunIdentity};
pub use time::{BootId, Moment, Span, Timestamp};
pub use trial::{Direction, StudyIdentity, TrialDetail, TrialState, Value};
