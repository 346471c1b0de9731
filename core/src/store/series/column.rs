//! Columns of sealed raw samples: the times that all series of a block share, and the values of
//! one series.

use super::packed::Packed;
use crate::store::codec::{CodecError, Record};
use serde::{Deserialize, Serialize};

/// Samples of one series: (milliseconds since 1970, value), in order of time, one per time.
pub(in crate::store) type Points = Vec<(i64, f64)>;

/// The section of times; no series has this number.
pub(super) const TIMES: u32 = u32::MAX;

/// Section [`TIMES`] of a block of raw samples: its times, ascending, as milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Times {
    pub(in crate::store) count: u32,
    pub(in crate::store) times: Packed,
}

/// Section of a block of raw samples, by the number of the series: its values at those times of
/// the block at which it was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Column {
    /// Number of values.
    pub(in crate::store) count: u32,
    /// Number of runs; 0 when there is a value for every time.
    pub(in crate::store) runs: u32,
    /// Lengths in turn of times with and times without a value; what is left has none.
    pub(in crate::store) presence: Packed,
    /// The values, as they were written to the bit.
    pub(in crate::store) values: Packed,
}

impl Record for Times {
    const KIND: u16 = 8;
    const VERSION: u16 = 1;
    const NAME: &'static str = "times of a block";
}

impl Record for Column {
    const KIND: u16 = 9;
    const VERSION: u16 = 1;
    const NAME: &'static str = "values of a block";
}

impl Times {
    pub(in crate::store) fn pack(times: &[i64]) -> Result<Self, CodecError> {
        Ok(Self { count: count(times.len())?, times: Packed::pack(times)? })
    }

    pub(in crate::store) fn unpack(&self) -> Result<Vec<i64>, CodecError> {
        self.times.unpack(self.count)
    }
}

impl Column {
    /// The column of `points`, all of whose times are among `times`.
    pub(in crate::store) fn pack(times: &[i64], points: &[(i64, f64)]) -> Result<Self, CodecError> {
        let runs = if points.len() == times.len() { Vec::new() } else { runs(times, points) };
        let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
        Ok(Self {
            count: count(points.len())?,
            runs: count(runs.len())?,
            presence: Packed::pack(&runs)?,
            values: Packed::pack(&values)?,
        })
    }

    /// The points of this column, given the times of its block.
    pub(in crate::store) fn unpack(&self, times: &[i64]) -> Result<Points, CodecError> {
        let values: Vec<f64> = self.values.unpack(self.count)?;
        let points: Points = if self.runs == 0 {
            times.iter().copied().zip(values).collect()
        } else {
            let runs: Vec<u32> = self.presence.unpack(self.runs)?;
            present(times, &runs).zip(values).collect()
        };
        if u32::try_from(points.len()) == Ok(self.count) {
            Ok(points)
        } else {
            let why = format!("{} times for {} values", points.len(), self.count);
            Err(CodecError::Malformed { name: Self::NAME, why })
        }
    }
}

fn runs(times: &[i64], points: &[(i64, f64)]) -> Vec<u32> {
    let mut runs = Vec::new();
    let (mut points, mut present, mut length) = (points.iter().peekable(), true, 0);
    for time in times {
        let is_here = points.next_if(|(at, _)| at == time).is_some();
        if is_here != present {
            runs.push(length);
            (present, length) = (is_here, 0);
        }
        length += 1;
    }
    if present {
        runs.push(length);
    }
    runs
}

fn present<'t>(times: &'t [i64], runs: &'t [u32]) -> impl Iterator<Item = i64> + 't {
    let mut rest = times;
    let stretches = runs.iter().enumerate().map(move |(turn, length)| {
        let length = usize::try_from(*length).unwrap_or(usize::MAX).min(rest.len());
        let (stretch, after) = rest.split_at(length);
        rest = after;
        if turn % 2 == 0 { stretch } else { &[] }
    });
    stretches.flatten().copied()
}

fn count(length: usize) -> Result<u32, CodecError> {
    u32::try_from(length).map_err(|_too_many| CodecError::TooLarge {
        name: Column::NAME,
        bytes: length.saturating_mul(8),
    })
}
