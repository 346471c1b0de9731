"""One harness for all: workers that tell of their births, what processes cost, sites."""

import math
import os
import pathlib
import select
import signal
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
WORKERS = [f"w{number}" for number in range(5)]
# What a worker does. Its name is $1, the fifo that it tells its birth to is $2.
PLAIN = 'echo "$1 $$" > "$2"; exec sleep 1000000'
LEAVES = 'echo "$1 $$" > "$2"; trap "kill \\$!; exit 7" USR1; sleep 1000000 & wait'
FAILS = 'echo "$1 $$" > "$2"; exit 1'
TREE = 'echo "$1 $$" > "$2"; sleep 1000000 & echo "child $!" > "$2"; ' \
    '(setsid sh -c \'echo "fled $$" > "$0"; exec sleep 1000000\' "$2" &); {last}'
OBEDIENT = TREE.format(last="exec sleep 1000000")
STUBBORN = TREE.format(last='trap "" TERM INT; while :; do sleep 1000000; done')
# Seconds from the polite signal to SIGKILL, everywhere it can be said.
GRACE = 2


class Skipped(Exception):
    """What cannot be measured, and why."""


# What a peer may do instead of being measured: it is told in its row.
TROUBLE = (Skipped, OSError, ValueError, KeyError, IndexError, subprocess.SubprocessError)


def text(path):
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def stat(pid):
    """The fields of /proc/PID/stat after the name; nothing when there is no such process."""
    return text(f"/proc/{pid}/stat").rpartition(") ")[2].split()


def lives(pid):
    fields = stat(pid)
    return bool(fields) and fields[0] not in "ZX"


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def descendants(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in text(task).split():
            found += [int(child), *descendants(int(child))]
    return found


def percentile(values, share):
    """The value that this share of them does not exceed."""
    return sorted(values)[max(math.ceil(len(values) * share), 1) - 1]


def spread(values):
    """p50, p99 and how many they are of: with fewer than 100, p99 is the largest."""
    if not values:
        return "none"
    middle, late = percentile(values, .5), percentile(values, .99)
    return f"{middle:.1f} / {late:.1f} ({len(values)})"


def cost(pids):
    """Processor seconds and voluntary context switches of all threads so far."""
    cpu = woken = 0
    for pid in pids:
        fields = stat(pid)
        cpu += (int(fields[11]) + int(fields[12])) / TICK if fields else 0
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
            lines = [line for line in text(task).splitlines() if line.startswith("voluntary")]
            woken += sum(int(line.split()[1]) for line in lines)
    return cpu, woken


def wakeups(pid):
    """Voluntary context switches so far, by thread: its number and its name."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        lines = [line for line in text(task / "status").splitlines() if line.startswith("volunt")]
        if lines:
            name = text(task / "comm").strip()
            found[task.name, name] = int(lines[0].split()[1])
    return found


def memory(pids):
    """RSS and PSS in MiB."""
    rss = pss = 0
    for pid in pids:
        for line in text(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith("Rss:"):
                rss += int(line.split()[1])
            if line.startswith("Pss:"):
                pss += int(line.split()[1])
    return rss / 1024, pss / 1024


def flushes(folder, count=100):
    """Milliseconds of an fsync of 400 bytes: what a durable commit waits for at least."""
    times = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(count):
            file.write(b"x" * 400)
            began = time.monotonic()
            os.fsync(file.fileno())
            times.append((time.monotonic() - began) * 1000)
    return times


def wait(seconds, until):
    """Whether `until` holds within so many seconds."""
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


class Births:
    """First lines of workers, as they come."""

    def __init__(self, path):
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.of = {}
        self.rest = ""
        self.count = 0

    def listen(self, seconds, until=lambda: False):
        end = time.monotonic() + seconds
        while not until():
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return until()
            *lines, self.rest = (self.rest + os.read(self.fd, 65536).decode()).split("\n")
            for line in lines:
                name, pid = line.split()
                self.of.setdefault(name, []).append(int(pid))
                self.count += 1
        return True

    def living(self, name):
        return [pid for pid in self.of.get(name, []) if lives(pid)]

    def all_living(self):
        return [pid for name in self.of for pid in self.living(name)]


class Peer:
    """How one supervisor is started, found and stopped. `self.main` is its main process."""

    environment = None
    # Whether it keeps what a worker prints within a cap, and the cap when that is measured.
    caps_logs = False
    log_cap_megabytes = None
    # Restarts without delay and without end; otherwise by the peer's own rule.
    tuned = True

    def __init__(self, folder, names, options):
        self.folder, self.names, self.options, self.main = folder, names, options, None
        self.tools = options.tools
        self.life, self.fifo = folder / "life.sh", folder / "fifo"

    def command(self, name):
        return ["/bin/sh", str(self.life), name, str(self.fifo)]

    def run(self, words):
        with open(self.folder / "out", "a") as out:
            self.child = subprocess.Popen(words, cwd=self.folder, stdout=out, stderr=out,
                                          stdin=subprocess.DEVNULL, env=self.environment,
                                          start_new_session=True)
        self.main = self.child.pid

    def all(self, births):
        """Every process of the supervisor, without the workers and what they started."""
        workers = set(births.all_living())
        found = set()
        for worker in workers:
            fields = stat(worker)
            parent = int(fields[1]) if fields else 1
            if parent not in workers and parent not in (1, os.getpid()):
                found.add(parent)
        below = set(descendants(self.main)) - workers
        below -= {pid for worker in workers for pid in descendants(worker)}
        return sorted({self.main} | found | below)

    def stop(self):
        kill(self.main, signal.SIGTERM)
        self.child.wait(timeout=15)

    def dead(self):
        """Returns when the killed main process is gone."""
        if self.child.poll() is None:
            self.child.wait()

    def last_exit(self, name):
        """How the last life of a worker ended, as the supervisor knows it, if it does."""
        return None

    def log_folder(self):
        return self.folder


class Site:
    """One supervisor with its workers, in a folder of its own."""

    def __init__(self, kind, options, script=PLAIN, names=WORKERS, patience=30, prepare=None):
        self.holder = tempfile.TemporaryDirectory(prefix="peers-", dir=options.disk,
                                                  ignore_cleanup_errors=True)
        self.folder = pathlib.Path(self.holder.name)
        self.births = Births(self.folder / "fifo")
        self.names = names
        self.peer = kind(self.folder, names, options)
        self.peer.life.write_text(script + "\n")
        try:
            if prepare:
                prepare(self.peer)
            self.peer.start()
            everyone = lambda: all(name in self.births.of for name in names)
            if not self.births.listen(patience, everyone):
                out = " ".join(text(self.folder / "out")[-80:].split())
                count = len(self.births.of)
                raise Skipped(f"{count} of {len(names)} workers begin within {patience} s: {out}")
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Nobody is left, whatever the supervisor thinks."""
        for pid in (self.peer.all(self.births) if self.peer.main else []):
            kill(pid)
        # Whoever was being started tells of it yet.
        self.births.listen(0.3)
        self.end_family()
        os.close(self.births.fd)
        self.holder.cleanup()

    def end_family(self):
        """Whoever still works in this folder, by its path on the command line."""
        mark = str(self.folder).encode()
        for pid in self.births.all_living():
            kill(pid)
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "cmdline").read_bytes():
                    kill(int(entry.name))
            except OSError:
                continue

    def restart_milliseconds(self, name, patience):
        before = len(self.births.of[name])
        victim = self.births.living(name)
        if not victim:
            return None
        began = time.monotonic()
        kill(victim[0])
        came = self.births.listen(patience, lambda: len(self.births.of[name]) > before)
        return (time.monotonic() - began) * 1000 if came else None

    def restarts(self, rounds, patience, budget):
        """Milliseconds from `kill -9` of a worker to the next one's first line, over and over for
        at most `budget` seconds."""
        times, end = [], time.monotonic() + budget
        for number in range(rounds):
            if time.monotonic() > end:
                break
            self.births.listen(0.1)
            taken = self.restart_milliseconds(self.names[number % len(self.names)], patience)
            if taken is None:
                break
            times.append(taken)
        return times

    def instances(self):
        return [len(self.births.living(name)) for name in self.names]
