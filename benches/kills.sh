#!/bin/sh
# 10 000 rounds of random kills of runner, shims and programs, twice: of one slot within the
# milliseconds of a start or an end, and of a whole runner, whose counters and history in the state
# file must then be what the programs told of themselves. Seeds are printed and can be given. A
# quarter of an hour on two cores.
#
#     benches/kills.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/.."
ROUNDS="${1:-10000}"
CAPPUCCINO_HOST_ROUNDS="$ROUNDS" nice cargo test -p cappuccino-tests --test host random -- --nocapture
CAPPUCCINO_KILL_ROUNDS="$ROUNDS" nice cargo test -p cappuccino-tests --test kills -- --nocapture
