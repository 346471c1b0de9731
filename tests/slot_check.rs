//! Every order of events around one trader's slot, with the real engine: no second trader, no
//! unnamed model, no bad model live, and from everywhere a way back to rest. Two broken fences
//! show that the check would find what the fence is there for.
//!
//! `CAPPUCCINO_CHECK="TRIALS MISFORTUNES CLICKS,…"` sets how much may happen in one trace.

use std::time::Instant;
use support::explore::{Explored, explore};
use support::slot::{Bounds, Fence, SlotModel};

/// States that fit the memory of a small machine.
const STATES_MAX: usize = 6_000_000;

/// How much may happen: as the environment says, or what a minute is enough for.
fn worlds() -> Vec<Bounds> {
    let text = std::env::var("CAPPUCCINO_CHECK").unwrap_or_else(|_unset| "2 2 0,2 1 1".into());
    let bounds = |numbers: &str| {
        let numbers: Vec<u8> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
        let [trials, misfortunes, clicks] = numbers[..] else { panic!("three numbers: {text:?}") };
        Bounds { trials, misfortunes, clicks }
    };
    text.split(',').map(bounds).collect()
}

fn check(fence: Fence, bounds: Bounds) -> Explored {
    let began = Instant::now();
    let explored = explore(&SlotModel::new(fence, bounds), STATES_MAX);
    let Explored { states, transitions, steady, stuck, .. } = &explored;
    println!(
        "{fence:?}, {bounds:?}: {states} states, {transitions} transitions, {steady} at rest, \
         {stuck} from which no way leads to rest; {:.1?}",
        began.elapsed()
    );
    for (law, trace) in &explored.broken {
        println!("  {law}:\n    {}", trace.join("\n    "));
    }
    if *stuck > 0 {
        println!("  no way to rest:\n    {}", explored.stuck_trace.join("\n    "));
    }
    explored
}

/// Whether some world shows that this law is broken.
fn is_noticed(fence: Fence, law: &str) -> bool {
    worlds().into_iter().any(|bounds| check(fence, bounds).broken.contains_key(law))
}

#[test]
fn with_the_whole_fence_every_law_holds_and_rest_is_always_in_reach() {
    for bounds in worlds() {
        let explored = check(Fence::Whole, bounds);
        assert!(explored.broken.is_empty(), "{:?}", explored.broken.keys());
        assert_eq!(explored.stuck, 0, "states from which no way leads to rest");
        assert!(explored.steady > 10 && explored.states > 1000, "too small to prove much");
    }
}

#[test]
fn without_an_inherited_lock_two_traders_live() {
    assert!(is_noticed(Fence::NoLock, "two traders live"));
}

#[test]
fn without_generations_a_model_lives_that_the_record_does_not_name() {
    assert!(is_noticed(Fence::NoGeneration, "a revision lives that the record does not name"));
}
