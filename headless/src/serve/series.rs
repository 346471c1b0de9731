//! What was measured over time: which series there are, and one of them for a picture.

use super::Window;
use super::answer::{Problem, on_a_thread};
use super::reading::{Asked, understood};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cappuccino_core::api::{BucketView, SeriesView};
use cappuccino_core::store::{Bucket, SampleReader, SeriesFacts, SeriesQuery, StoreError};
use cappuccino_core::words::Timestamp;
use serde::Deserialize;

/// Buckets of one answer: at least 2, and more than any screen has pixels.
const BUCKETS: std::ops::RangeInclusive<usize> = 2..=20_000;
const BUCKETS_DEFAULT: usize = 2_000;

/// All series, by name.
pub(super) async fn names(State(window): State<Window>) -> Result<Json<Vec<SeriesFacts>>, Problem> {
    read(&window, SampleReader::series).await.map(Json)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BucketsQuery {
    from: Timestamp,
    to: Timestamp,
    buckets: Option<usize>,
}

/// One series between two times, in no more buckets than asked for.
pub(super) async fn buckets(
    State(window): State<Window>,
    Path(name): Path<String>,
    query: Asked<BucketsQuery>,
) -> Result<Json<SeriesView>, Problem> {
    let query = understood(query)?;
    let max_buckets = query.buckets.unwrap_or(BUCKETS_DEFAULT);
    if !BUCKETS.contains(&max_buckets) {
        let (least, most) = (BUCKETS.start(), BUCKETS.end());
        let text = format!("buckets {max_buckets} is out of range; ask for {least} to {most}");
        return Err(Problem::malformed(text));
    }
    let (from, to, series) = (query.from, query.to, name.clone());
    let asked = SeriesQuery { series, from, to, max_buckets };
    let found = read(&window, move |samples| {
        let facts = samples.series()?.into_iter().find(|facts| facts.name == asked.series);
        Ok(samples.query(&asked)?.zip(facts))
    });
    let Some((buckets, facts)) = found.await? else {
        let text = format!("there is no series `{name}`; `GET /v1/series` lists what there is");
        return Err(Problem::new(StatusCode::NOT_FOUND, text));
    };
    Ok(Json(SeriesView {
        name: facts.name,
        unit: facts.unit,
        width: buckets.width,
        buckets: buckets.buckets.iter().map(view).collect(),
    }))
}

/// JSON has no NaN: what is no finite number is left out.
fn view(bucket: &Bucket) -> BucketView {
    let finite = |value: f64| value.is_finite().then_some(value);
    BucketView {
        start: bucket.start,
        min: finite(bucket.min),
        max: finite(bucket.max),
        mean: bucket.mean().and_then(finite),
        last: finite(bucket.last),
        count: bucket.count,
    }
}

async fn read<T: Send + 'static>(
    window: &Window,
    work: impl FnOnce(&SampleReader) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let Some(samples) = window.port.samples.borrow().clone() else {
        let text = "metrics are not recorded by this runner; its log says why";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, text));
    };
    on_a_thread("the metrics", move || work(&samples)).await?.map_err(Problem::from)
}
