//! Our forward pass beside PyTorch's, on files that PyTorch wrote (`tests/python/make_networks.py`).

use cappuccino_core::model::container::Limits;
use cappuccino_core::model::network::{Architecture, ForwardFault, PolicyNetwork};
use cappuccino_core::model::torch;
use cappuccino_core::model::weights::{Tensor, Weights, WeightsFault};
use std::fs::File;
use std::path::{Path, PathBuf};

#[derive(serde::Deserialize)]
struct Answer {
    state: Vec<f32>,
    action: Vec<f32>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/network").join(name)
}

fn actor(name: &str) -> Weights {
    torch::read(File::open(folder(name).join("actor.pth")).unwrap(), &Limits::default()).unwrap()
}

#[test]
fn every_architecture_answers_as_pytorch_does() {
    for (name, architecture) in [
        ("ppo", Architecture::Ppo),
        ("ddpg", Architecture::Deterministic),
        ("td3", Architecture::Deterministic),
        ("sac", Architecture::Sac),
    ] {
        let network = PolicyNetwork::from_actor(&actor(name)).unwrap();
        assert_eq!(network.architecture(), architecture);
        let sizes = (network.state_len(), network.net_dimension(), network.actions());
        assert_eq!((sizes, network.lookback()), ((37, 20, 3), Some(1)));
        let text = std::fs::read_to_string(folder(name).join("answers.json")).unwrap();
        let answers: Vec<Answer> = serde_json::from_str(&text).unwrap();
        assert_eq!(answers.len(), 6);
        for Answer { state, action } in answers {
            let ours = network.forward(&state).unwrap();
            let worst = ours.iter().zip(&action).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(ours.len() == 3 && worst <= 1e-5, "{name}: {ours:?} {action:?}");
        }
    }
}

/// The original counted the rows of `net.4`, which is no last layer in DDPG and TD3.
#[test]
fn t10_the_tickers_of_a_model_are_counted_in_its_last_layer() {
    for name in ["ddpg", "td3"] {
        let weights = actor(name);
        let rows = |layer: &str| weights.get(layer).unwrap().shape()[0];
        assert_eq!((rows("net.4.weight"), rows("net.6.weight")), (20, 3));
        assert_eq!(PolicyNetwork::from_actor(&weights).unwrap().actions(), 3, "{name}");
    }
}

#[test]
fn a_state_that_does_not_fit_gets_no_wish() {
    let network = PolicyNetwork::from_actor(&actor("ppo")).unwrap();
    assert_eq!(
        network.forward(&[0.0; 36]),
        Err(ForwardFault::StateLength { found: 36, wanted: 37 })
    );
    let mut state = [0.0; 37];
    state[5] = f32::NAN;
    assert_eq!(network.forward(&state), Err(ForwardFault::StateNotFinite(5)));
    let mut weights = actor("ppo");
    for (_, tensor) in &mut weights.tensors {
        let huge = tensor.values().iter().map(|value| value.signum() * 3e38).collect();
        *tensor = Tensor::new(tensor.shape().to_vec(), huge).unwrap();
    }
    let network = PolicyNetwork::from_actor(&weights).unwrap();
    assert_eq!(network.forward(&[1.0; 37]), Err(ForwardFault::ActionNotFinite));
}

#[test]
fn what_is_no_actor_is_refused_by_the_tensor_that_shows_it() {
    for name in ["ppo", "ddpg", "sac"] {
        for index in 0..actor(name).tensors.len() {
            let mut missing = actor(name);
            missing.tensors.remove(index);
            assert!(PolicyNetwork::from_actor(&missing).is_err(), "{name} without {index}");
            let mut misshapen = actor(name);
            misshapen.tensors[index].1 = Tensor::matrix(7, vec![0.5; 77]);
            let verdict = PolicyNetwork::from_actor(&misshapen);
            assert!(
                matches!(verdict, Err(WeightsFault::Shape { .. })),
                "{name} {index} {verdict:?}"
            );
        }
        let mut more = actor(name);
        more.tensors.push(("net.8.weight".into(), Tensor::vector(vec![1.0])));
        let foreign = WeightsFault::Unexpected("net.8.weight".into());
        assert_eq!(PolicyNetwork::from_actor(&more), Err(foreign));
    }
    let empty = Weights::default();
    assert_eq!(PolicyNetwork::from_actor(&empty), Err(WeightsFault::UnknownNetwork));
}
