//! The demonstration: three workers, a trader and synthetic candles.
