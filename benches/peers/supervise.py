#!/usr/bin/env python3
"""Supervisors side by side: the same workers, the same blows, one harness, one run.

    cargo build --release -p cappuccino-headless && python3 benches/peers/supervise.py

Prints tables for docs/MEASUREMENTS.md. supervisor and circus come from pip, pm2 from npm, runit, s6
and monit from Debian, horust and pitchfork are built by cargo; all are kept in `target/peers` but
s6, which is installed (as root only, where it is missing), and `--fetch` only fetches them. What cannot be had or measured is said with the reason. Ours and the
peers are told to restart without delay and without end, except in the crash loop.
"""

import argparse
import os
import pathlib
import sys
import time

from supervisors import blows, harness, logs, many
from supervisors.ours import Cappuccino
from supervisors.provide import everyone, provide

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Tables:
    """Runs each measurement for each supervisor; prints one table per measurement."""

    def __init__(self, kinds, options):
        self.kinds, self.options = kinds, options

    def wanted(self, name):
        """`T1` asks for the table "T1, T8", not for T10."""
        parts = name.partition(":")[0].replace(" ", "").split(",")
        return not self.options.tables or any(part in self.options.tables for part in parts)

    def one_by_one(self, name, heads, measure, kinds=None):
        kinds = self.kinds if kinds is None else kinds
        if self.wanted(name) and kinds:
            self.head(name, heads)
            for title, kind in kinds:
                try:
                    cells = measure(kind)
                except harness.TROUBLE as why:
                    cells = [str(why) or repr(why)] + [""] * (len(heads) - 1)
                self.row(title, cells)

    def together(self, name, heads, measure):
        if self.wanted(name):
            self.head(name, heads)
            rows = measure(self.kinds)
            for title, _ in self.kinds:
                self.row(title, rows[title])

    def head(self, name, heads):
        load = os.getloadavg()[0]
        print(f"\n{name} (load {load:.1f})\n\n| | " + " | ".join(heads) + " |")
        print("|---" * (len(heads) + 1) + "|", flush=True)

    def row(self, title, cells):
        print("| " + " | ".join([title, *cells]) + " |", flush=True)


def measure(tables, options):
    ours = [(title, kind) for title, kind in tables.kinds if kind is Cappuccino]
    tables.one_by_one(
        "T1, T8", ["restart, ms: p50 / p99 (of)", "RSS of main, MiB", "PSS of all, MiB",
                   "PSS of a helper"], lambda kind: blows.restarts_and_memory(kind, options))
    tables.together(
        "T6, T7", ["wake-ups/s of main", "of all helpers", "main's threads", "CPU %"],
        lambda kinds: blows.idle(kinds, options))
    heads = ["workers alive", "instances after a new start",
             "an end meanwhile (code 7) is known as",
             "then a death noticed and restarted, ms: p50 / p99 (of)"]
    for what, everything in (("main process", False), ("every process of it", True)):
        tables.one_by_one(f"T2, T3, T5: {what} killed", heads,
                          lambda kind, all_=everything: blows.killed(kind, options, all_))
    tables.one_by_one(
        "T10: stop, worker / child / fled grandchild",
        ["obedient: fate, time from the stop", "ignores the signal"],
        lambda kind: blows.stops(kind, options))
    tables.together(f"T11: crash loop, starts in {options.loop_seconds} s", ["starts"],
                    lambda kinds: blows.crash_loops(kinds, options))
    tables.one_by_one(
        f"T9: {options.many} workers", ["all begun after", "PSS of all, MiB", "wake-ups/s",
                                        f"{many.VICTIMS} killed at once, all back after"],
        lambda kind: many.crowd(kind, options))
    tables.one_by_one(
        "T4: from exec to all attached, ms: p50 / p99 (of)",
        ["5 workers", f"{options.many} workers"],
        lambda kind: many.attached(kind, options), ours)
    peers = tables.kinds[len(ours):]
    for kinds, seconds in ((ours, options.log_seconds), (peers, options.log_seconds / 3)):
        tables.one_by_one(
            f"T12: a log of {logs.CAP_MEGABYTES} MB, {logs.MEGABYTES_PER_SECOND} MB/s for "
            f"{seconds:.0f} s, the supervisor stopped for the second third",
            ["most on the disk", "last above 1.1 caps, after its return", "lines missing among those kept",
             "longest write", "pace of the writer"],
            lambda kind, time_=seconds: logs.logs(kind, options, time_), kinds)
    tables.one_by_one(
        "T13: update of the runner under load", ["workers restarted", "gap, ms: p50 / p99 (of)"],
        lambda kind: many.update(kind, options), ours)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20, help="of idleness that are measured")
    parser.add_argument("--rounds", type=int, default=100, help="killed workers, at most")
    parser.add_argument("--patience", type=float, default=4, help="seconds after a new start")
    parser.add_argument("--many", type=int, default=many.MANY, help="workers of the crowd")
    parser.add_argument("--loop-seconds", type=int, default=60, help="of the crash loop")
    parser.add_argument("--log-seconds", type=int, default=60, help="of our writer; peers a third")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "target/peers")
    parser.add_argument("--disk", type=pathlib.Path, default=pathlib.Path("/tmp"),
                        help="folder on the disk to measure on")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/cappuccino")
    parser.add_argument("--only", action="append", help="supervisors whose names hold this")
    parser.add_argument("--tables", action="append", help="this one: T1, T6, …; may be repeated")
    parser.add_argument("--fetch", action="store_true", help="fetch the peers and end")
    options = parser.parse_args()
    options.tools, options.program = options.tools.resolve(), options.program.resolve()
    return options


def main():
    options = arguments()
    if not options.fetch and not options.program.exists():
        sys.exit("error: build it first: cargo build --release -p cappuccino-headless")
    only = [part.lower() for part in options.only or [""]]
    asked = lambda title: any(part in title.lower() for part in only)
    provide(options.tools, asked)
    if options.fetch:
        return
    kinds = []
    for title, kind, program in everyone(options):
        if asked(title) and pathlib.Path(program).exists():
            kinds.append((title, kind))
        elif asked(title):
            print(f"{title}: skipped, {program} is not there", file=sys.stderr)
    began = time.monotonic()
    flush = harness.spread(harness.flushes(options.disk))
    print(f"{time.strftime('%Y-%m-%d')}, Linux {os.uname().release}, {os.cpu_count()} cores; "
          f"fsync of 400 bytes, ms: {flush}.")
    measure(Tables(kinds, options), options)
    print(f"\n{time.monotonic() - began:.0f} s.", file=sys.stderr)


if __name__ == "__main__":
    main()
