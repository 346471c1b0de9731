//! Simulated years: the real engine, virtual time, seeded trouble, laws that hold throughout.
//!
//! `CAPPUCCINO_SIM_YEARS=N` lives N years per seed (1 by default), `CAPPUCCINO_SIM_SEED=S` starts
//! from that seed. The seed is printed: the same seed gives the same life.

use cappuccino_core::words::Span;
use std::time::Instant;
use support::sim::Simulation;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn simulated_years_break_no_law() {
    let seeds = setting("CAPPUCCINO_SIM_SEEDS", 4);
    let years = setting("CAPPUCCINO_SIM_YEARS", 1);
    let first = setting("CAPPUCCINO_SIM_SEED", 20_261_124);
    for seed in first..first + seeds {
        let began = Instant::now();
        let mut simulation = Simulation::new(seed);
        let span =
            Span::hours(i64::try_from(years).unwrap() * 365 * 24 / i64::try_from(seeds).unwrap());
        if let Err(violation) = simulation.run(span) {
            panic!(
                "after {}: {violation}\nrun it again with CAPPUCCINO_SIM_SEED={seed} CAPPUCCINO_SIM_SEEDS=1",
                Span(simulation.body.elapsed)
            );
        }
        let spent = began.elapsed();
        println!("seed {seed}: {span} of life in {spent:.1?}: {:?}", simulation.figures);
        let figures = &simulation.figures;
        assert!(figures.went_live > 10 && figures.rollbacks > 0, "too quiet a life to prove much");
        assert!(figures.promoted > 0, "nobody was promoted");
        let a_day = figures.decisions / u64::try_from(span.0 / 86_400_000).unwrap();
        assert!(a_day < 5000, "{a_day} decisions a day: the loop wakes for nothing");
        assert!(figures.runner_crashes > 10 && figures.peaceful_checks > 100);
    }
}

#[test]
fn one_seed_is_one_life() {
    let live = || {
        let mut simulation = Simulation::new(7);
        simulation.run(Span::hours(24 * 20)).unwrap();
        simulation.figures
    };
    assert_eq!(live(), live());
}
