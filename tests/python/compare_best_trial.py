"""Compares the pickles TRIAL_ID.pickle in a folder with the trials that Optuna itself reads."""
import pathlib
import pickle
import sys

import optuna

db, folder = sys.argv[1:]
study = optuna.load_study(storage=f"sqlite:///{db}", study_name="all sorts")
for real in study.trials:
    ours = pickle.loads(pathlib.Path(folder, f"{real._trial_id}.pickle").read_bytes())
    assert type(ours) is type(real), type(ours)
    for field in ["number", "state", "values", "params", "distributions", "user_attrs",
                  "system_attrs", "intermediate_values", "datetime_start", "datetime_complete",
                  "_trial_id"]:
        # By their text, because NaN is unequal to itself; dictionaries regardless of order.
        mine, theirs = getattr(ours, field), getattr(real, field)
        if isinstance(theirs, dict):
            mine, theirs = (sorted(d.items(), key=repr) for d in (mine, theirs))
        assert repr(mine) == repr(theirs), (real.number, field, mine, theirs)
    repr(ours), pickle.dumps(ours)
print(optuna.__version__, len(study.trials))
