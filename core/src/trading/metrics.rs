//! Figures of a session, from daily closes and from its sales.
//!
//! Returns are daily changes of the worth, fees in, flat days included; annualised by √365,
//! because these markets never close. A figure without a basis is none, never a magic number.

use super::equity::Equity;

/// Days of history below which no yearly figure is told.
pub const DAYS_MIN: usize = 14;
/// Days of a year of trading.
const YEAR: f64 = 365.0;
/// Below this a spread of returns is rounding.
const NOTHING: f64 = 1e-12;

/// What sales brought.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sales {
    /// Sales that gained.
    pub wins: u64,
    /// All sales.
    pub count: u64,
    /// Money gained by those that gained.
    pub won: f64,
    /// Money lost by the others, 0 or more.
    pub lost: f64,
}

/// Yearly figures of daily closes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Yearly {
    /// Mean return over its standard deviation (one degree of freedom taken).
    pub sharpe: Option<f64>,
    /// Mean return over the root of the mean square of the negative returns (target 0).
    pub sortino: Option<f64>,
    /// Compound yearly growth over the largest drawdown.
    pub calmar: Option<f64>,
    /// Compound yearly growth, as a fraction.
    pub cagr: Option<f64>,
    /// Standard deviation of the returns (one degree of freedom taken), annualised.
    pub volatility: Option<f64>,
    /// Why figures are none.
    pub missing: Option<Missing>,
}

/// Why a yearly figure is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// All of them.
    #[error("n/a: {0} days of history, {DAYS_MIN} are needed")]
    TooFewDays(usize),
    /// All of them.
    #[error("n/a: the account lost everything")]
    Ruined,
    /// Those that divide by it.
    #[error("n/a: there was no spread of returns, no loss or no drawdown to divide by")]
    NothingToDivideBy,
}

impl Sales {
    /// Takes a sale that gained `result` (lost: negative), fees taken off.
    pub fn take(&mut self, result: f64) {
        self.count += 1;
        if result > 0.0 {
            self.wins += 1;
            self.won += result;
        } else {
            self.lost -= result;
        }
    }

    /// Share of the sales that gained; one without a result did not.
    pub fn win_rate(&self) -> Option<f64> {
        (self.count > 0).then(|| count(self.wins) / count(self.count))
    }

    /// Gains over losses; none without a loss.
    pub fn profit_factor(&self) -> Option<f64> {
        (self.lost > 0.0).then(|| self.won / self.lost)
    }

    /// Mean result of a sale, in money.
    pub fn expectancy(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.won - self.lost) / count(self.count))
    }
}

/// The yearly figures; all none under [`DAYS_MIN`] days.
pub fn yearly(equity: &Equity) -> Yearly {
    let closes: Vec<f64> = equity.closes().collect();
    let none = |why| Yearly { missing: Some(why), ..Yearly::default() };
    if closes.len() < DAYS_MIN {
        return none(Missing::TooFewDays(closes.len()));
    }
    if closes.iter().any(|close| *close <= 0.0) {
        return none(Missing::Ruined);
    }
    let pairs = closes.iter().zip(closes.iter().skip(1));
    let returns: Vec<f64> = pairs.map(|(before, after)| after / before - 1.0).collect();
    let total = f64::from(u32::try_from(returns.len()).unwrap_or(u32::MAX));
    let mean = returns.iter().sum::<f64>() / total;
    let squares: f64 = returns.iter().map(|r| (r - mean).powi(2)).sum();
    let downside: f64 = returns.iter().map(|r| r.min(0.0).powi(2)).sum();
    let over = |spread: f64| (spread > NOTHING).then(|| mean / spread * YEAR.sqrt());
    let ratio = closes.last().zip(closes.first()).map_or(1.0, |(last, first)| last / first);
    let worst = equity.max_drawdown();
    let (spread, cagr) = ((squares / (total - 1.0)).sqrt(), ratio.powf(YEAR / total) - 1.0);
    let sharpe = over(spread);
    let sortino = over((downside / total).sqrt());
    let calmar = (worst > NOTHING).then(|| cagr / worst);
    let is_whole = sharpe.is_some() && sortino.is_some() && calmar.is_some();
    Yearly {
        sharpe,
        sortino,
        calmar,
        cagr: Some(cagr),
        volatility: Some(spread * YEAR.sqrt()),
        missing: (!is_whole).then_some(Missing::NothingToDivideBy),
    }
}

fn count(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Span, Timestamp};

    fn equity(worths: &[f64]) -> Equity {
        let mut equity = Equity::default();
        for (day, worth) in (0..).zip(worths) {
            equity.mark(Timestamp(0).plus(Span::hours(24 * day)), *worth);
        }
        equity
    }

    /// Known values: the same formulas in Python on the same fifteen closes, where
    /// `calmar = ((last/first)**(365/14) - 1) / drawdown`.
    #[test]
    fn yearly_figures_are_those_computed_elsewhere() {
        let worths: Vec<f64> = (0..15).map(|day| [1000.0, 1020.0, 1010.0][day % 3]).collect();
        let found = yearly(&equity(&worths));
        let near = |found: Option<f64>, known: f64| {
            let found = found.unwrap();
            assert!((found - known).abs() < 1e-6 * known.abs(), "{found} is not {known}");
        };
        near(found.sharpe, SHARPE);
        near(found.sortino, SORTINO);
        near(found.calmar, CALMAR);
    }

    const SHARPE: f64 = 1.046_045_818_288_281;
    const SORTINO: f64 = 1.966_324_965_390_403;
    const CALMAR: f64 = 15.105_038_728_466_393;

    #[test]
    fn thirteen_days_are_too_few_and_an_even_growth_has_no_spread() {
        let grow = |days: i32| (0..days).map(|day| 2.0_f64.powi(day)).collect::<Vec<_>>();
        let few = Yearly { missing: Some(Missing::TooFewDays(13)), ..Yearly::default() };
        assert_eq!(yearly(&equity(&grow(13))), few);
        let even = yearly(&equity(&grow(14)));
        assert_eq!((even.sharpe, even.sortino, even.calmar), (None, None, None));
        assert_eq!(even.missing, Some(Missing::NothingToDivideBy));
        assert!(even.cagr > Some(1.0), "a growth needs no spread");
    }

    #[test]
    fn sales_without_a_loss_have_no_profit_factor() {
        let mut sales = Sales::default();
        assert_eq!((sales.win_rate(), sales.expectancy()), (None, None));
        sales.take(30.0);
        assert_eq!((sales.profit_factor(), sales.expectancy()), (None, Some(30.0)));
        sales.take(0.0);
        sales.take(-10.0);
        assert_eq!(sales.profit_factor(), Some(3.0));
        assert!((sales.win_rate().unwrap() - 1.0 / 3.0).abs() < 1e-12);
    }
}
