//! The demonstration: three workers, a trader and synthetic candles.
//!
//! Everything here is real but the market: real policies, a real backtest with fees, Optuna's own
//! database, PyTorch's own model files. The candles are made up, and say so.

pub mod backtest;
pub mod candles;
pub mod features;
pub mod policy;
