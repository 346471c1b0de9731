//! What is written by chance comes back, whatever place it has moved to.

use super::{
    Retention, Samples,
    model::{Model, NAMES},
};
use crate::store::memory::{Memory, facts};
use crate::words::{Span, Timestamp};
use proptest::{collection::vec, prelude::*};

const HOUR: i64 = 3_600_000;

fn open(file: &Memory) -> Samples {
    Samples::open(file.clone(), &facts("1")).unwrap()
}

fn retention() -> Retention {
    Retention { raw: Span::hours(20), minutes: Span::hours(24 * 3), hours: None }
}

fn settle(samples: &mut Samples, now: i64) {
    let mut steps = 0;
    while samples.maintain(&retention(), Timestamp(now)).unwrap() {
        steps += 1;
        assert!(steps < 10_000, "maintaining comes to an end");
    }
}

#[derive(Clone, Debug)]
enum Act {
    /// Samples at so many milliseconds from the clock; the clock goes there when it is ahead.
    Write(i64, Vec<(usize, f64)>),
    /// A run of ticks, some seconds apart.
    Run(i64, usize, f64),
    /// The clock goes on.
    Wait(i64),
    Steps(usize),
    Settle,
    Reopen,
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => (-50_i32..50).prop_map(|n| f64::from(n) / 8.0),
        2 => any::<u64>().prop_map(f64::from_bits),
        1 => prop::sample::select(vec![
            0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE / 4.0, f64::MAX,
            f64::from_bits(0x7ff8_0000_dead_beef), f64::from_bits(0xfff0_0000_0000_0001),
        ]),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let sample = (0..NAMES.len(), value()).boxed();
    prop_oneof![
        4 => (-20_000_i64..60_000, vec(sample.clone(), 1..4)).prop_map(|(at, s)| Act::Write(at, s)),
        2 => (-30 * HOUR..HOUR, vec(sample, 1..4)).prop_map(|(at, s)| Act::Write(at, s)),
        3 => (1_i64..700_000, 1_usize..60, value()).prop_map(|(gap, n, v)| Act::Run(gap, n, v)),
        2 => (1_i64..10 * HOUR).prop_map(Act::Wait),
        3 => (1_usize..8).prop_map(Act::Steps),
        2 => Just(Act::Settle),
        1 => Just(Act::Reopen),
    ]
}

struct World {
    file: Memory,
    samples: Option<Samples>,
    model: Model,
    now: i64,
}

impl World {
    fn new() -> Self {
        let file = Memory::default();
        let samples = Some(open(&file));
        Self { file, samples, model: Model::default(), now: -5 * HOUR }
    }

    fn samples(&mut self) -> &mut Samples {
        self.samples.as_mut().unwrap()
    }

    fn write(&mut self, at: i64, values: &[(usize, f64)]) {
        let horizon = self.samples().keeper.horizons.raw;
        let named: Vec<_> = values.iter().map(|(series, v)| (NAMES[*series], *v)).collect();
        let outcome = self.samples().write(Timestamp(at), &named);
        assert_eq!(outcome.is_ok(), at >= horizon.0, "{outcome:?}");
        if outcome.is_ok() {
            self.model.write(at, values);
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Write(offset, values) => {
                self.write(self.now + offset, &values);
                self.now += offset.max(0);
            }
            Act::Run(gap, count, value) => {
                for turn in 0..count {
                    self.now += gap;
                    self.write(self.now, &[(0, value), (turn % 3, f64::from(turn as u32))]);
                }
            }
            Act::Wait(time) => self.now += time,
            Act::Steps(count) => {
                for _ in 0..count {
                    let now = Timestamp(self.now);
                    self.samples().maintain(&retention(), now).unwrap();
                }
            }
            Act::Settle => {
                let now = self.now;
                settle(self.samples(), now);
            }
            Act::Reopen => {
                self.samples.take().unwrap().close().unwrap();
                self.samples = Some(open(&self.file));
            }
        }
    }
}

proptest! {
    #[test]
    fn every_level_answers_like_a_plain_list_and_raw_samples_to_the_bit(
        acts in vec(act(), 1..40),
        questions in vec((-80 * HOUR..4 * HOUR, 1_i64..90 * HOUR, 2_usize..400), 12),
    ) {
        let mut world = World::new();
        for act in acts {
            world.act(act);
        }
        let samples = world.samples.as_ref().unwrap();
        world.model.check_points(samples);
        world.model.check_query(samples, i64::MIN, i64::MAX, 500);
        for (from, length, max_buckets) in questions {
            let from = world.now + from;
            world.model.check_query(samples, from, from + length, max_buckets);
        }
    }
}
