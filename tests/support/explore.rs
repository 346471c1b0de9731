//! Visits every state that a model can reach, breadth first, so that the first trace to a broken
//! law is a shortest one; then asks from which of them rest can still be reached.

use std::collections::{BTreeMap, HashMap, VecDeque};

/// One step of a model.
pub struct Edge<S> {
    /// What happens, for the trace.
    pub label: String,
    /// What it leads to.
    pub next: S,
    /// Whether it happens sooner or later when it can: the runner's own work, not misfortune.
    pub fair: bool,
}

/// A system with finitely many states.
pub trait Model {
    /// One of them, in a form in which equal futures are equal.
    type State;
    /// Where it begins.
    fn first(&self) -> Self::State;
    /// What can happen next.
    fn edges(&self, state: &Self::State) -> Vec<Edge<Self::State>>;
    /// Two states with one key are one state.
    fn key(&self, state: &Self::State) -> u128;
    /// The law that this state breaks.
    fn broken(&self, state: &Self::State) -> Option<&'static str>;
    /// Whether everything has come to rest as it should.
    fn is_steady(&self, state: &Self::State) -> bool;
}

/// What an exploration found.
#[derive(Debug, Default)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub transitions: usize,
    /// States at rest.
    pub steady: usize,
    /// Every law that was broken, with a shortest way there; no step is taken from there.
    pub broken: BTreeMap<&'static str, Vec<String>>,
    /// States from which no fair step leads to rest.
    pub stuck: usize,
    /// A shortest way to the first of them.
    pub stuck_trace: Vec<String>,
}

/// Visits at most `limit` states.
///
/// # Panics
/// There are more.
pub fn explore<M: Model>(model: &M, limit: usize) -> Explored {
    let mut walk = Walk::default();
    let mut queue = VecDeque::new();
    let first = model.first();
    walk.enter(model.key(&first), None);
    queue.push_back((0, first));
    while let Some((here, state)) = queue.pop_front() {
        if let Some(law) = model.broken(&state) {
            if !walk.broken.contains_key(law) {
                let trace = walk.trace(here);
                walk.broken.insert(law, trace);
            }
            walk.ends.push(here);
            continue;
        }
        if model.is_steady(&state) {
            walk.steady.push(here);
        }
        for Edge { label, next, fair } in model.edges(&state) {
            let key = model.key(&next);
            let (there, is_new) = walk.enter(key, Some((here, label)));
            walk.transitions += 1;
            if fair {
                walk.fair.push((there, here));
            }
            if is_new {
                assert!(walk.cameby.len() <= limit, "more than {limit} states");
                queue.push_back((there, next));
            }
        }
    }
    walk.finish()
}

/// An exploration under way; states go by their number.
#[derive(Default)]
struct Walk {
    seen: HashMap<u128, usize>,
    cameby: Vec<Option<(usize, String)>>,
    fair: Vec<(usize, usize)>,
    steady: Vec<usize>,
    broken: BTreeMap<&'static str, Vec<String>>,
    /// States in which a law is broken: where they lead is no question.
    ends: Vec<usize>,
    transitions: usize,
}

impl Walk {
    /// The number of a state, and whether it is new.
    fn enter(&mut self, key: u128, way: Option<(usize, String)>) -> (usize, bool) {
        let next = self.cameby.len();
        let number = *self.seen.entry(key).or_insert(next);
        if number == next {
            self.cameby.push(way);
        }
        (number, number == next)
    }

    fn trace(&self, to: usize) -> Vec<String> {
        let mut trace = Vec::new();
        let mut at = to;
        while let Some((before, label)) = &self.cameby[at] {
            trace.push(label.clone());
            at = *before;
        }
        trace.reverse();
        trace
    }

    /// Walks the fair steps backwards from every state at rest.
    fn finish(mut self) -> Explored {
        self.fair.sort_unstable();
        let mut reached = vec![false; self.cameby.len()];
        let mut queue: Vec<usize> = self.steady.iter().chain(&self.ends).copied().collect();
        while let Some(state) = queue.pop() {
            if std::mem::replace(&mut reached[state], true) {
                continue;
            }
            let from = self.fair.partition_point(|(there, _)| *there < state);
            let into = self.fair[from..].iter().take_while(|(there, _)| *there == state);
            queue.extend(into.map(|(_, before)| *before));
        }
        let stuck: Vec<usize> = (0..reached.len()).filter(|state| !reached[*state]).collect();
        let stuck_trace = stuck.first().map_or_else(Vec::new, |state| self.trace(*state));
        Explored {
            states: self.cameby.len(),
            transitions: self.transitions,
            steady: self.steady.len(),
            broken: self.broken,
            stuck: stuck.len(),
            stuck_trace,
        }
    }
}
