"""Time from `kill -9` of a worker to the first line of the next one, commits durable, no delay.

    cargo build --release && python3 benches/restart.py [FOLDER]

FOLDER decides the disk; the time of an fsync there is printed beside, since two commits are waited
for. The worker is a shell, whose start is part of the figure. Needs python3 alone.
"""

import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time

ROUNDS = 200
PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "target/release/cappuccino"
CONFIGURATION = """
[study]
database = "optuna.db"
name = "absent"
[models]
folders = ["models/absent"]
[[process]]
name = "worker"
role = "other"
command = ["/bin/sh", "-c", "echo $$ > {fifo}; exec sleep 1000"]
restart_delay = "0s"
max_restarts = 1000000
"""


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def told(name, values):
    print(f"{name}: p50 {percentile(values, .5):.2f} ms, p99 {percentile(values, .99):.2f} ms, "
          f"max {max(values):.2f} ms")


def flushes(folder):
    times = []
    with open(folder / "probe", "wb", buffering=0) as file:
        for _ in range(100):
            file.write(b"x" * 400)
            began = time.monotonic()
            os.fsync(file.fileno())
            times.append((time.monotonic() - began) * 1000)
    return times


def next_pid(fifo):
    if not select.select([fifo], [], [], 10)[0]:
        sys.exit("error: the worker did not come back within 10 s")
    return int(os.read(fifo, 100).split()[-1])


def main():
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = pathlib.Path(name)
        os.mkfifo(folder / "fifo")
        (folder / "cappuccino.toml").write_text(CONFIGURATION.format(fifo=folder / "fifo"))
        environment = {k: v for k, v in os.environ.items() if k != "XDG_RUNTIME_DIR"}
        fifo = os.open(folder / "fifo", os.O_RDWR | os.O_NONBLOCK)
        with open(folder / "out", "w") as out:
            runner = subprocess.Popen([PROGRAM, "run"], cwd=folder, env=environment,
                                      stdout=out, stderr=out)
        pid, times = next_pid(fifo), []
        for _ in range(ROUNDS):
            time.sleep(0.05)
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            pid = next_pid(fifo)
            times.append((time.monotonic() - began) * 1000)
        told(f"restart, {ROUNDS} times", times)
        told("fsync of 400 bytes", flushes(folder))
        runner.terminate()
        runner.wait()


if __name__ == "__main__":
    main()
