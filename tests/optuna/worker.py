"""One training process under real Optuna: every kind of trial a reader meets.

Prints one JSON line at its end: how many trials it ran and every storage error it saw.
"""

import argparse
import json
import logging
import math
import random
import time

import optuna

parser = argparse.ArgumentParser()
parser.add_argument("--db", required=True)
parser.add_argument("--study", required=True)
parser.add_argument("--direction", required=True)
parser.add_argument("--journal", required=True, choices=["delete", "wal"])
parser.add_argument("--seconds", type=float, required=True)
parser.add_argument("--seed", type=int, required=True)
options = parser.parse_args()

errors = []


class Watch(logging.Handler):
    def emit(self, record):
        text = self.format(record)
        if "locked" in text or "OperationalError" in text or "StorageInternalError" in text:
            errors.append(text[:300])


optuna.logging.set_verbosity(optuna.logging.WARNING)
optuna.logging.disable_default_handler()
logging.getLogger("optuna").addHandler(Watch())
chance = random.Random(options.seed)


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    layers = trial.suggest_int("layers", 1, 8)
    kind = trial.suggest_categorical("kind", ["a", "b", None, 3])
    trial.set_user_attr("pid", 1)
    for step in range(3):
        trial.report(x + step, step)
        time.sleep(chance.random() * 0.02)
        if chance.random() < 0.05:
            raise optuna.TrialPruned()
    fate = chance.random()
    if fate < 0.03:
        raise ValueError("the objective failed")
    if fate < 0.04:
        return math.inf
    if fate < 0.05:
        return -math.inf
    if fate < 0.06:
        return math.nan
    return x * x - layers + rate + (0 if kind else 1)


def constraints(trial):
    return (trial.params.get("x", 0.0) - 9.0,)


sampler = optuna.samplers.TPESampler(seed=options.seed, constraints_func=constraints)
storage = optuna.storages.RDBStorage(f"sqlite:///{options.db}")
study = optuna.load_study(study_name=options.study, storage=storage, sampler=sampler)
end = time.monotonic() + options.seconds
trials = 0
while time.monotonic() < end:
    try:
        study.optimize(objective, n_trials=1, catch=(ValueError,))
        trials += 1
    except Exception as error:  # every escape of the storage counts
        errors.append(repr(error)[:300])
print(json.dumps({"trials": trials, "errors": errors}), flush=True)
