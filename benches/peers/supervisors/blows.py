"""The blows: a worker killed, the supervisor killed, a stop, a crash loop; and what each costs."""

import signal
import threading
import time

from .harness import (FAILS, GRACE, LEAVES, OBEDIENT, STUBBORN, TROUBLE, Site, Skipped, cost, kill,
                      lives, memory, spread, wakeups)

# Seconds that the restarts of one supervisor may take together, and that one may.
BUDGET, PATIENCE = 8, 25
# Seconds until what follows a start is over: readiness, the first copies and samples.
SETTLE = 15


def restarts_and_memory(kind, options):
    """T1 and T8: the time of a restart; RSS of the main process, PSS of all and of one helper."""
    with Site(kind, options) as site:
        times = site.restarts(options.rounds, PATIENCE, BUDGET)
        if not times:
            raise Skipped(f"a killed worker is not back within {PATIENCE} s")
        site.births.listen(1)
        pids = site.peer.all(site.births)
        helpers = [pid for pid in pids if pid != site.peer.main]
        each = f"{1024 * memory(helpers)[1] / len(helpers):.0f} KiB × {len(helpers)}" \
            if helpers else "none"
        return [spread(times), f"{memory([site.peer.main])[0]:.1f}", f"{memory(pids)[1]:.1f}", each]


def idle(kinds, options):
    """T6 and T7: all of them at rest at the same time, each with its five workers."""
    sites, rows = [], {}
    try:
        for title, kind in kinds:
            try:
                sites.append((title, Site(kind, options)))
            except TROUBLE as why:
                rows[title] = [str(why), "", "", ""]
        time.sleep(SETTLE)
        before = {title: costs(site) for title, site in sites}
        time.sleep(options.seconds)
        for title, site in sites:
            rows[title] = at_rest(site, before[title], options.seconds)
    finally:
        for _, site in sites:
            site.end()
    return rows


def at_rest(site, before, seconds):
    (cpu, helpers), threads, pids = before
    main = site.peer.main
    others = [pid for pid in pids if pid != main]
    now = wakeups(main)
    woken = {key: (count - threads.get(key, 0)) / seconds for key, count in now.items()}
    parts = sorted(woken.items(), key=lambda part: -part[1])
    named = ", ".join(f"{name} {rate:.2f}" for (_, name), rate in parts if rate > 0.005)
    helped = (cost(others)[1] - helpers) / seconds
    return [f"{sum(woken.values()):.2f}", f"{helped:.2f}", named if len(now) > 1 else "",
            f"{100 * (cost(pids)[0] - cpu) / seconds:.3f}"]


def costs(site):
    """Processor time of all and wake-ups of the helpers so far; those of main; who they are."""
    pids = site.peer.all(site.births)
    others = [pid for pid in pids if pid != site.peer.main]
    return (cost(pids)[0], cost(others)[1]), wakeups(site.peer.main), pids


def killed(kind, options, everything):
    """T2 to T5: the main process, or all of them, killed; a worker that ends meanwhile; started
    again: how many of each there are, what is known of that end, how soon a death is noticed."""
    with Site(kind, options, LEAVES) as site:
        for pid in site.peer.all(site.births) if everything else [site.peer.main]:
            kill(pid)
        site.peer.dead()
        site.births.listen(0.3)
        alive = sum(1 for count in site.instances() if count)
        leaver = site.names[-1]
        for pid in site.births.living(leaver):
            kill(pid, signal.SIGUSR1)
        site.births.listen(0.3)
        site.peer.start()
        site.births.listen(options.patience)
        counts = site.instances()
        known = site.peer.last_exit(leaver) or "none"
        noticed = "–"
        if set(counts) == {1}:
            noticed = spread(site.restarts(options.rounds, PATIENCE, BUDGET))
        return [f"{alive} of {len(counts)}", ",".join(map(str, counts)), known, noticed]


def stop(kind, options, script):
    """T10: who survives a stop, and how long it takes until the others are gone."""
    with Site(kind, options, script, ["w0"]) as site:
        site.births.listen(5, lambda: {"child", "fled"} <= set(site.births.of))
        family = [site.births.of[who][-1] for who in ("w0", "child", "fled")]
        began = time.monotonic()
        stopping = threading.Thread(target=quietly, args=(site.peer.stop,), daemon=True)
        stopping.start()
        while time.monotonic() - began < GRACE + 3 and any(map(lives, family)):
            time.sleep(0.001)
        taken = (time.monotonic() - began) * 1000
        fates = " / ".join("lives" if lives(pid) else "dead" for pid in family)
        if any(map(lives, family)):
            return fates
        after = taken - GRACE * 1000 if script == STUBBORN else taken
        return f"{fates}: {after:.0f} ms" + (" after the grace" if script == STUBBORN else "")


def quietly(work):
    try:
        work()
    except Exception as why:  # A peer that does not end is killed with its site.
        del why


def stops(kind, options):
    return [stop(kind, options, OBEDIENT), stop(kind, options, STUBBORN)]


def crash_loops(kinds, options):
    """T11: a worker that fails at once, all supervisors at the same time, each by its own rule."""
    sites, rows = [], {}

    def own_rule(peer):
        peer.tuned = False

    try:
        for title, kind in kinds:
            try:
                sites.append((title, Site(kind, options, FAILS, ["w0"], prepare=own_rule)))
            except TROUBLE as why:
                rows[title] = [str(why)]
        ends = time.monotonic() + options.loop_seconds
        while time.monotonic() < ends:
            for _, site in sites:
                site.births.listen(0.05)
        for title, site in sites:
            rows[title] = [str(site.births.count)]
    finally:
        for _, site in sites:
            site.end()
    return rows

