//! The app's only clock; everything else is given the present.

use cappuccino_core::words::Timestamp;

/// The present by the wall clock.
pub fn wall_now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}
