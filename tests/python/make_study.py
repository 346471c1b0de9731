"""Writes a study whose trials hold everything that Optuna can store."""
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(storage=f"sqlite:///{sys.argv[1]}", study_name="all sorts")


def objective(trial):
    x = trial.suggest_float("x", -1.5, 2.5)
    trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    trial.suggest_float("grid", 0.0, 1.0, step=0.25)
    trial.suggest_int("width", 768, 2048, step=64)
    trial.suggest_int("log width", 1, 1024, log=True)
    trial.suggest_categorical("model", ["ppo", None, True, 3, 0.5, "ü\n'\"\\"])
    trial.set_user_attr("name_folder", f"trial_{trial.number}_1h")
    trial.set_user_attr("odd", [float("nan"), float("inf"), -float("inf"), 2**80, -(2**63), 1e-300])
    trial.set_user_attr("text", {"lone": "\ud800", "pair": "😀", "": "\x00\x1f\u2028"})
    trial.set_user_attr("deep", [[[{"a": [None, True, False, {}, []]}]]])
    trial.set_system_attr("fixed", {"z": 1}) if hasattr(trial, "set_system_attr") else None
    trial.report(x, 0)
    trial.report(float("nan"), 3)
    trial.report(float("inf"), 2**31 - 1)
    if trial.number == 1:
        raise optuna.TrialPruned
    if trial.number == 2:
        return float("nan")
    if trial.number == 3:
        return float("-inf")
    return x


study.optimize(objective, n_trials=6)
study.enqueue_trial({"x": 0.5})
study.ask()
study.enqueue_trial({"x": 0.25})
