//! The eleven numbers that a policy sees of one ticker's bar, as TA-Lib computes them.
//!
//! Parameters: MACD 12/26/9, RSI 14, CCI 14, DX 14. Each value depends on every bar since the
//! first, so a session must always begin at the same bar to see the same.

use super::candle::Candle;
use ta_lib::{CciStream, Core, DxStream, MacdStream, RetCode, RsiStream};

/// Numbers per ticker: open, high, low, close, volume, MACD, its signal, its histogram, RSI, CCI,
/// DX.
pub const FEATURES: usize = 11;
/// Bars before the first that has all of them: MACD's 25, then 8 of its signal.
pub const WARM_UP_BARS: usize = 33;

/// A candle that the indicators cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the indicators refuse a candle ({0:?}); its numbers must be finite")]
pub struct IndicatorFault(RetCode);

/// The indicators of one ticker, fed bar by bar.
#[derive(Clone, Debug, Default)]
pub struct Indicators {
    early: Early,
    streams: Option<Box<Streams>>,
}

#[derive(Clone, Debug, Default)]
struct Early {
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Streams {
    macd: MacdStream,
    rsi: RsiStream,
    cci: CciStream,
    dx: DxStream,
}

impl Indicators {
    /// Takes the next bar; its numbers once there were enough bars before it.
    ///
    /// # Errors
    /// [`IndicatorFault`] for numbers that are not finite.
    pub fn push(&mut self, candle: &Candle) -> Result<Option<[f64; FEATURES]>, IndicatorFault> {
        let Candle { open, high, low, close, volume } = *candle;
        let values = if let Some(streams) = &mut self.streams {
            streams.push(candle)?
        } else {
            self.early.high.push(high);
            self.early.low.push(low);
            self.early.close.push(close);
            if self.early.close.len() <= WARM_UP_BARS {
                return Ok(None);
            }
            let (streams, values) = Streams::open(&std::mem::take(&mut self.early))?;
            self.streams = Some(Box::new(streams));
            values
        };
        let [macd, signal, histogram, rsi, cci, dx] = values;
        Ok(Some([open, high, low, close, volume, macd, signal, histogram, rsi, cci, dx]))
    }
}

impl Streams {
    fn open(early: &Early) -> Result<(Self, [f64; 6]), IndicatorFault> {
        let Early { high, low, close } = early;
        let core = Core::new();
        let (macd, (line, signal, histogram)) =
            core.macd_open(close, 12, 26, 9).map_err(IndicatorFault)?;
        let (rsi, rsi_value) = core.rsi_open(close, 14).map_err(IndicatorFault)?;
        let (cci, cci_value) = core.cci_open(high, low, close, 14).map_err(IndicatorFault)?;
        let (dx, dx_value) = core.dx_open(high, low, close, 14).map_err(IndicatorFault)?;
        let values = [line, signal, histogram, rsi_value, cci_value, dx_value];
        Ok((Self { macd, rsi, cci, dx }, values))
    }

    fn push(&mut self, candle: &Candle) -> Result<[f64; 6], IndicatorFault> {
        let Candle { high, low, close, .. } = *candle;
        let (line, signal, histogram) = self.macd.update(close).map_err(IndicatorFault)?;
        let rsi = self.rsi.update(close).map_err(IndicatorFault)?;
        let cci = self.cci.update(high, low, close).map_err(IndicatorFault)?;
        let dx = self.dx.update(high, low, close).map_err(IndicatorFault)?;
        Ok([line, signal, histogram, rsi, cci, dx])
    }
}
