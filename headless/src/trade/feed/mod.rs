//! Where bars come from.

pub mod alpaca;
mod page;
pub mod replay;

use cappuccino_core::trading::paper::candle::Timeframe;
use std::time::Duration;

/// Time between two bars of a replay at `speed`; none at 0.
pub(super) fn pause(timeframe: Timeframe, speed: f64) -> Duration {
    let milliseconds = u64::try_from(timeframe.span().0).unwrap_or(0);
    let length = Duration::from_millis(milliseconds).as_secs_f64();
    if speed > 0.0 {
        Duration::try_from_secs_f64(length / speed).unwrap_or(Duration::MAX)
    } else {
        Duration::ZERO
    }
}
