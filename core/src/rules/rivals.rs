//! What follows from the models that trade beside the live one: is one of them better, or worse,
//! beyond doubt?

use super::vitals::{Finding, trouble};
use crate::words::{Promote, RevisionId, Rival, Severity, TrialNumber};

/// How a rival trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Better than the live model, beyond doubt.
    Better,
    /// Worse.
    Worse,
    /// Nobody can say yet.
    Undecided,
}

/// How this rival trades: but for a thousandth, the resampled means of its returns less the live
/// model's must lie on one side of zero.
pub fn standing(rival: &Rival) -> Standing {
    match rival.bounds {
        Some((lower, _)) if lower > 0.0 => Standing::Better,
        Some((_, upper)) if upper < 0.0 => Standing::Worse,
        Some(_) | None => Standing::Undecided,
    }
}

/// The figures that say so, beside the live model `live`.
pub fn figures(live: RevisionId, rival: &Rival) -> String {
    let (lower, upper) = rival.bounds.unwrap_or_default();
    let points = |mean: f64| mean * 1e4;
    format!(
        "{:+.2} bp per bar against revision {live} over {} bars, 99.8 % within {:+.2} and {:+.2} \
         at the last look",
        points(rival.mean_difference),
        rival.bars,
        points(lower),
        points(upper)
    )
}

/// What a person is told of the best of those that are better and may replace the live model, and
/// of which trial it is.
pub fn finding(promote: Promote, better: Option<(&Rival, TrialNumber)>) -> Finding {
    let told = better.and_then(|(rival, trial)| {
        let revision = rival.revision;
        let text = format!(
            "revision {revision} (trial {trial}) trades better beside the live model, beyond doubt"
        );
        let remedy = match promote {
            Promote::Never => return None,
            Promote::Ask if rival.is_previous => format!(
                "see `cappuccino lanes`; then `cappuccino rollback --to {revision}`, for it is \
                 the model before"
            ),
            Promote::Ask => format!(
                "see `cappuccino lanes`; then `cappuccino deploy {trial}`, or `hold {trial}` to \
                 end its lane"
            ),
            Promote::Auto => {
                "it is deployed as soon as deployments are automatic and none is too recent"
                    .to_owned()
            }
        };
        Some(trouble(Severity::Info, text, &remedy))
    });
    Finding { key: "trading/better".to_owned(), trouble: told }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rival(bounds: Option<(f64, f64)>) -> Rival {
        Rival {
            revision: RevisionId(4),
            is_previous: false,
            bars: 400,
            live_growth: 0.01,
            own_growth: 0.02,
            mean_difference: 2.5e-5,
            bounds,
        }
    }

    #[test]
    fn only_bounds_on_one_side_of_zero_decide() {
        assert_eq!(standing(&rival(Some((1e-6, 5e-5)))), Standing::Better);
        assert_eq!(standing(&rival(Some((-5e-5, -1e-6)))), Standing::Worse);
        assert_eq!(standing(&rival(Some((-1e-6, 5e-5)))), Standing::Undecided);
        assert_eq!(standing(&rival(None)), Standing::Undecided);
        let said = figures(RevisionId(3), &rival(Some((1e-6, 5e-5))));
        assert!(
            said.starts_with(
                "+0.25 bp per bar against revision 3 over 400 bars, 99.8 % within +0.01"
            ),
            "{said}"
        );
    }

    #[test]
    fn a_person_is_told_unless_nothing_shall_follow() {
        let shadow = rival(None);
        let before = Rival { is_previous: true, ..rival(None) };
        let better = Some((&shadow, TrialNumber(7)));
        assert!(finding(Promote::Ask, better).trouble.unwrap().remedy.contains("deploy 7"));
        let told = finding(Promote::Ask, Some((&before, TrialNumber(7)))).trouble.unwrap();
        assert!(told.remedy.contains("rollback --to 4"), "{}", told.remedy);
        assert!(finding(Promote::Auto, better).trouble.is_some());
        assert_eq!(finding(Promote::Never, better).trouble, None);
        assert_eq!(finding(Promote::Ask, None).trouble, None);
    }
}
