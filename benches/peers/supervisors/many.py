"""Five hundred workers: what they cost, a hundred killed at once, and all attached again.

Also what only Cappuccino has: the time until a new runner has everybody under watch, and the gap
while a runner hands over to its successor.
"""

import json
import time

from .harness import Site, cost, kill, memory, spread

MANY, VICTIMS = 500, 100
# Seconds until so many have begun; a peer that starts one after the other takes long.
START_PATIENCE, BACK_PATIENCE = 20, 20
# Seconds until what follows a start is over: above all the readiness of all of them.
SETTLE = 8


def names(count):
    return [f"w{number}" for number in range(count)]


def crowd(kind, options):
    """T9: memory and wake-ups with many workers, and the time until many killed ones are back."""
    began = time.monotonic()
    with Site(kind, options, names=names(options.many), patience=START_PATIENCE) as site:
        up = time.monotonic() - began
        site.births.listen(SETTLE)
        pids = site.peer.all(site.births)
        before = cost(pids)
        time.sleep(min(options.seconds, 10))
        woken = (cost(pids)[1] - before[1]) / min(options.seconds, 10)
        _, pss = memory(pids)
        victims = site.names[:: max(options.many // VICTIMS, 1)][:VICTIMS]
        counts = {name: len(site.births.of[name]) for name in victims}
        doomed = [site.births.living(name)[0] for name in victims]
        began = time.monotonic()
        for pid in doomed:
            kill(pid)
        came = site.births.listen(BACK_PATIENCE, lambda: all(
            len(site.births.of[name]) > count for name, count in counts.items()))
        back = f"{(time.monotonic() - began) * 1000:.0f} ms" if came else \
            f"{sum(len(site.births.of[name]) > counts[name] for name in victims)} of " \
            f"{len(victims)} after {BACK_PATIENCE} s"
        return [f"{up:.1f} s", f"{pss:.1f}", f"{woken:.1f}", back]


def attach_milliseconds(site):
    """Kills the runner, starts it, and asks until it has everybody."""
    kill(site.peer.main)
    site.peer.dead()
    began = time.monotonic()
    site.peer.start()
    while site.peer.attached() < len(site.names):
        if time.monotonic() - began > 30:
            return None
        time.sleep(0.001)
    return (time.monotonic() - began) * 1000


def attached(kind, options):
    """T4: from exec to the picture that shows all of them attached."""
    cells = []
    for count, rounds in ((5, 10), (options.many, 5)):
        with Site(kind, options, names=names(count), patience=START_PATIENCE) as site:
            # The first start is on its way; a runner that is killed meanwhile looks anew.
            while site.peer.attached() < count:
                time.sleep(0.01)
            times = [attach_milliseconds(site) for _ in range(rounds)]
            cells.append(spread([taken for taken in times if taken is not None]))
    return cells


def update(kind, options):
    """T13: the runner replaced while its processor is busy with restarts of one worker."""
    with Site(kind, options) as site:
        quiet = site.names[1:]
        before = {name: site.births.living(name) for name in quiet}
        gaps, tries = [], 0
        while len(gaps) < 10 and tries < 30:
            tries += 1
            site.restart_milliseconds(site.names[0], 10)
            said = site.peer.word("restart", "--runner", "--json", check=False)
            if said:
                gaps.append(json.loads(said)["gap_milliseconds"])
            site.births.listen(0.1)
        restarted = sum(before[name] != site.births.living(name) for name in quiet)
        return [f"{restarted} of {len(quiet)}", spread(gaps)]
