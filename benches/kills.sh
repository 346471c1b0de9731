#!/bin/sh
# Some 10 000 random kills of runner, shims and programs, each judged by the oracle of the lives
# themselves. About a quarter of an hour on two cores; a seed is printed and can be given.
#
#     benches/kills.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/.."
CAPPUCCINO_HOST_ROUNDS="${1:-6600}" nice cargo test -p cappuccino-tests --test host random -- --nocapture
