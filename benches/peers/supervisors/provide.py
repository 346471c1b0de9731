"""Fetches what is not there yet, into one folder; tells what cannot be had, and every version."""

import os
import shutil
import subprocess
import sys

from .ours import Cappuccino
from .harness import text
from .peers import Circus, Horust, Monit, Pitchfork, Pm2, Runit, S6, Supervisord

PACKAGES = ("runit", "monit")
CRATES = {"horust": "horust", "pitchfork": "pitchfork-cli"}


def provide(tools, only):
    """What is asked for and missing. `only` says whether a name is asked for."""
    tools.mkdir(parents=True, exist_ok=True)
    steps = [python(tools), node(tools), debian(tools), s6(), *crates(tools, only)]
    for what, missing, words, folder in steps:
        if not missing:
            continue
        print(f"fetching {what} …", file=sys.stderr, flush=True)
        for command in words:
            done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True, check=False)
            if done.returncode != 0:
                last = " ".join(done.stderr.strip().splitlines()[-1:])
                print(f"{what} cannot be had: {last}", file=sys.stderr, flush=True)
                break


def python(tools):
    there = (tools / "venv/bin/circusd").exists() and (tools / "venv/bin/supervisord").exists()
    words = [[sys.executable, "-m", "venv", tools / "venv"],
             [tools / "venv/bin/pip", "-q", "install", "supervisor", "circus", "setuptools<81"]]
    return "supervisor and circus", not there, words, tools


def node(tools):
    there = (tools / "pm2/node_modules/.bin/pm2").exists()
    words = [["npm", "install", "--loglevel=error", "--prefix", tools / "pm2", "pm2"]]
    return "pm2", not there and shutil.which("npm"), words, tools


def debian(tools):
    """Unpacked, not installed: neither may become this machine's init."""
    there = (tools / "root/usr/bin/monit").exists()
    (tools / "deb").mkdir(exist_ok=True)
    unpack = f"for file in *.deb; do dpkg -x $file {tools}/root; done"
    words = [["apt-get", "download", "-qq", *PACKAGES], ["sh", "-ec", unpack]]
    return "runit and monit", not there and shutil.which("apt-get"), words, tools / "deb"


def s6():
    """Installed: Debian's has the paths of its helpers built in."""
    there = shutil.which("s6-svscan")
    words = [["apt-get", "install", "-qq", "--no-install-recommends", "s6"]]
    return "s6", not there and os.geteuid() == 0 and shutil.which("apt-get"), words, "/"


def crates(tools, only):
    for program, crate in CRATES.items():
        there = (tools / "cargo/bin" / program).exists()
        words = [["nice", "cargo", "install", "--locked", "--quiet", "--root", tools / "cargo",
                  "--target-dir", tools / "cargo/target", crate]]
        yield crate, not there and only(program) and shutil.which("cargo"), words, tools


def said(*words):
    """The first line of what a program says of itself."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else ""


def crate_version(tools, program):
    """As cargo noted it when it installed the crate."""
    lines = text(tools / "cargo/.crates.toml").splitlines()
    words = [line.strip('"').split() for line in lines]
    return next((word[1] for word in words if word and word[0] == CRATES[program]), "")


def everyone(options):
    """Title, kind and program of each, ours first."""
    tools = options.tools
    pip = tools / "venv/bin/pip"

    def python_package(name):
        done = subprocess.run([pip, "show", name], capture_output=True, text=True, check=False) \
            if pip.exists() else None
        lines = done.stdout.splitlines() if done else []
        return next((line.split()[1] for line in lines if line.startswith("Version")), "")

    def debian_package(name):
        archives = sorted((tools / "deb").glob(f"{name}_*.deb"))
        return archives[0].name.split("_")[1].replace("%3a", ":") if archives else ""

    pm2 = text(tools / "pm2/node_modules/pm2/package.json").partition('"version": "')[2]
    installed = said("dpkg-query", "-W", "-f", "${Version}", "s6")
    yield f"**{said(options.program, '--version')}**", Cappuccino, options.program
    yield f"runit {debian_package('runit')}", Runit, tools / "root/usr/bin/runsvdir"
    yield f"s6 {installed}", S6, shutil.which("s6-svscan") or "/usr/bin/s6-svscan"
    yield f"pm2 {pm2.partition(chr(34))[0]}", Pm2, tools / "pm2/node_modules/.bin/pm2"
    yield f"supervisord {python_package('supervisor')}", Supervisord, tools / "venv/bin/supervisord"
    yield f"circus {python_package('circus')}", Circus, tools / "venv/bin/circusd"
    yield f"monit {debian_package('monit')}, every second", Monit, tools / "root/usr/bin/monit"
    for program, kind in (("horust", Horust), ("pitchfork", Pitchfork)):
        yield f"{program} {crate_version(tools, program)}", kind, tools / "cargo/bin" / program
