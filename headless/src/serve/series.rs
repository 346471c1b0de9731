//! What was measured over time: which series there are, and some of them for a picture.

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
/// Series of one answer: more than any screen shows, and a bounded time on the thread.
const NAMES_MAX: usize = 32;

/// All series, by name.
pub(super) async fn names(State(window): State<Window>) -> Result<Json<Vec<SeriesFacts>>, Problem> {
    read(&window, SampleReader::series).await.map(Json)
}

/// A stretch of time, and in how many buckets at most.
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
    let BucketsQuery { from, to, buckets } = understood(query)?;
    let found = curves_of(&window, vec![name.clone()], (from, to), buckets).await?;
    found.into_iter().next().map(Json).ok_or_else(|| {
        let text = format!("there is no series `{name}`; `GET /v1/series` lists what there is");
        Problem::new(StatusCode::NOT_FOUND, text)
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CurvesQuery {
    names: String,
    from: Timestamp,
    to: Timestamp,
    buckets: Option<usize>,
}

/// All series of a picture with one question, in the order of their names in it; what is not
/// measured is left out.
pub(super) async fn curves(
    State(window): State<Window>,
    query: Asked<CurvesQuery>,
) -> Result<Json<Vec<SeriesView>>, Problem> {
    let CurvesQuery { names, from, to, buckets } = understood(query)?;
    let names: Vec<String> = names.split(',').map(str::to_owned).collect();
    if names.len() > NAMES_MAX {
        let count = names.len();
        let text = format!("{count} names are too many; ask for at most {NAMES_MAX} at a time");
        return Err(Problem::malformed(text));
    }
    curves_of(&window, names, (from, to), buckets).await.map(Json)
}

async fn curves_of(
    window: &Window,
    names: Vec<String>,
    (from, to): (Timestamp, Timestamp),
    buckets: Option<usize>,
) -> Result<Vec<SeriesView>, Problem> {
    let max_buckets = buckets.unwrap_or(BUCKETS_DEFAULT);
    if !BUCKETS.contains(&max_buckets) {
        let (least, most) = (BUCKETS.start(), BUCKETS.end());
        let text = format!("buckets {max_buckets} is out of range; ask for {least} to {most}");
        return Err(Problem::malformed(text));
    }
    let work = move |samples: &SampleReader| {
        let known = samples.series()?;
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let Some(facts) = known.iter().find(|facts| facts.name == name) else { continue };
            let asked = SeriesQuery { series: name, from, to, max_buckets };
            let Some(buckets) = samples.query(&asked)? else { continue };
            found.push(SeriesView {
                name: asked.series,
                unit: facts.unit.clone(),
                width: buckets.width,
                buckets: buckets.buckets.iter().map(view).collect(),
            });
        }
        Ok(found)
    };
    read(window, work).await
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
