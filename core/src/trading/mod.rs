//! Paper trading, judged from the trader's session file: rows, trades, positions, equity, figures;
//! and in [`paper`] the trader that is built in.
//!
//! Pure: bytes and bars come in, nothing is read here. Money is `f64` in the session's quote currency.

pub mod equity;
pub mod ledger;
pub mod lines;
pub mod market;
pub mod metrics;
pub mod paper;
pub mod revalue;
pub mod row;
pub mod session;
mod side;
#[cfg(test)]
mod tests;

pub use session::Session;
pub use side::Side;
