//! The paper trader: closed bars go in, orders are filled on paper, nothing is read here.
//!
//! [`gather`] makes closed bars of what a feed brings, [`market`] what a policy sees of them, a
//! [`lane`] is one policy with its money, and the [`desk`] is all lanes on one feed. [`backtest`]
//! runs lanes over bars that are all known. Money is `f64` in the quote currency.

pub mod account;
pub mod backtest;
pub mod candle;
pub mod compare;
pub mod desk;
pub mod event;
mod exact;
pub mod gather;
pub mod indicators;
pub mod lane;
pub mod league;
pub mod market;
pub mod policy;
pub mod rules;
