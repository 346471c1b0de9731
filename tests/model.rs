//! Model files as other programs see them: Optuna reads our trials, PyTorch our weights.

use cappuccino_core::model::best_trial::best_trial_pickle;
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
