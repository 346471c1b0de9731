//! Whether a model that is sound trades well enough to go live: what it would have earned on the
//! newest bars, beside whoever is live and beside holding.

use crate::trading::paper::backtest::Outcome;
use crate::words::Finding;
use serde::{Deserialize, Serialize};

/// What a backtest must show. Zero switches a rule off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatePolicy {
    /// Most that may be lost over the bars, in percent.
    pub max_loss_percent: f64,
    /// Largest loss from a highest worth, in percent.
    pub max_drawdown_percent: f64,
    /// Points of growth that it may stay behind the live model, in percent.
    pub max_behind_live_percent: f64,
    /// Points of growth that it may stay behind holding the same tickers, in percent.
    pub max_behind_hold_percent: f64,
}

impl Default for GatePolicy {
    /// Stops what would ruin an account, not what merely had a bad month: the study's own
    /// objective says which model is better.
    fn default() -> Self {
        Self {
            max_loss_percent: 20.0,
            max_drawdown_percent: 35.0,
            max_behind_live_percent: 0.0,
            max_behind_hold_percent: 0.0,
        }
    }
}

/// What the backtests say: of the candidate, of the live model if there is one that could be
/// tried, and of holding.
pub fn findings(
    policy: &GatePolicy,
    candidate: &Outcome,
    live: Option<&Outcome>,
    hold: &Outcome,
) -> Vec<Finding> {
    let percent = |part: f64| part * 100.0;
    let (growth, fall) = (percent(candidate.growth), percent(candidate.max_drawdown));
    let mut found = vec![
        rule(policy.max_loss_percent, -growth, &format!("it would have made {growth:+.1} %")),
        rule(policy.max_drawdown_percent, fall, &format!("its largest drawdown is {fall:.1} %")),
    ];
    let rivals = [
        ("the live model", policy.max_behind_live_percent, live),
        ("holding", policy.max_behind_hold_percent, Some(hold)),
    ];
    for (name, limit, rival) in rivals {
        let Some(rival) = rival else { continue };
        let theirs = percent(rival.growth);
        let text = format!("{name} would have made {theirs:+.1} % on the same bars");
        found.push(rule(limit, theirs - growth, &text));
    }
    let (fills, fees) = (candidate.fills, candidate.fees);
    found.push(Finding::holds(format!("{fills} fills, {fees:.2} paid in fees")));
    found
}

/// Refused beyond its limit; what was seen otherwise.
fn rule(limit: f64, found: f64, text: &str) -> Finding {
    if limit > 0.0 && found > limit {
        Finding::refused(format!("{text}: {found:.1} is beyond the limit of {limit}"))
    } else {
        Finding::holds(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trading::metrics::Yearly;

    fn outcome(growth: f64, max_drawdown: f64) -> Outcome {
        Outcome {
            start: 1000.0,
            equity: Vec::new(),
            growth,
            max_drawdown,
            days: 30,
            yearly: Yearly::default(),
            fills: 12,
            forced: 0,
            turnover: 2.0,
            fees: 3.5,
        }
    }

    fn refused(policy: &GatePolicy, candidate: &Outcome) -> usize {
        let found = findings(policy, candidate, Some(&outcome(0.1, 0.0)), &outcome(0.2, 0.0));
        found.iter().filter(|finding| matches!(finding, Finding::Refused(_))).count()
    }

    #[test]
    fn each_rule_refuses_beyond_its_limit_and_is_off_at_zero() {
        let policy = GatePolicy::default();
        assert_eq!(refused(&policy, &outcome(-0.2, 0.35)), 0, "at the limits");
        assert_eq!(refused(&policy, &outcome(-0.21, 0.36)), 2);
        let strict =
            GatePolicy { max_behind_live_percent: 5.0, max_behind_hold_percent: 16.0, ..policy };
        assert_eq!(refused(&strict, &outcome(0.05, 0.0)), 0);
        assert_eq!(refused(&strict, &outcome(0.03, 0.0)), 2);
        let off = GatePolicy { max_loss_percent: 0.0, max_drawdown_percent: 0.0, ..policy };
        assert_eq!(refused(&off, &outcome(-0.9, 0.95)), 0);
    }
}
