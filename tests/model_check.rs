//! The real engine, model-checked: whatever dies between any two steps, never two traders, never a
//! bad model trading at rest, and always a way back to rest. Two mutants of the fence show that the
//! check has teeth.

use support::check::{Fence, explore};

const STATES_MAX: usize = 400_000;

#[test]
fn with_the_whole_fence_every_order_of_steps_is_safe_and_comes_to_rest() {
    let findings = explore(Fence::Whole, STATES_MAX);
    println!(
        "{} states, {} transitions, {} at rest, {} without a fair way to rest",
        findings.states, findings.transitions, findings.steady, findings.stuck
    );
    assert_eq!(findings.violation, None);
    assert_eq!(findings.stuck, 0);
    assert!(findings.steady > 10 && findings.states > 1000, "too small a world to prove much");
}

#[test]
fn without_the_lock_two_traders_are_found() {
    let violation = explore(Fence::NoLock, STATES_MAX).violation.expect("the mutant survived");
    println!("{violation}");
    assert!(violation.contains("two traders live"), "{violation}");
}

#[test]
fn without_generations_a_wrong_trader_is_found() {
    let violation =
        explore(Fence::NoGeneration, STATES_MAX).violation.expect("the mutant survived");
    println!("{violation}");
}
