//! Whether the model that is live trades so badly that it must go: the rules that lead to a
//! rollback without anybody being asked.

use crate::words::{GuardPolicy, Rival, Span, Trading};

/// Why the model must go, with the figure that says so; none while it may stay.
pub fn verdict(policy: &GuardPolicy, trading: &Trading) -> Option<String> {
    drawdown(policy, trading)
        .or_else(|| lag(policy, trading))
        .or_else(|| behind_previous(policy, trading))
        .or_else(|| silence(policy, trading))
}

fn drawdown(policy: &GuardPolicy, trading: &Trading) -> Option<String> {
    let (limit, found) = (policy.max_drawdown_percent, trading.drawdown * 100.0);
    (limit > 0.0 && found > limit).then(|| {
        format!("its account fell {found:.1} % below its highest worth; the limit is {limit} %")
    })
}

fn lag(policy: &GuardPolicy, trading: &Trading) -> Option<String> {
    let market = trading.market_growth.filter(|_| trading.rows >= policy.min_rows)?;
    let (limit, behind) = (policy.max_lag_percent, (market - trading.growth) * 100.0);
    (limit > 0.0 && behind > limit).then(|| {
        let (own, market) = (trading.growth * 100.0, market * 100.0);
        format!(
            "it made {own:.1} % where holding the same tickers made {market:.1} %; \
             the limit is {limit} points behind"
        )
    })
}

/// What it made since it took the place of the model before, which trades on beside it.
fn behind_previous(policy: &GuardPolicy, trading: &Trading) -> Option<String> {
    let limit = policy.max_behind_previous_percent;
    let is_compared = |rival: &&Rival| rival.is_previous && rival.bars >= policy.min_rows;
    let previous = trading.rivals.iter().find(is_compared)?;
    let behind = (previous.own_growth - previous.live_growth) * 100.0;
    (limit > 0.0 && behind > limit).then(|| {
        let (own, other) = (previous.live_growth * 100.0, previous.own_growth * 100.0);
        format!(
            "it made {own:.1} % where revision {}, the model before, would have made {other:.1} % \
             on the same {} bars; the limit is {limit} points behind",
            previous.revision, previous.bars
        )
    })
}

fn silence(policy: &GuardPolicy, trading: &Trading) -> Option<String> {
    let (limit, silent) = (policy.max_silence, trading.silent?);
    (limit > Span::ZERO && silent > limit)
        .then(|| format!("its session has not grown for {silent}; the limit is {limit}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::RevisionId;

    const STRICT: GuardPolicy = GuardPolicy {
        max_drawdown_percent: 10.0,
        max_lag_percent: 5.0,
        max_behind_previous_percent: 2.0,
        min_rows: 24,
        max_silence: Span::hours(3),
    };

    fn trading() -> Trading {
        Trading {
            revision: RevisionId(1),
            rows: 100,
            growth: 0.02,
            drawdown: 0.04,
            market_growth: Some(0.03),
            trades: 0,
            silent: Some(Span::minutes(50)),
            rivals: vec![],
        }
    }

    fn beside(is_previous: bool, bars: u64, own_growth: f64) -> Trading {
        let rival = Rival {
            revision: RevisionId(7),
            is_previous,
            bars,
            live_growth: -0.01,
            own_growth,
            mean_difference: 0.0,
            bounds: None,
        };
        Trading { rivals: vec![rival], ..trading() }
    }

    #[test]
    fn a_model_stays_only_so_far_behind_the_one_before() {
        let said = verdict(&STRICT, &beside(true, 24, 0.011)).unwrap();
        assert!(said.contains("-1.0 % where revision 7") && said.contains("1.1 %"), "{said}");
        assert_eq!(verdict(&STRICT, &beside(true, 24, 0.009)), None, "within the limit");
        assert_eq!(verdict(&STRICT, &beside(true, 23, 0.5)), None, "too young to say");
        assert_eq!(verdict(&STRICT, &beside(false, 500, 0.5)), None, "a shadow was never live");
        assert_eq!(verdict(&GuardPolicy::default(), &beside(true, 500, 0.5)), None, "off");
    }

    #[test]
    fn each_rule_names_the_figure_that_broke_it() {
        assert_eq!(verdict(&STRICT, &trading()), None);
        let fallen = Trading { drawdown: 0.101, ..trading() };
        let behind = Trading { growth: -0.03, ..trading() };
        let silent = Trading { silent: Some(Span::hours(4)), ..trading() };
        for (trading, figure) in [(fallen, "10.1 %"), (behind, "-3.0 %"), (silent, "4h")] {
            let said = verdict(&STRICT, &trading).unwrap();
            assert!(said.contains(figure), "{said}");
        }
    }

    #[test]
    fn a_young_session_is_not_compared_with_the_market() {
        let young = Trading { rows: 23, growth: -0.5, ..trading() };
        assert_eq!(verdict(&STRICT, &young), None);
    }

    #[test]
    fn a_rule_at_zero_is_off_and_a_missing_figure_breaks_none() {
        let off = GuardPolicy { max_drawdown_percent: 0.0, ..GuardPolicy::default() };
        let ruined =
            Trading { growth: -0.9, drawdown: 0.9, silent: Some(Span::hours(99)), ..trading() };
        assert_eq!(verdict(&off, &ruined), None);
        let unknown = Trading { market_growth: None, silent: None, growth: -0.5, ..trading() };
        assert_eq!(verdict(&STRICT, &unknown), None);
    }
}
