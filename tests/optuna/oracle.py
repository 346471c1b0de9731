"""Real Optuna's view of a database, asked line by line on standard input.

make STUDY DIRECTION JOURNAL | delete STUDY | best STUDY  →  one JSON line each.
"""

import json
import sqlite3
import sys
import warnings

import optuna

warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
db = sys.argv[1]


def answer(words):
    storage = optuna.storages.RDBStorage(f"sqlite:///{db}")
    if words[0] == "make":
        with sqlite3.connect(db) as connection:
            connection.execute(f"PRAGMA journal_mode={words[3]}")
        optuna.create_study(study_name=words[1], direction=words[2], storage=storage)
        return {"version": optuna.__version__}
    if words[0] == "delete":
        optuna.delete_study(study_name=words[1], storage=storage)
        return {}
    study = optuna.load_study(study_name=words[1], storage=storage)
    try:
        best = study.best_trial.number
    except ValueError:
        best = None
    return {"best": best}


for line in sys.stdin:
    print(json.dumps(answer(line.split())), flush=True)
