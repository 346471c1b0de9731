#!/usr/bin/env bash
# The long runs: years of simulation, hundreds of kills, hours beside Optuna. Seeds are printed.
set -euo pipefail
cd "$(dirname "$0")/.."

CAPPUCCINO_SIM_SEED="${SEED:-$(date +%s)}" CAPPUCCINO_SIM_YEARS=20 \
  cargo test --locked -p cappuccino-tests --test sim -- --nocapture
CAPPUCCINO_CRASH_SEEDS=200 cargo test --locked -p cappuccino-tests --test crash -- --nocapture
CAPPUCCINO_KILL_SEED="${SEED:-$(date +%s)}" CAPPUCCINO_KILLS=1000 \
  cargo test --locked -p cappuccino-tests --test daemon -- --nocapture
CAPPUCCINO_FUZZ_SEED="${SEED:-$(date +%s)}" CAPPUCCINO_FUZZ_SECONDS=600 \
  cargo test --locked -p cappuccino-tests --test parsers -- --test-threads=1 --nocapture
CAPPUCCINO_KILL_SEED="${SEED:-$(date +%s)}" CAPPUCCINO_KILL_ROUNDS=2500 \
  cargo test --locked -p cappuccino-tests --test kills -- --nocapture
CAPPUCCINO_HOST_ROUNDS=5000 cargo test --locked -p cappuccino-tests --test host -- --nocapture
if [ -n "${CAPPUCCINO_OPTUNA_PYTHON:-}" ]; then
  CAPPUCCINO_OPTUNA_SECONDS=1240 cargo test --locked -p cappuccino-tests --test optuna -- --nocapture
fi
