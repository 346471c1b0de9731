#!/usr/bin/env python3
"""What an idle supervisor costs: memory and processor time with five sleeping processes.

Runs `cappuccino`, supervisord and pm2 one after the other on this machine and prints one line for
each. Ours watches all it can by default meanwhile: a study of 1000 trials, a trader's session, the
machine and its (absent) cards, signs of life, alerts, one channel; the others only the processes.
Peers that cannot be installed (pip, npm) are skipped with the reason.

    cargo build --release && python3 benches/peers/idle.py --seconds 60
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "target" / "peers"
TICK = os.sysconf("SC_CLK_TCK")
WORKERS = 5


def fields(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return text.rpartition(")")[2].split()


def cpu_seconds(pid):
    stat = fields(pid)
    return (int(stat[11]) + int(stat[12])) / TICK


def memory_kib(pid):
    rss = pss = 0
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            rss = int(line.split()[1])
        if line.startswith("Pss:"):
            pss = int(line.split()[1])
    return rss, pss


def wakeups(pid):
    """Of each of its threads, by now."""
    counts = {}
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for line in read_bytes(thread / "status").splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                counts[thread] = int(line.split()[1])
    return counts


def measure(name, supervisor, helpers, seconds):
    """`supervisor` is a pid, `helpers` the pids of what it needs beside itself."""
    everyone = [supervisor, *helpers]
    cpu = sum(map(cpu_seconds, everyone))
    before = {thread: count for pid in everyone for thread, count in wakeups(pid).items()}
    time.sleep(seconds)
    cpu = sum(map(cpu_seconds, everyone)) - cpu
    after = {thread: count for pid in everyone for thread, count in wakeups(pid).items()}
    woken = sum(count - before.get(thread, 0) for thread, count in after.items())
    rss, _ = memory_kib(supervisor)
    all_pss = sum(memory_kib(pid)[1] for pid in everyone)
    print(
        f"{name:22} RSS {rss / 1024:6.1f} MiB   PSS with helpers {all_pss / 1024:6.1f} MiB   "
        f"CPU {100 * cpu / seconds:6.3f} %   wake-ups {woken / seconds:5.1f}/s",
        flush=True,
    )


def study(path):
    """A study of 1000 finished trials, as Optuna writes it."""
    database = sqlite3.connect(path)
    schema = ROOT / "headless" / "src" / "demo" / "optuna_schema.sql"
    database.executescript(schema.read_text())
    database.execute("INSERT INTO studies (study_id, study_name) VALUES (1, 'idle')")
    database.execute(
        "INSERT INTO study_directions (direction, study_id, objective) VALUES ('MAXIMIZE', 1, 0)"
    )
    for number in range(1000):
        trial = number + 1
        database.execute(
            "INSERT INTO trials (trial_id, number, study_id, state, datetime_start, datetime_complete)"
            " VALUES (?, ?, 1, 'COMPLETE', '2026-03-01 12:00:00', '2026-03-01 12:01:00')",
            (trial, number),
        )
        database.execute(
            "INSERT INTO trial_values (trial_id, objective, value, value_type)"
            " VALUES (?, 0, ?, 'FINITE')",
            (trial, number / 1000),
        )
    database.commit()
    database.close()


def session(path):
    """A trader's session of 1000 hourly bars, an hour of it in the market each."""
    header = "timestamp,cash,total_asset,reward,holding_BTC/USD,price_BTC/USD,action_BTC/USD\r\n"
    rows = (
        f"2026-{1 + hour // 720:02}-{1 + hour % 720 // 24:02}T{hour % 24:02}:00:00+00:00,"
        f"1000.0,1000.0,0.0,0.0,{90000 + hour}.0,0.0\r\n"
        for hour in range(1000)
    )
    path.write_text(header + "".join(rows), newline="")


CONFIGURATION = f"""
[study]
database = "optuna.db"
# The best trial has no model, and nobody is to wait for it.
[deployment]
auto = false
[[process]]
name = "sleeper"
role = "other"
instances = {WORKERS}
command = ["sleep", "1000000"]
memory_limit = "1GiB"
liveness = {{ log = "1000h", cpu = "1000h" }}
[[process]]
name = "trader"
role = "trader"
command = ["sleep", "1000000"]
session_csv = "session.csv"
[[notify.channel]]
kind = "command"
command = ["true"]
"""


def cappuccino(seconds, program):
    if not program.exists():
        sys.exit(f"there is no {program}; build it first: cargo build --release")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        study(folder / "optuna.db")
        session(folder / "session.csv")
        (folder / "cappuccino.toml").write_text(CONFIGURATION)
        word = [str(program), "--workspace", str(folder)]
        subprocess.run([*word, "start"], check=True, stdout=subprocess.DEVNULL)
        try:
            time.sleep(15)
            shown = subprocess.run([*word, "status", "--json"], check=True, capture_output=True)
            status = json.loads(shown.stdout)
            workers = [p["pid"] for p in status["processes"] if p["name"] != "trader"]
            assert status["study"]["counts"]["complete"] == 1000, status["study"]
            assert status["pnl"]["rows"] == 1000, status["pnl"]
            assert status["machine"]["memory_total_bytes"] > 0, status["machine"]
            assert len(workers) == WORKERS and all(workers), workers
            shims = [int(fields(pid)[1]) for pid in workers]
            runner = next(
                int(p.name)
                for p in pathlib.Path("/proc").iterdir()
                if p.name.isdigit()
                and f"--workspace\0{folder}\0run" in read_bytes(p / "cmdline")
            )
            measure("cappuccino", runner, shims, seconds)
        finally:
            subprocess.run([*word, "stop"], check=True, stdout=subprocess.DEVNULL)


def read_bytes(path):
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def supervisord(seconds):
    venv = TOOLS / "supervisor"
    if not (venv / "bin" / "supervisord").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "install", "-q", "supervisor", "setuptools<81"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "supervisord.conf"
        config.write_text(
            f"[supervisord]\nlogfile={folder}/log\npidfile={folder}/pid\nnodaemon=true\n"
            "[program:sleeper]\ncommand=sleep 1000000\n"
            f"numprocs={WORKERS}\nprocess_name=%(program_name)s_%(process_num)s\n"
        )
        process = subprocess.Popen(
            [venv / "bin" / "supervisord", "-c", config], stdout=subprocess.DEVNULL
        )
        try:
            time.sleep(10)
            measure("supervisord", process.pid, [], seconds)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def pm2(seconds):
    home = TOOLS / "pm2"
    program = home / "node_modules" / ".bin" / "pm2"
    if not program.exists():
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "install", "--silent", "--prefix", home, "pm2"], check=True,
            stdout=subprocess.DEVNULL,
        )
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PM2_HOME": folder}
        quiet = {"env": environment, "stdout": subprocess.DEVNULL, "check": True}
        for number in range(WORKERS):
            subprocess.run([program, "start", "sleep", "--name", f"s{number}", "--", "1000000"], **quiet)
        try:
            time.sleep(10)
            daemon = int((pathlib.Path(folder) / "pm2.pid").read_text())
            measure("pm2", daemon, [], seconds)
        finally:
            subprocess.run([program, "kill"], **quiet)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument(
        "--program", type=pathlib.Path, default=ROOT / "target" / "release" / "cappuccino"
    )
    parser.add_argument("--no-peers", action="store_true", help="only ours")
    arguments = parser.parse_args()
    seconds = arguments.seconds
    cappuccino(seconds, arguments.program.resolve())
    if arguments.no_peers:
        return
    for peer in (supervisord, pm2):
        if peer is pm2 and not shutil.which("npm"):
            print("pm2: skipped, there is no npm")
            continue
        try:
            peer(seconds)
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"{peer.__name__}: skipped, {error}")


if __name__ == "__main__":
    main()
