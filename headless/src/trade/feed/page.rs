//! One page of Alpaca's crypto bars: `GET /v1beta3/crypto/us/bars`.
//!
//! Source: Alpaca's reference of the market data API, "Historical bars". A page may hold one symbol
//! only; `next_page_token` leads on. Bars without a trade are left out.

use cappuccino_core::trading::paper::candle::Candle;
use cappuccino_core::words::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A page.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    bars: BTreeMap<String, Vec<RawBar>>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RawBar {
    t: String,
    o: f64,
    h: f64,
    l: f64,
    c: f64,
    v: f64,
}

impl Page {
    /// Reads a page; a sentence says why it is none.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| {
            let begin: String = text.chars().take(60).collect();
            format!("the answer is no page of bars ({error}): {}", begin.escape_debug())
        })
    }

    /// Its candles, ticker by ticker; impossible ones are left out, as if nobody had traded.
    pub(super) fn candles(&self) -> impl Iterator<Item = (&str, Timestamp, Candle)> {
        self.bars.iter().flat_map(|(ticker, bars)| {
            bars.iter().filter_map(move |bar| {
                let candle = Candle::new([bar.o, bar.h, bar.l, bar.c, bar.v]).ok()?;
                Some((ticker.as_str(), Timestamp::parse(&bar.t)?, candle))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_and_what_is_none_is_told() {
        let text = r#"{"bars":{"BTC/USD":[{"t":"2022-03-09T05:00:00Z","o":1.0,"h":2.0,"l":1.0,
            "c":2.0,"v":3.5,"n":7,"vw":1.5},{"t":"2022-03-09T06:00:00.5Z","o":1,"h":2,"l":-1,
            "c":2,"v":0}]},"next_page_token":null}"#;
        let page = Page::read(text).unwrap();
        let candles: Vec<_> = page.candles().collect();
        assert_eq!(candles.len(), 1, "a negative price is no candle");
        assert_eq!(candles[0].0, "BTC/USD");
        assert!(page.next_page_token.is_none());
        assert!(Page::read(&text[..90]).unwrap_err().contains("no page of bars"));
        assert!(Page::read("<html>\n503").unwrap_err().contains("<html>\\n503"));
        assert!(Page::read(r#"{"message":"slow down"}"#).unwrap_err().contains("missing field"));
    }
}
