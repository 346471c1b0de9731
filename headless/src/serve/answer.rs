//! How a request that cannot be answered is answered: a status code and a sentence.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cappuccino_core::api::{ErrorBody, Status};
use cappuccino_core::store::{Reader, StoreError};

/// A refusal on its way to the client.
#[derive(Debug)]
pub(super) struct Problem {
    code: StatusCode,
    body: ErrorBody,
}

impl Problem {
    pub(super) fn new(code: StatusCode, error: impl Into<String>) -> Self {
        Self { code, body: ErrorBody { error: error.into(), status: None } }
    }

    pub(super) fn malformed(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// A page is asked for by its beginning or by its end.
    pub(super) fn from_and_before() -> Self {
        Self::malformed("`from` and `before` contradict each other; give one of them")
    }

    pub(super) fn busy(error: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error)
    }

    pub(super) fn with_status(mut self, status: &Status) -> Self {
        self.body.status = Some(Box::new(status.clone()));
        self
    }
}

impl From<StoreError> for Problem {
    /// A store that is being opened again will answer soon; anything else needs a person.
    fn from(error: StoreError) -> Self {
        let code = if error.needs_reopen() {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Self::new(code, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.code, Json(self.body)).into_response()
    }
}

/// Does `work` on a thread that may wait for the disk; `what` is being read.
pub(super) async fn on_a_thread<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!("reading {what} for a client failed: {error}");
        let text = format!("reading {what} failed inside the runner; its log has the details");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, text)
    })
}

/// Reads the store on a thread that may wait for the disk.
pub(super) async fn read<T: Send + 'static>(
    reader: Reader,
    work: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    on_a_thread("the store", move || work(&reader)).await?.map_err(Problem::from)
}
