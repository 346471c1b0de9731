"""Makes tests/golden/paper/best_trial: a finished trial as the trainer pickles it.

Usage: python make_frozen_trial.py FILE   (made with Optuna 5.0.0, Python 3.11)
"""
import pickle
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def objective(trial):
    trial.suggest_int("lookback", 5, 5)
    trial.suggest_int("norm_cash_exp", -12, -12)
    trial.suggest_float("norm_action", 11000.0, 11000.0)
    trial.suggest_float("min_cash_reserve", 0.05, 0.05)
    trial.suggest_categorical("model_name", ["ppo"])
    trial.suggest_categorical("net_dimension", [1536])
    trial.set_user_attr("name_folder", "trial_0_1h")
    trial.set_user_attr("sharpe_list", [0.1, 0.2])
    trial.report(0.5, 3)
    return 1.5


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
study.optimize(objective, n_trials=1)
with open(sys.argv[1], "wb") as out:
    pickle.dump(study.best_trial, out)
