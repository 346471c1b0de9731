//! Is the challenger better? Returns of the same bars, paired, with a bound from resampling.
//!
//! Block bootstrap (Künsch 1989): whole stretches of bars are drawn again, because returns that
//! follow each other are not independent. Drawn by a seed, so that the same bars always give the
//! same verdict.
//!
//! Looked at after every bar, two equal models would be told apart sooner or later: each look is
//! another chance to be wrong. So a verdict is about the first 168, 336, 672 … bars in common and
//! stays until they have doubled, and each look leaves a thousandth on either side. Of pairs of
//! equal models about five in a hundred are told apart by one of the six looks at the kept bars,
//! two of them by the first one, which has only seven blocks to draw from.

use super::policy::mix;
use serde::{Deserialize, Serialize};

/// Fewer common bars say nothing: a week where they are hours.
pub const BARS_MIN: usize = 168;
/// Bars kept for comparisons and pictures, the newest: more than a year where they are hours.
pub const BARS_MAX: usize = 10_000;
/// Bars of a block: a day where they are hours.
const BLOCK: usize = 24;
/// Resamples.
const DRAWS: u64 = 1000;
/// Resamples below the lower and above the upper bound.
const TAIL: u64 = DRAWS / 1000;

/// What a comparison of two lanes found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Bars in common.
    pub bars: usize,
    /// Growth of the champion over them, as a fraction.
    pub champion_growth: f64,
    /// Growth of the challenger.
    pub challenger_growth: f64,
    /// Mean of the challenger's returns less the champion's, per bar.
    pub mean_difference: f64,
    /// A thousandth of the resampled means is below, at the last look; none without one.
    pub lower: Option<f64>,
    /// A thousandth is above.
    pub upper: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
}

/// What follows from a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Better beyond doubt: make it the champion.
    Promote,
    /// Worse beyond doubt: take it off.
    Drop,
    /// Not decided yet.
    Wait,
}

/// Compares the worths of two lanes after the same bars, oldest first.
pub fn compare(champion: &[f64], challenger: &[f64], seed: u64) -> Comparison {
    let (ours, theirs) = (returns(champion), returns(challenger));
    let differences: Vec<f64> = theirs.iter().zip(&ours).map(|(new, old)| new - old).collect();
    let bars = differences.len();
    let seen = judged(bars).and_then(|count| differences.get(..count));
    let bounds = seen.map(|seen| bounds(seen, seed));
    let verdict = match bounds {
        Some((lower, _)) if lower > 0.0 => Verdict::Promote,
        Some((_, upper)) if upper < 0.0 => Verdict::Drop,
        Some(_) | None => Verdict::Wait,
    };
    Comparison {
        bars,
        champion_growth: growth(&ours),
        challenger_growth: growth(&theirs),
        mean_difference: mean(differences.iter().copied()),
        lower: bounds.map(|(lower, _)| lower),
        upper: bounds.map(|(_, upper)| upper),
        verdict,
    }
}

/// How many of the common bars, from the first on, the last look was at. None before there are
/// enough, and none once the first ones are gone: what is kept then moves on with every bar.
const fn judged(bars: usize) -> Option<usize> {
    if bars < BARS_MIN || bars + 1 >= BARS_MAX {
        return None;
    }
    Some(BARS_MIN << (bars / BARS_MIN).ilog2())
}

fn bounds(differences: &[f64], seed: u64) -> (f64, f64) {
    let mut means: Vec<f64> =
        (0..DRAWS).map(|draw| resampled(differences, mix(seed ^ draw))).collect();
    means.sort_by(f64::total_cmp);
    let at = |place: u64| means.get(usize::try_from(place).unwrap_or(0)).copied().unwrap_or(0.0);
    (at(TAIL), at(DRAWS - 1 - TAIL))
}

/// Mean of as many differences, drawn in blocks that may begin anywhere and go on at the front.
fn resampled(differences: &[f64], seed: u64) -> f64 {
    let count = u64::try_from(differences.len()).unwrap_or(u64::MAX).max(1);
    let block = |number: u64| {
        let start = usize::try_from(mix(seed.wrapping_add(number)) % count).unwrap_or(0);
        let (front, back) = differences.split_at_checked(start).unwrap_or_default();
        back.iter().chain(front).take(BLOCK).copied()
    };
    mean((0..).flat_map(block).take(differences.len()))
}

fn returns(worths: &[f64]) -> Vec<f64> {
    worths.iter().zip(worths.iter().skip(1)).map(|(before, after)| after / before - 1.0).collect()
}

fn growth(returns: &[f64]) -> f64 {
    returns.iter().map(|part| part + 1.0).product::<f64>() - 1.0
}

fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = numbers.fold((0_u32, 0.0), |(count, sum), number| (count + 1, sum + number));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number from 0 to 1 out of a seed and a place.
    fn part(seed: u64, place: u64) -> f64 {
        f64::from(u32::try_from(mix(mix(seed).wrapping_add(place)) >> 32).unwrap())
            / f64::from(u32::MAX)
    }

    fn worths(seed: u64, edge: f64, count: u64) -> Vec<f64> {
        let mut worth = 1000.0;
        let step = |place| {
            worth *= 1.0 + edge + (part(seed, place) - 0.5) * 0.01;
            worth
        };
        (0..count).map(step).collect()
    }

    #[test]
    fn a_clear_edge_is_promoted_a_clear_loss_dropped_and_noise_waits() {
        let verdict = |edge| compare(&worths(1, 0.0, 2000), &worths(2, edge, 2000), 7).verdict;
        assert_eq!(verdict(0.001), Verdict::Promote);
        assert_eq!(verdict(-0.001), Verdict::Drop);
        assert_eq!(verdict(0.0), Verdict::Wait);
    }

    #[test]
    fn a_few_bars_decide_nothing_and_the_same_bars_always_say_the_same() {
        let few = compare(&worths(1, 0.0, 100), &worths(2, 0.01, 100), 7);
        assert_eq!((few.verdict, few.lower, few.bars), (Verdict::Wait, None, 99));
        let again = || compare(&worths(1, 0.0, 300), &worths(2, 0.001, 300), 7);
        assert_eq!(again(), again());
        assert!(again().lower < Some(again().mean_difference));
        assert_eq!(compare(&[], &[], 7).bars, 0);
    }

    #[test]
    fn a_verdict_stays_until_the_bars_have_doubled() {
        let looks = [167, 168, 335, 336, 671, 672, 9998, 9999].map(judged);
        let expected =
            [None, Some(168), Some(168), Some(336), Some(336), Some(672), Some(5376), None];
        assert_eq!(looks, expected);
        let (ours, theirs) = (worths(1, 0.0, 336), worths(2, 0.001, 336));
        let at = |bars: usize| compare(&ours[..=bars], &theirs[..=bars], 7);
        let bounds = |found: Comparison| (found.verdict, found.lower, found.upper);
        assert_eq!(bounds(at(168)), bounds(at(335)));
        assert_eq!(at(335).bars, 335);
    }

    /// However often one looks, equal models are seldom told apart.
    #[test]
    fn without_an_edge_few_verdicts_are_wrong() {
        let is_wrong = |seed: &u64| {
            let (ours, theirs) = (worths(*seed, 0.0, 1345), worths(seed + 1000, 0.0, 1345));
            let looks = [168, 336, 672, 1344];
            let mut found = looks.iter().map(|bars| compare(&ours[..=*bars], &theirs[..=*bars], 7));
            found.any(|found| found.verdict != Verdict::Wait)
        };
        assert!((0..40).filter(is_wrong).count() <= 4);
    }
}
