//! The file that `cappuccino init` writes: every setting with its default and its meaning.

/// A complete, commented configuration with the defaults.
pub const TEMPLATE: &str = r#"# Cappuccino's configuration. Paths are relative to this file; times are written 250ms, 60s, 15m,
# 6h or 7d. A line that starts with # shows a default.

[study]
# The SQLite database that the workers give to Optuna.
database = "databases/optuna.db"
# Needed when the database holds more than one study.
# name = "my-study"
# Which objective decides, for a multi-objective study: 0 is the first.
# objective = 0
# Time between two looks at the study while somebody writes to it; up to ten seconds otherwise,
# where the file system tells of writing. The workers are never disturbed.
# poll = "2s"
# The heartbeat_interval that the workers give to Optuna's RDBStorage, if they do.
# heartbeat_interval = "60s"

[models]
# Where a trial's model is, in the order tried: {number} {trial_id} {study} {timeframe}.
folders = [
  "train_results/cwd_tests/trial_{number}_{timeframe}",
  "train_results/cwd_tests/trial_{number}",
]
timeframe = "1h"
# The files of a complete model; .safetensors will do, too. Others are not handed to the trader.
required = ["actor.pth", "critic.pth"]
# What the trader trades, in its order: a model must have one wish for each.
# tickers = ["BTC/USD", "ETH/USD", "LTC/USD", "BCH/USD", "LINK/USD", "UNI/USD", "AAVE/USD"]

[deployment]
# Whether a better trial is deployed without asking.
auto = true
# Least gain over the live model's value, in percent of its magnitude, in the study's direction.
min_improvement_percent = 1.0
# min_improvement_absolute = 0.0
# Least time from any cutover to the next automatic one, and most of them in a day.
# min_dwell = "10m"
# max_per_day = 24
# How long a model's files must be untouched before they are copied, and how long to wait for it.
# settle = "60s"
# settle_deadline = "15m"
# Whether a person approves each deployment.
# require_approval = false
# How long the trader may take to be ready, how often it may end before a new model is given up,
# and how long a new model is watched before it counts as good.
# start_deadline = "60s"
# start_attempts = 3
# probation = "30m"
# Automatic rollbacks in a row before everything is halted for a person to look.
# rollback_budget = 3
# What a failing model leads to: rollback, freeze or stop.
# on_failure = "rollback"

[gate]
# The newest candles that `cappuccino trade` has kept; a sound model trades them once more before
# it goes live. 0 switches a rule off.
# days = 30
max_loss_percent = 20
max_drawdown_percent = 35
# Percent points of growth behind the live model, and behind holding, on the same bars.
# max_behind_live_percent = 0
# max_behind_hold_percent = 0
# Refuse a model that could not be tried, for want of candles or tickers.
# required = false

[guard]
# Rules that take a live model back, as `on_failure` says; 0 switches a rule off. They need a
# session file for each revision.
# Loss from the account's highest worth, in percent.
max_drawdown_percent = 25
# Growth behind holding the same tickers, in percent points, once the session has so many rows.
# max_lag_percent = 0
# Growth behind the model before, which trades on beside it (with `cappuccino trade` only).
# max_behind_previous_percent = 0
# min_rows = 24
# Time without a new row.
# max_silence = "0s"

[lanes]
# With `cappuccino trade`: how many of the newest models that passed the examination and are not
# live trade beside it on the same bars, each with its own money; besides the model before.
# shadows = 2
# What follows when one of them is better beyond doubt (all but a thousandth of a bootstrap, after
# 168 bars in common and whenever they have doubled): `ask` tells you, `auto` deploys it like a
# better trial, `never` does nothing. One that is worse beyond doubt ends.
# promote = "ask"

[machine]
# Time between two looks at graphics cards, processor, memory and disk.
# every = "10s"
# When a card is warm and when it is too hot.
gpu_warm_celsius = 80
gpu_hot_celsius = 85
# While workers run: a card used less than this, over this time, is reported.
gpu_idle_percent = 50
# gpu_idle_for = "10m"
# While workers run: no finished trial for this long is reported.
stalled_after = "1h"
# How full the workspace's disk may be.
disk_high_percent = 90
disk_full_percent = 95
# NVIDIA's library, when it is not where it usually is; the root of sysfs, for AMD cards.
# nvml_library = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"
# sysfs = "/sys"

[alerts]
# How long something must be wrong before it is told, and right before it is over.
# for = "0s"
# keep = "0s"
# An alert is repeated after 5, 10, 20 … minutes, so often; one about a process after 1 and 3
# hours, unless these are set; a critical one until somebody acknowledges it
# (`cappuccino ack KEY`) or it is over.
# repeat_first = "5m"
# repeat_max = "4h"
# repeats = 5
# So many beginnings and ends in this time are flapping, which is told once.
# flap_turns = 5
# flap_window = "30m"
# Losses of the live model from its highest worth, in percent (the guard acts beyond them).
# drawdown_percent = 10
# drawdown_severe_percent = 15
# A session without a new row; two bars of the timeframe unless written.
# session_silent = "2h"
# A disk that fills so fast, a study's database that grows by so much in a day.
# disk_full_within = "7d"
# study_growth_megabytes = 1024
# Time between two messages about trades; between two looks at every page of the study's database.
# trades_every = "6h"
# integrity_every = "6h"

# Some alerts otherwise: any number of these; * stands for anything.
# [[alerts.rule]]
# key = "gpu/*/temperature"
# for = "1m"
# severity = "critical"        # or "info", "warning"

[backups]
# Daily copies of the state to keep.
keep = 7

[notify]
# When only what is critical is told; the rest comes as one message afterwards. Local time.
# quiet_hours = "22:00-07:00"

# Who is told of alerts, deployments and rollbacks: any number of channels, each with a name of its
# own; `cappuccino notify-test` tries them. docs/OPERATIONS.md shows every kind: desktop, ntfy,
# slack, discord, webhook, telegram, email, command, heartbeat.
[[notify.channel]]
kind = "desktop"
# name = "desktop"
# min_severity = "info"       # or "warning", "critical"
# Pause after a failed try; it doubles. A line that was tried so often or so long is given up.
# retry_delay = "5s"
# retry_delay_max = "15m"
# max_tries = 100
# give_up_after = "24h"

# [[notify.channel]]
# kind = "ntfy"
# url = "https://ntfy.sh"
# topic = "my-workstation"
# token_env = "NTFY_TOKEN"    # or token_file = "path", readable by its owner only

[[process]]
name = "worker"
role = "worker"
# Three of them: worker-1, worker-2, worker-3.
instances = 3
# {instance} is replaced by 1, 2, 3; the variable CAPPUCCINO_INSTANCE holds it too.
command = ["python", "-u", "1_optimize_unified.py", "--n-trials", "500", "--gpu", "0"]
# environment = { CUDA_VISIBLE_DEVICES = "0" }
# Restarts within the window; then a cooldown, then one more try.
# max_restarts = 3
# restart_window = "10m"
# restart_cooldown = "300s"   # doubles with every further start that fails, up to an hour
# restart_cooldown_max = "1h"
# healthy_after = "10m"
# restart = "always"          # or "on-failure", "never"
# auto_restart = true
# no_restart_codes = [3]      # exit codes that mean: another try is useless
# critical = false            # whether its alerts are critical rather than warnings
# after = ["feed"]            # started when these are ready, stopped before them
# When it is ready: a text in its log (between slashes a regular expression), a file it writes, an
# address that answers, each within a time; or simply after a while.
# ready = { log = "/^trial \\d+/", within = "60s" }
# ready = { file = "ready-{instance}" }
# ready = { http = "http://127.0.0.1:8000/health" }
# ready = { delay = "5s" }
# How long each sign of life may be missing; it is ended when two or more agree.
# liveness = { log = "10m", cpu = "5m", gpu = "5m", heartbeat_file = "beat", heartbeat = "2m" }
# Most memory of it and all it started; over it, it is restarted.
# memory_limit = "12GiB"
# stop_signal = "TERM"
# stop_grace = "30s"
# log_cap_megabytes = 50

[[process]]
name = "trader"
role = "trader"
# {model_dir} {trial} {number} {session_csv} {log} are replaced.
command = [
  "python", "-u", "paper_trader_alpaca_polling.py",
  "--model-dir", "{model_dir}",
  "--tickers", "BTC/USD", "ETH/USD", "LTC/USD", "BCH/USD", "LINK/USD", "UNI/USD", "AAVE/USD",
  "--timeframe", "1h", "--history-hours", "120", "--poll-interval", "60", "--gpu", "-1",
  "--log-file", "{session_csv}",
]
# Where it writes its trades and worth; {revision} is replaced by the revision's number.
# session_csv = "paper_trades/revision_{revision}.csv"
# The original trader handles SIGINT only.
stop_signal = "INT"
# The trader that is built in needs no Python, goes on after a restart with the same positions, and
# ends on SIGTERM (then leave out stop_signal); `cappuccino trade --help` tells more:
# command = [
#   "cappuccino", "trade", "--model", "{model_dir}", "--session", "{session_csv}",
#   "--tickers", "BTC/USD", "ETH/USD", "LTC/USD", "BCH/USD", "LINK/USD", "UNI/USD", "AAVE/USD",
#   "--timeframe", "1h", "--feed", "alpaca",
# ]
"#;
