"""Opens a study that we wrote, reads everything, and goes on with it."""
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.load_study(storage=f"sqlite:///{sys.argv[1]}", study_name="demo")
best, trials = study.best_trial, study.trials
assert [trial.number for trial in trials] == list(range(len(trials)))
assert study.direction == optuna.study.StudyDirection.MAXIMIZE
for trial in trials:
    if trial.state.is_finished():
        assert trial.datetime_start <= trial.datetime_complete
    if trial.state == optuna.trial.TrialState.COMPLETE:
        trial._validate()
        assert trial.user_attrs["name_folder"] == f"trial_{trial.number}_1h"
# The demonstration's planted trials claim what is not so; its workers climb from the honest best.
complete = [trial for trial in trials if trial.state == optuna.trial.TrialState.COMPLETE]
assert best.value == max(trial.value for trial in complete)
best = max((t for t in complete if "planted" not in t.user_attrs), key=lambda t: t.value)
states = [trial.state.name for trial in trials]
print(best.number, len(trials), *(states.count(state) for state in ["COMPLETE", "PRUNED", "FAIL"]))
print("judged by Optuna", optuna.__version__, "best", best.number, best.value, best.params, file=sys.stderr)
study.optimize(lambda trial: trial.suggest_float("step", 0.03, 1.0, log=True), n_trials=1)
assert study.trials[-1].number == len(trials)
