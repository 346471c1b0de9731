"""T12: a worker that writes far more than its log may hold, its supervisor stopped dead for a
third of the time: the disk it takes, when that is within the cap again, what is missing."""

import gzip
import json
import pathlib
import re
import signal
import sys
import time

from .harness import Site, kill, text, wait

MEGABYTES_PER_SECOND, CAP_MEGABYTES = 10, 50
LIMIT_MEGABYTES = 1.1 * CAP_MEGABYTES * 1.048576
NUMBER = re.compile(rb"line (\d{12}) \.+\n")
HERE = pathlib.Path(__file__).parent


def logs(kind, options, seconds):
    if not kind.caps_logs:
        return ["none"] * 5
    report = "report.json"
    script = f'echo "$1 $$" > "$2"; exec {sys.executable} {HERE}/writer.py ' \
        f'{MEGABYTES_PER_SECOND} {seconds} {{folder}}/{report}'

    def capped(peer):
        peer.log_cap_megabytes = CAP_MEGABYTES
        peer.life.write_text(script.format(folder=peer.folder) + "\n")

    with Site(kind, options, names=["w0"], prepare=capped) as site:
        # Whoever of the supervisor stands between the worker and its log is stopped as well.
        pids = site.peer.all(site.births)
        third = seconds / 3
        worst = watch(site, third)
        frozen_at = used(site)
        for pid in pids:
            kill(pid, signal.SIGSTOP)
        worst = max(worst, watch(site, third))
        for pid in pids:
            kill(pid, signal.SIGCONT)
        began, above = time.monotonic(), time.monotonic()
        path = site.folder / report
        while not path.exists() and time.monotonic() - began < 2 * seconds + 30:
            worst, above = look(site, worst, above)
            time.sleep(0.05)
        # What is still in its pipes and buffers.
        wait(10, lambda: settled(site))
        worst, above = look(site, worst, above)
        is_over = used(site) > LIMIT_MEGABYTES
        done = json.loads(text(path) or '{"written": 0, "longest_milliseconds": 0}')
        kept, holes = numbers(site)
        return [f"{worst:.0f} MB ({frozen_at:.0f} before)",
                "never" if is_over else f"{above - began:.1f} s", f"{holes} of {kept}",
                f"{done['longest_milliseconds']:.0f} ms",
                f"{done['written'] * 100 / 1e6 / seconds:.1f} MB/s"]


def look(site, worst, above):
    """The most that the log took, and when it last took more than it may."""
    now = used(site)
    return max(worst, now), time.monotonic() if now > LIMIT_MEGABYTES else above


def files(site):
    return [path for path in site.peer.log_folder().rglob("*") if path.is_file()]


def used(site):
    """Megabytes on the disk."""
    total = 0
    for path in files(site):
        try:
            total += path.stat().st_blocks * 512
        except OSError:
            continue
    return total / 1e6


def watch(site, seconds):
    worst, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        worst = max(worst, used(site))
        time.sleep(0.05)
    return worst


def settled(site):
    before = used(site)
    time.sleep(1)
    return used(site) == before


def numbers(site):
    """How many lines are kept, and how many are missing between the first and the last of them."""
    seen = set()
    data = b"".join(content(path) for path in
                    sorted(files(site), key=lambda path: path.stat().st_mtime))
    seen.update(int(number) for number in NUMBER.findall(data))
    if not seen:
        return 0, 0
    return len(seen), max(seen) - min(seen) + 1 - len(seen)


def content(path):
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    return path.read_bytes()
