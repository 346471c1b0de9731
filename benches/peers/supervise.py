#!/usr/bin/env python3
"""Supervisors side by side: the same workers, the same blows, one harness.

    cargo build --release -p cappuccino-headless && python3 benches/peers/supervise.py

For each one: time from `kill -9` of a worker to the next one's first line; what it costs idle; what
becomes of the workers when its main process, or all of its processes, are killed and it is started
again; how soon it then notices a death; who survives a stop. supervisor and circus come from pip,
pm2 from npm, runit, s6 and monit from Debian's packages (downloaded, not installed); horust and
pitchfork are measured when they are on the PATH. What cannot be had is skipped with the reason.
"""

import argparse
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target/release/cappuccino"
TICK = os.sysconf("SC_CLK_TCK")
WORKERS = [f"w{number}" for number in range(5)]
PLAIN = 'echo "$1 $$" > "$2"; exec sleep 1000000'
TREE = 'echo "$1 $$" > "$2"; sleep 1000000 & echo "child $!" > "$2"; ' \
    '(setsid sh -c \'echo "fled $$" > "$0"; exec sleep 1000000\' "$2" &); exec sleep 1000000'


def text(path):
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def lives(pid):
    stat = text(f"/proc/{pid}/stat")
    return bool(stat) and stat.rpartition(") ")[2][:1] not in "ZX"


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def descendants(pid):
    found = []
    for child in text(f"/proc/{pid}/task/{pid}/children").split():
        found += [int(child), *descendants(int(child))]
    return found


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def cost(pids):
    """Processor seconds and voluntary context switches of all threads so far."""
    cpu = woken = 0
    for pid in pids:
        stat = text(f"/proc/{pid}/stat").rpartition(")")[2].split()
        cpu += (int(stat[11]) + int(stat[12])) / TICK if stat else 0
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
            lines = [line for line in text(task).splitlines() if line.startswith("voluntary")]
            woken += sum(int(line.split()[1]) for line in lines)
    return cpu, woken


def memory(pids):
    rss = pss = 0
    for pid in pids:
        for line in text(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith("Rss:"):
                rss += int(line.split()[1])
            if line.startswith("Pss:"):
                pss += int(line.split()[1])
    return rss / 1024, pss / 1024


class Births:
    """First lines of workers, as they come."""

    def __init__(self, path):
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.of = {}
        self.rest = ""

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
        return True

    def living(self, name):
        return [pid for pid in self.of.get(name, []) if lives(pid)]

    def all_living(self):
        return [pid for name in self.of for pid in self.living(name)]


class Peer:
    """How one supervisor is started, found and stopped. `self.main` is its main process."""

    environment = None

    def __init__(self, folder, script, names):
        self.folder, self.names, self.main = folder, names, None
        self.life = folder / "life.sh"
        self.life.write_text(script + "\n")
        self.fifo = folder / "fifo"

    def command(self, name):
        return ["/bin/sh", str(self.life), name, str(self.fifo)]

    def run(self, words):
        with open(self.folder / "out", "a") as out:
            self.child = subprocess.Popen(words, cwd=self.folder, stdout=out, stderr=out,
                                          env=self.environment, start_new_session=True)
        self.main = self.child.pid

    def all(self, births):
        """Every process of the supervisor, without the workers and what they started."""
        workers = set(births.all_living())
        found = set()
        for worker in workers:
            parent = int(text(f"/proc/{worker}/stat").rpartition(")")[2].split()[1])
            if parent > 1 and parent not in workers:
                found.add(parent)
        below = set(descendants(self.main)) - workers
        below -= {pid for worker in workers for pid in descendants(worker)}
        return sorted({self.main} | found | below)

    def stop(self):
        kill(self.main, signal.SIGTERM)
        self.child.wait(timeout=30)

    def dead(self):
        if self.child.poll() is None:
            self.child.wait()


class Cappuccino(Peer):
    def start(self):
        self.environment = {k: v for k, v in os.environ.items() if k != "XDG_RUNTIME_DIR"}
        lines = ['[study]\ndatabase = "absent.db"\nname = "absent"\n']
        for name in self.names:
            words = ", ".join(f'"{word}"' for word in self.command(name))
            lines.append(f'[[process]]\nname = "{name}"\nrole = "other"\ncommand = [{words}]\n'
                         'restart_delay = "0s"\nmax_restarts = 1000000\nstop_grace = "2s"\n')
        (self.folder / "cappuccino.toml").write_text("".join(lines))
        self.run([str(PROGRAM), "run"])

    def stop(self):
        subprocess.run([PROGRAM, "stop"], cwd=self.folder, env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)


class Supervisord(Peer):
    def start(self):
        lines = [f"[supervisord]\nlogfile={self.folder}/log\npidfile={self.folder}/pid\nnodaemon=true\n"]
        for name in self.names:
            lines.append(f"[program:{name}]\ncommand={' '.join(self.command(name))}\nautorestart=true\n"
                         "startsecs=0\nstartretries=1000000\nstopasgroup=true\nkillasgroup=true\n")
        (self.folder / "conf").write_text("".join(lines))
        self.run([str(TOOLS / "venv/bin/supervisord"), "-c", str(self.folder / "conf")])


class Circus(Peer):
    def start(self):
        ends = "".join(f"{key} = ipc://{self.folder}/{key}\n"
                       for key in ("endpoint", "pubsub_endpoint"))
        lines = [f"[circus]\ncheck_delay = 1\n{ends}"]
        for name in self.names:
            program, *words = self.command(name)
            lines.append(f"[watcher:{name}]\ncmd = {program}\nargs = {' '.join(words)}\n"
                         "numprocesses = 1\nstop_children = true\ngraceful_timeout = 2\n")
        (self.folder / "ini").write_text("".join(lines))
        self.run([str(TOOLS / "venv/bin/circusd"), str(self.folder / "ini")])


class Pm2(Peer):
    def pm2(self, *words):
        program = TOOLS / "pm2/node_modules/.bin/pm2"
        self.environment = {**os.environ, "PM2_HOME": str(self.folder / "pm2")}
        subprocess.run([program, *words], env=self.environment, cwd=self.folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        if self.main:
            self.pm2("resurrect")
        else:
            for name in self.names:
                program, *words = self.command(name)
                self.pm2("start", program, "--name", name, "--interpreter", "none", "--", *words)
            self.pm2("save")
        self.main = int(text(self.folder / "pm2/pm2.pid"))

    def stop(self):
        self.pm2("kill")

    def dead(self):
        while lives(self.main):
            time.sleep(0.01)


class Directories(Peer):
    """runit and s6: a folder with a script for each service."""

    def start(self):
        for name in self.names:
            service = self.folder / "services" / name
            service.mkdir(parents=True, exist_ok=True)
            (service / "run").write_text(f"#!/bin/sh\nexec {' '.join(self.command(name))}\n")
            (service / "run").chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{TOOLS}/root/usr/bin:{os.environ['PATH']}"}
        self.run([*self.scan, str(self.folder / "services")])


class Runit(Directories):
    scan = ("runsvdir",)

    def stop(self):
        kill(self.main, signal.SIGHUP)
        self.child.wait(timeout=30)


class S6(Directories):
    scan = ("s6-svscan",)

    def start(self):
        libraries = [str(path.parent) for path in (TOOLS / "root").glob("usr/lib/**/libs*.so.*")]
        os.environ["LD_LIBRARY_PATH"] = ":".join(sorted(set(libraries)))
        super().start()
        del os.environ["LD_LIBRARY_PATH"]


class Monit(Peer):
    def start(self):
        lines = [f"set daemon 1\nset pidfile {self.folder}/monit.pid\nset statefile {self.folder}/state\n"
                 f"set idfile {self.folder}/id\nset log {self.folder}/log\n"]
        for name in self.names:
            begin = self.folder / f"start-{name}"
            begin.write_text(f"#!/bin/sh\nsetsid {' '.join(self.command(name))} < /dev/null &\n"
                             f"echo $! > {self.folder}/{name}.pid\n")
            begin.chmod(0o755)
            lines.append(f'check process {name} with pidfile {self.folder}/{name}.pid\n'
                         f'  start program = "{begin}"\n'
                         f'  stop program = "/bin/sh -c \'kill $(cat {self.folder}/{name}.pid)\'"\n')
        control = self.folder / "monitrc"
        control.write_text("".join(lines))
        control.chmod(0o600)
        self.run([str(TOOLS / "root/usr/bin/monit"), "-I", "-c", str(control)])

    def stop(self):
        for name in self.names:
            kill(int(text(self.folder / f"{name}.pid")), signal.SIGTERM)
        super().stop()


class Horust(Peer):
    def start(self):
        services = self.folder / "services"
        services.mkdir(exist_ok=True)
        for name in self.names:
            (services / f"{name}.toml").write_text(
                f'command = "{" ".join(self.command(name))}"\n[restart]\nstrategy = "always"\n'
                'backoff = "0s"\nattempts = 1000000\n')
        self.run(["horust", "--services-path", str(services), "--unsuccessful-exit-finished-failed"])


class Site:
    """One supervisor with its workers, in a folder of its own."""

    def __init__(self, kind, script=PLAIN, names=WORKERS):
        self.holder = tempfile.TemporaryDirectory(prefix="peers-")
        folder = pathlib.Path(self.holder.name)
        self.births = Births(folder / "fifo")
        self.peer = kind(folder, script, names)
        self.peer.start()
        self.names = names
        if not self.births.listen(30, lambda: all(self.births.living(name) for name in names)):
            out = text(folder / "out")[-500:]
            self.end()
            raise OSError(f"its workers do not start: {out}")

    def end(self):
        """Nobody is left, whatever the supervisor thinks."""
        for pid in ([*self.peer.all(self.births)] if self.peer.main else []):
            kill(pid)
        self.births.listen(0.5)
        for pid in self.births.all_living():
            kill(pid)
        os.close(self.births.fd)
        self.holder.cleanup()

    def restart_milliseconds(self, name, patience=30):
        before = len(self.births.of[name])
        began = time.monotonic()
        kill(self.births.living(name)[0])
        came = self.births.listen(patience, lambda: len(self.births.of[name]) > before)
        return (time.monotonic() - began) * 1000 if came else None

    def instances(self):
        return [len(self.births.living(name)) for name in self.names]


def measure_restarts(site, rounds):
    times = []
    for number in range(rounds):
        time.sleep(0.2)
        taken = site.restart_milliseconds(site.names[number % len(site.names)])
        if taken is None:
            return "not within 30 s"
        times.append(taken)
    return f"{percentile(times, .5):.1f} ({min(times):.1f} to {max(times):.1f})"


def measure_idle(site, seconds):
    time.sleep(3)
    pids = site.peer.all(site.births)
    cpu, woken = cost(pids)
    time.sleep(seconds)
    cpu_after, woken_after = cost(pids)
    main, _ = memory([site.peer.main])
    _, everything = memory(pids)
    return (f"{(woken_after - woken) / seconds:.2f}", f"{100 * (cpu_after - cpu) / seconds:.3f}",
            f"{main:.1f}", f"{everything:.1f}")


def measure_killed(site, everything, patience):
    """Kills the main process, or all of them; starts again; who lives then."""
    pids = site.peer.all(site.births) if everything else [site.peer.main]
    for pid in pids:
        kill(pid)
    site.peer.dead()
    time.sleep(0.5)
    alive = sum(1 for count in site.instances() if count)
    site.peer.start()
    site.births.listen(patience)
    counts = site.instances()
    noticed = None
    if all(count == 1 for count in counts):
        noticed = site.restart_milliseconds(site.names[0])
    return (f"{alive} of {len(counts)}; then {','.join(map(str, counts))}",
            "-" if noticed is None else f"{noticed:.1f}")


def measure_stop(kind):
    site = Site(kind, TREE, ["w0"])
    try:
        site.births.listen(5, lambda: {"child", "fled"} <= set(site.births.of))
        began = time.monotonic()
        site.peer.stop()
        taken = time.monotonic() - began
        time.sleep(0.3)
        said = {True: "lives", False: "dead"}
        fates = [said[bool(site.births.living(who))] for who in ("w0", "child", "fled")]
        return f"{' / '.join(fates)} ({taken * 1000:.0f} ms)"
    finally:
        site.end()


def measure(title, kind, options):
    site = Site(kind)
    try:
        restart = measure_restarts(site, options.rounds)
        idle = measure_idle(site, options.seconds)
    finally:
        site.end()
    fates = []
    for everything in (False, True):
        site = Site(kind)
        try:
            fates.append(measure_killed(site, everything, options.patience))
        finally:
            site.end()
    stop = measure_stop(kind)
    cells = [title, restart, *idle, fates[0][0], fates[0][1], fates[1][0], stop]
    print("| " + " | ".join(cells) + " |", flush=True)


def version(words):
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=20)
    except OSError:
        return None
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else ""


def provide():
    """Fetches what is not there yet; tells what cannot be had."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    if not (TOOLS / "venv/bin/circusd").exists():
        subprocess.run([sys.executable, "-m", "venv", TOOLS / "venv"], check=True)
        subprocess.run([TOOLS / "venv/bin/pip", "-q", "install", "supervisor", "circus",
                        "setuptools<81"], check=True)
    if not (TOOLS / "pm2/node_modules/.bin/pm2").exists() and shutil.which("npm"):
        subprocess.run(["npm", "--silent", "install", "--prefix", TOOLS / "pm2", "pm2"], check=True,
                       stdout=subprocess.DEVNULL)
    if not (TOOLS / "root/usr/bin/monit").exists() and shutil.which("apt-get"):
        (TOOLS / "deb").mkdir(exist_ok=True)
        for package in ("runit", "s6", "monit", "libexecline2.9", "execline", "libs6-2.11",
                        "libskarnet2.13"):
            subprocess.run(["apt-get", "download", "-qq", package], cwd=TOOLS / "deb", check=False)
        for archive in (TOOLS / "deb").glob("*.deb"):
            subprocess.run(["dpkg", "-x", archive, TOOLS / "root"], check=True)


def packaged(name):
    archives = sorted((TOOLS / "deb").glob(f"{name}_*.deb"))
    return archives[0].name.split("_")[1].replace("%3a", ":") if archives else ""


def everyone():
    def pip(name):
        said = version([TOOLS / "venv/bin/pip", "show", name]) or ""
        done = subprocess.run([TOOLS / "venv/bin/pip", "show", name], capture_output=True, text=True)
        found = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("Version")]
        return found[0] if found else said

    yield f"**{version([PROGRAM, '--version'])}**", Cappuccino, PROGRAM
    yield f"runit {packaged('runit')}", Runit, TOOLS / "root/usr/bin/runsvdir"
    yield f"s6 {packaged('s6')}", S6, TOOLS / "root/usr/bin/s6-svscan"
    yield f"pm2 {text(TOOLS / 'pm2/node_modules/pm2/package.json').partition('version')[2][4:9]}", Pm2, \
        TOOLS / "pm2/node_modules/.bin/pm2"
    yield f"supervisord {pip('supervisor')}", Supervisord, TOOLS / "venv/bin/supervisord"
    yield f"circus {pip('circus')}", Circus, TOOLS / "venv/bin/circusd"
    yield f"monit {packaged('monit')} (every second)", Monit, TOOLS / "root/usr/bin/monit"
    yield version(["horust", "--version"]) or "horust", Horust, shutil.which("horust") or "horust"


def main():
    global TOOLS, PROGRAM
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30, help="of idleness that are measured")
    parser.add_argument("--rounds", type=int, default=30, help="killed workers")
    parser.add_argument("--patience", type=float, default=6, help="seconds after a new start")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "target/peers")
    parser.add_argument("--program", type=pathlib.Path, default=PROGRAM)
    parser.add_argument("--only", help="names that hold this")
    options = parser.parse_args()
    TOOLS, PROGRAM = options.tools, options.program
    if not PROGRAM.exists():
        sys.exit("error: build it first: cargo build --release -p cappuccino-headless")
    provide()
    print("| | restart, ms: p50 (min to max) | wake-ups/s | CPU % | RSS of main, MiB | PSS of all, MiB "
          "| main killed: workers alive; instances after a new start | then a death noticed, ms "
          "| all its processes killed, the same | after `stop`: worker / child / fled grandchild |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for title, kind, program in everyone():
        if options.only and options.only not in title:
            continue
        if not pathlib.Path(program).exists():
            print(f"{title}: skipped, {program} is not there", file=sys.stderr)
            continue
        try:
            measure(title, kind, options)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            print(f"{title}: skipped, {error}", file=sys.stderr)
    if not shutil.which("pitchfork"):
        print("pitchfork: skipped, it is not on the PATH (cargo install pitchfork-cli)",
              file=sys.stderr)


TOOLS = ROOT / "target/peers"

if __name__ == "__main__":
    main()
