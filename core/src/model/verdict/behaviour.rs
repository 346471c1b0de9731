//! Step 5: what the network answers to states that it might see, and to states beside them.

use super::Known;
use crate::model::network::PolicyNetwork;
use crate::words::Finding;

/// Drawn states that stand in for, or beside, those that a trader saw.
const DRAWN: usize = 8;
/// Recent states that are asked at most.
const RECENT_MAX: usize = 64;
/// Numbers of a state that are disturbed, spread evenly over it.
const DISTURBED: usize = 64;
/// A wish beyond this is at its stop.
const SATURATED: f32 = 0.999;
/// Least change of a wish that counts as an answer to a disturbance of 1.
const SENSITIVITY: f32 = 1e-6;

/// Wishes for a number of states.
struct Answers {
    asked: usize,
    least: f32,
    most: f32,
    all_saturated: bool,
    largest_change: f32,
}

pub(super) fn examine(
    network: Option<&PolicyNetwork>,
    recent: &Known<Vec<Vec<f32>>>,
) -> Vec<Finding> {
    let Some(network) = network else {
        return vec![Finding::not_checked("there is no network that could be asked")];
    };
    let mut states = vec![vec![0.0; network.state_len()]];
    states.extend(drawn(network.state_len()));
    let mut findings = Vec::new();
    match recent {
        Ok(recent) => states.extend(recent.iter().take(RECENT_MAX).cloned()),
        Err(why) => findings.push(Finding::not_checked(format_args!("recent states: {why}"))),
    }
    match ask(network, &states) {
        Err(why) => findings.push(Finding::refused(why)),
        Ok(answers) => findings.extend(judged(&answers)),
    }
    findings
}

fn judged(answers: &Answers) -> [Finding; 2] {
    let Answers { asked, least, most, largest_change, .. } = answers;
    let wishes = if answers.all_saturated {
        Finding::refused(format_args!(
            "all wishes lie beyond ±{SATURATED} in all {asked} states: a dead policy"
        ))
    } else {
        Finding::holds(format_args!("{asked} states asked: wishes from {least:.3} to {most:.3}"))
    };
    let change = if *largest_change > SENSITIVITY {
        Finding::holds(format_args!(
            "numbers moved by ±1: wishes move by up to {largest_change:.2e}"
        ))
    } else {
        Finding::refused(format_args!(
            "numbers moved by ±1 move no wish by more than {SENSITIVITY:.0e}: it ignores the market"
        ))
    };
    [wishes, change]
}

/// Asks for every state, and for three of them (zeros, a drawn and the newest one) with their
/// numbers moved up and down.
fn ask(network: &PolicyNetwork, states: &[Vec<f32>]) -> Result<Answers, String> {
    let mut answers = Answers::default();
    for state in states {
        answers.take(&answer(network, state)?);
    }
    for state in states.iter().take(2).chain(states.last()) {
        let usual = answer(network, state)?;
        let step = state.len().div_ceil(DISTURBED).max(1);
        for place in (0..state.len()).step_by(step) {
            for by in [1.0, -1.0] {
                let moved: Vec<f32> = state
                    .iter()
                    .enumerate()
                    .map(|(index, value)| if index == place { value + by } else { *value })
                    .collect();
                let wishes = answer(network, &moved)?;
                answers.take(&wishes);
                for (wish, before) in wishes.iter().zip(&usual) {
                    answers.largest_change = answers.largest_change.max((wish - before).abs());
                }
            }
        }
    }
    Ok(answers)
}

fn answer(network: &PolicyNetwork, state: &[f32]) -> Result<Vec<f32>, String> {
    network.forward(state).map_err(|fault| fault.to_string())
}

impl Default for Answers {
    fn default() -> Self {
        Self { asked: 0, least: 1.0, most: -1.0, all_saturated: true, largest_change: 0.0 }
    }
}

impl Answers {
    fn take(&mut self, wishes: &[f32]) {
        self.asked += 1;
        for wish in wishes {
            self.least = self.least.min(*wish);
            self.most = self.most.max(*wish);
            self.all_saturated &= wish.abs() > SATURATED;
        }
    }
}

/// States with numbers between −1 and 1, always the same (xorshift).
fn drawn(length: usize) -> Vec<Vec<f32>> {
    let mut chance = 0x9e37_79b9_u32;
    let mut number = || {
        chance ^= chance << 13;
        chance ^= chance >> 17;
        chance ^= chance << 5;
        let sixteen_bits = u16::try_from(chance >> 16).unwrap_or(u16::MAX);
        f32::from(sixteen_bits) / 32768.0 - 1.0
    };
    (0..DRAWN).map(|_| (0..length).map(|_| number()).collect()).collect()
}
