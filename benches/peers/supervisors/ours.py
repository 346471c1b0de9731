"""Cappuccino itself, and what only it can be asked: what it knows of an end, who is attached."""

import http.client
import json
import os
import socket
import subprocess

from .harness import GRACE, Peer


class Cappuccino(Peer):
    caps_logs = True

    def start(self):
        self.environment = {key: value for key, value in os.environ.items()
                            if key not in ("XDG_RUNTIME_DIR", "CAPPUCCINO_WORKSPACE")}
        lines = ['[study]\ndatabase = "absent.db"\nname = "absent"\n']
        for name in self.names:
            lines.append(f'[[process]]\nname = "{name}"\nrole = "other"\n'
                         f"command = {json.dumps(self.command(name))}\n" + self.policy())
        (self.folder / "cappuccino.toml").write_text("".join(lines))
        self.run([str(self.options.program), "run"])

    def policy(self):
        cap = f"log_cap_megabytes = {self.log_cap_megabytes}\n" if self.log_cap_megabytes else ""
        restarts = 'restart_delay = "0s"\nmax_restarts = 1000000\n' if self.tuned else ""
        return f'{restarts}stop_grace = "{GRACE}s"\n{cap}'

    def word(self, *words, check=True):
        return subprocess.run([str(self.options.program), *words], cwd=self.folder,
                              env=self.environment, check=check, capture_output=True, text=True,
                              timeout=60).stdout

    def stop(self):
        self.word("stop")

    def status(self):
        """What its socket says; None while nobody answers."""
        connection = Unix(str(self.folder / ".cappuccino/run/api.sock"))
        try:
            connection.request("GET", "/v1/status", headers={"Host": "localhost"})
            return json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def attached(self):
        """How many workers it has under watch."""
        status = self.status()
        processes = status["processes"] if status else []
        return sum(1 for process in processes if process["phase"] == "running")

    def last_exit(self, name):
        lines = self.word("history", "--limit", "500").splitlines()
        ends = [line for line in lines if name in line.split() and "ended" in line]
        return ends[-1].partition(name)[2].strip() if ends else None

    def log_folder(self):
        return self.folder / ".cappuccino/logs"


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(5)
        self.sock.connect(self.path)
