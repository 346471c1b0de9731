"""The peers: how each is configured, started, asked and stopped."""

import json
import os
import signal
import subprocess

from .harness import GRACE, Peer, kill, lives, text, wait

# Half a cap: one file that is written and one that is kept, as everybody can be told.
HALVES = 2


class Supervisord(Peer):
    caps_logs = True

    def start(self):
        lines = [f"[supervisord]\nlogfile={self.folder}/log\npidfile={self.folder}/pid\n"
                 "nodaemon=true\nminfds=4096\n"]
        for name in self.names:
            lines.append(f"[program:{name}]\ncommand={' '.join(self.command(name))}\n"
                         f"stopasgroup=true\nkillasgroup=true\nstopwaitsecs={GRACE}\n")
            if self.tuned:
                lines.append("autorestart=true\nstartsecs=0\nstartretries=1000000\n")
            if self.log_cap_megabytes:
                lines.append(f"stdout_logfile={self.folder}/logs/{name}\nstdout_logfile_backups=1\n"
                             f"stdout_logfile_maxbytes={self.log_cap_megabytes // HALVES}MB\n")
        (self.folder / "logs").mkdir(exist_ok=True)
        (self.folder / "conf").write_text("".join(lines))
        self.run([str(self.tools / "venv/bin/supervisord"), "-c", str(self.folder / "conf")])

    def log_folder(self):
        return self.folder / "logs"


class Circus(Peer):
    caps_logs = True

    def start(self):
        ends = "".join(f"{key} = ipc://{self.folder}/{key}\n"
                       for key in ("endpoint", "pubsub_endpoint"))
        lines = [f"[circus]\ncheck_delay = 1\n{ends}"]
        for name in self.names:
            program, *words = self.command(name)
            lines.append(f"[watcher:{name}]\ncmd = {program}\nargs = {' '.join(words)}\n"
                         f"numprocesses = 1\nstop_children = true\ngraceful_timeout = {GRACE}\n")
            if self.log_cap_megabytes:
                half = (self.log_cap_megabytes << 20) // HALVES
                lines.append("stdout_stream.class = FileStream\nstdout_stream.backup_count = 1\n"
                             f"stdout_stream.filename = {self.folder}/logs/{name}\n"
                             f"stdout_stream.max_bytes = {half}\n")
        (self.folder / "logs").mkdir(exist_ok=True)
        (self.folder / "ini").write_text("".join(lines))
        self.run([str(self.tools / "venv/bin/circusd"), str(self.folder / "ini")])

    def log_folder(self):
        return self.folder / "logs"


class Pm2(Peer):
    def pm2(self, *words):
        program = self.tools / "pm2/node_modules/.bin/pm2"
        self.environment = {**os.environ, "PM2_HOME": str(self.folder / "pm2")}
        subprocess.run([program, *words], env=self.environment, cwd=self.folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=90)

    def start(self):
        if self.main:
            self.pm2("resurrect")
        else:
            rule = {"max_restarts": 1000000} if self.tuned else {}
            apps = [{"name": name, "script": words[0], "args": words[1:], "interpreter": "none",
                     "kill_timeout": GRACE * 1000, **rule}
                    for name, words in ((name, self.command(name)) for name in self.names)]
            (self.folder / "apps.json").write_text(json.dumps({"apps": apps}))
            self.pm2("start", "apps.json")
            self.pm2("save")
        self.main = int(text(self.folder / "pm2/pm2.pid"))

    def stop(self):
        self.pm2("kill")

    def dead(self):
        wait(5, lambda: not lives(self.main))


class Directories(Peer):
    """runit and s6: a folder with a script for each service, and one for its log."""

    caps_logs = True

    def start(self):
        for name in self.names:
            service = self.service(name)
            self.script(service / "run", f"exec {' '.join(self.command(name))}")
            self.script(service / "finish", f'echo "$1 $2" > {service}/ended')
            if self.log_cap_megabytes:
                (self.folder / "logs").mkdir(exist_ok=True)
                half = (self.log_cap_megabytes << 20) // HALVES
                self.script(service / "log/run", self.logger(self.folder / "logs", half))
            self.settle(service)
        path = f"{self.tools}/root/usr/bin:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path}
        self.run([*self.scan(), str(self.folder / "services")])

    def service(self, name):
        return self.folder / "services" / name

    def settle(self, service):
        """What else a service has."""

    def script(self, path, line):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def log_folder(self):
        return self.folder / "logs"

    def last_exit(self, name):
        said = text(self.service(name) / "ended").split()
        return f"exit code {said[0]}" if said and said[0] != "-1" else None


class Runit(Directories):
    def scan(self):
        return ["runsvdir"]

    def logger(self, folder, half):
        (folder / "config").write_text(f"s{half}\nn1\n")
        return f"exec svlogd {folder}"

    def stop(self):
        kill(self.main, signal.SIGHUP)
        self.child.wait(timeout=15)


class S6(Directories):
    def scan(self):
        return ["s6-svscan", "-c1100"]

    def logger(self, folder, half):
        return f"exec s6-log n1 s{half} {folder}"

    def settle(self, service):
        (service / "timeout-kill").write_text(f"{GRACE * 1000}\n")


class Monit(Peer):
    def start(self):
        lines = [f"set daemon 1\nset pidfile {self.folder}/monit.pid\nset idfile {self.folder}/id\n"
                 f"set statefile {self.folder}/state\nset log {self.folder}/log\n"]
        for name in self.names:
            begin = self.folder / f"start-{name}"
            begin.write_text(f"#!/bin/sh\nsetsid {' '.join(self.command(name))} < /dev/null &\n"
                             f"echo $! > {self.folder}/{name}.pid\n")
            begin.chmod(0o755)
            end = f"/bin/sh -c 'kill $(cat {self.folder}/{name}.pid)'"
            lines.append(f'check process {name} with pidfile {self.folder}/{name}.pid\n'
                         f'  start program = "{begin}"\n  stop program = "{end}"\n')
        control = self.folder / "monitrc"
        control.write_text("".join(lines))
        control.chmod(0o600)
        self.run([str(self.tools / "root/usr/bin/monit"), "-I", "-c", str(control)])

    def stop(self):
        """It stops nothing when it ends; this is what its stop programs do."""
        for name in self.names:
            kill(int(text(self.folder / f"{name}.pid")), signal.SIGTERM)
        super().stop()


class Horust(Peer):
    caps_logs = True

    def start(self):
        services = self.folder / "services"
        services.mkdir(exist_ok=True)
        (self.folder / "logs").mkdir(exist_ok=True)
        rule = '[restart]\nstrategy = "always"\n' + \
            ('backoff = "0s"\nattempts = 1000000\n' if self.tuned else "")
        for name in self.names:
            log = f'stdout = "{self.folder}/logs/{name}"\nstdout-rotate-size = ' \
                f'"{self.log_cap_megabytes // HALVES} MB"\n' if self.log_cap_megabytes else ""
            (services / f"{name}.toml").write_text(
                f'command = "{" ".join(self.command(name))}"\n{log}{rule}'
                f'[termination]\nsignal = "TERM"\nwait = "{GRACE}s"\n')
        self.run([str(self.tools / "cargo/bin/horust"), "--services-path", str(services),
                  "--uds-folder-path", str(self.folder)])

    def log_folder(self):
        return self.folder / "logs"


class Pitchfork(Peer):
    def start(self):
        home = {"HOME": str(self.folder), "PITCHFORK_STATE_DIR": str(self.folder / "state")}
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith("XDG_")} | home
        lines = [f"[daemons.{name}]\nrun = {json.dumps(' '.join(self.command(name)))}\n"
                 "retry = true\n" for name in self.names]
        (self.folder / "pitchfork.toml").write_text("".join(lines))
        anew = self.main is not None
        self.run([self.program(), "supervisor", "run"])
        if not anew:
            wait(5, lambda: "running" in self.word("supervisor", "status").lower())
            # It waits until each is ready, or for as long as one fails.
            with open(self.folder / "out", "a") as out:
                subprocess.Popen([self.program(), "start", "--all"], cwd=self.folder, stdout=out,
                                 stderr=out, env=self.environment, start_new_session=True)

    def program(self):
        return str(self.tools / "cargo/bin/pitchfork")

    def word(self, *words):
        done = subprocess.run([self.program(), *words], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, timeout=30)
        return done.stdout + done.stderr

    def stop(self):
        self.word("stop", "--all")
        super().stop()

    def last_exit(self, name):
        lines = [line.strip() for line in self.word("status", name).splitlines()]
        said = [line for line in lines if "exit" in line.lower() or "status" in line.lower()]
        return "; ".join(said) or None


