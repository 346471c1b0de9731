//! Paper trading, judged from the trader's session file: rows, trades, positions, equity, figures.
//!
//! Pure: bytes come in, nothing is read here. Money is `f64` in the session's quote currency.

mod side;

pub use side::Side;
