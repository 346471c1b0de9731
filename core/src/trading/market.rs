//! What holding would have made: an equal share of every ticker, bought at the first row.

use super::row::Row;

/// The prices that a session began with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Market {
    first: Vec<f64>,
    growth: Option<f64>,
}

impl Market {
    /// Takes the prices of a row. Another number of tickers begins anew: the shares that a holder
    /// would have in them are not known.
    pub fn mark(&mut self, row: &Row) {
        if self.first.len() != row.assets.len() {
            self.first = row.assets.iter().map(|quote| quote.price).collect();
        }
        let grown = self.first.iter().zip(&row.assets).map(|(first, quote)| quote.price / first);
        let count = u32::try_from(self.first.len()).unwrap_or(u32::MAX);
        self.growth = (count > 0).then(|| grown.sum::<f64>() / f64::from(count) - 1.0);
    }

    /// Growth since the first row, fees left out, as a fraction; none before a row.
    pub const fn growth(&self) -> Option<f64> {
        self.growth
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Quote;
    use super::*;

    fn row(prices: &[f64]) -> Row {
        let quote = |price: &f64| Quote { price: *price, ..Quote::default() };
        Row { assets: prices.iter().map(quote).collect(), ..Row::default() }
    }

    #[test]
    fn each_ticker_counts_the_same_whatever_its_price() {
        let mut market = Market::default();
        assert_eq!(market.growth(), None);
        market.mark(&row(&[100_000.0, 2.0]));
        market.mark(&row(&[90_000.0, 2.6]));
        assert!((market.growth().unwrap() - 0.1).abs() < 1e-12);
    }
}
