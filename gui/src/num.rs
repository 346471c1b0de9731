//! Numbers between the worlds: screens count in `f32`, data in `f64` and integers.

/// A length or coordinate for the screen.
#[expect(clippy::cast_possible_truncation, reason = "a pixel needs no more than an f32 holds")]
pub const fn px(value: f64) -> f32 {
    value as f32
}

/// A count, exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "charts and sentences need no more digits")]
pub const fn real(count: u64) -> f64 {
    count as f64
}

/// A time or a signed count, exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit until the year 287396")]
pub const fn signed(value: i64) -> f64 {
    value as f64
}

/// A number of things that are in memory.
#[expect(clippy::cast_precision_loss, reason = "nothing in memory is that many")]
pub const fn size(count: usize) -> f64 {
    count as f64
}

/// The nearest whole number; what does not fit becomes the nearest that does.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, which is what is meant")]
pub const fn whole(value: f64) -> i64 {
    value.round() as i64
}
