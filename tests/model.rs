//! Model files as other programs see them: Optuna reads our trials, PyTorch our weights.

use cappuccino_core::model::best_trial::best_trial_pickle;
use cappuccino_core::model::container::Limits;
use cappuccino_core::model::torch;
use cappuccino_core::model::weights::{Tensor, Weights};
use std::fs::File;
use std::path::Path;
use support::model::{pythons, run_python, trials};

#[test]
fn real_optuna_reads_the_trial_we_hand_over_as_its_own() {
    for python in pythons("CAPPUCCINO_OPTUNA_PYTHON", "comparing best_trial with Optuna's own") {
        let folder = tempfile::tempdir().unwrap();
        let db = folder.path().join("study.db");
        run_python(&python, include_str!("python/make_study.py"), &[&db]);
        let trials = trials(&db);
        for trial in &trials {
            let pickle = best_trial_pickle(trial, &[]).unwrap();
            std::fs::write(folder.path().join(format!("{}.pickle", trial.trial_id)), pickle)
                .unwrap();
        }
        let compare = include_str!("python/compare_best_trial.py");
        let said = run_python(&python, compare, &[&db, folder.path()]);
        assert!(said.trim_end().ends_with(" 8"), "{said}");
        eprintln!("Optuna {} trials read alike", said.trim_end());
    }
}

#[test]
fn real_pytorch_loads_our_weights_and_we_load_its_own() {
    for python in pythons("CAPPUCCINO_TORCH_PYTHON", "loading our weights with PyTorch") {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (folder.path().join("actor.pth"), folder.path().join("theirs.pth"));
        let tensor =
            |shape: &[usize], values: &[f32]| Tensor::new(shape.to_vec(), values.to_vec()).unwrap();
        let weights = Weights {
            tensors: vec![
                ("a_std_log".into(), tensor(&[1, 2], &[-0.5, 0.5])),
                ("net.0.weight".into(), tensor(&[2, 3], &[1.0, 2.0, 3.0, -1.0, 0.5, 0.25])),
                ("net.0.bias".into(), tensor(&[2], &[0.0, 1.0])),
            ],
        };
        std::fs::write(&ours, torch::write(&weights, "actor").unwrap()).unwrap();
        let compare = include_str!("python/compare_weights.py");
        let version = run_python(&python, compare, &[&ours, &theirs]);
        let back = torch::read(File::open(&theirs).unwrap(), &Limits::default()).unwrap();
        assert_eq!(back.get("0.weight"), weights.get("net.0.weight"));
        assert_eq!(back.get("0.bias"), weights.get("net.0.bias"));
        eprintln!("PyTorch {} and we read each other's weights", version.trim_end());
    }
}

#[test]
fn what_we_write_again_is_the_same_to_pytorch_and_needs_none_of_its_code() {
    for python in pythons("CAPPUCCINO_TORCH_PYTHON", "opening what we wrote again with PyTorch") {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/network");
        let folder = tempfile::tempdir().unwrap();
        let mut pairs = Vec::new();
        for net in ["ppo", "ddpg", "td3", "sac"] {
            for name in ["actor.pth", "critic.pth"] {
                let theirs = golden.join(net).join(name);
                let ours = folder.path().join(format!("{net}_{name}"));
                let weights = torch::read(File::open(&theirs).unwrap(), &Limits::default());
                let written = torch::write(&weights.unwrap(), "actor").unwrap();
                std::fs::write(&ours, written).unwrap();
                pairs.extend([theirs, ours]);
            }
        }
        let pairs: Vec<&Path> = pairs.iter().map(AsRef::as_ref).collect();
        run_python(&python, include_str!("python/compare_rewritten.py"), &pairs);
    }
}
