#!/usr/bin/env python3
"""What the same month of metrics costs elsewhere: bytes on disk, loading, reading, a picture.

Six series every 5 seconds for 30 days, made by `benches/series.rs`, go into SQLite, DuckDB,
VictoriaMetrics, Prometheus and RRDtool. Peers are fetched with pip and apt into `target/peers`,
nothing is installed; one that cannot be fetched is named with the reason. Peers load in whatever
way is fastest in bulk; we live through the month tick by tick, maintenance included. Neither says
anything about durable ingest.

    python3 benches/peers/series.py
"""

import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import struct
import subprocess
import sys
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "target" / "peers"
WORK = TOOLS / "series"
POINTS = ROOT / "target" / "tmp" / "series-points.bin"
NAMES = ["temperature", "utilisation", "memory", "equity", "trials", "power"]
BUCKETS = 2000
READ = ["temperature", "power"]


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {(done.stderr or done.stdout).strip()[-200:]}")
    return done.stdout


def rows():
    """(milliseconds, six values) for every tick."""
    return struct.iter_unpack("<q6d", POINTS.read_bytes())


def size(path):
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_blocks * 512 for file in files)


def timed(work, times=1):
    taken = []
    for _ in range(times):
        began = time.monotonic()
        answer = work()
        taken.append(time.monotonic() - began)
    return answer, statistics.median(taken)


def fetch_apt(package):
    """Unpacks a package and what it lacks here; answers the folder."""
    folder = TOOLS / package
    if not folder.exists():
        plan = run("apt-get", "install", "--simulate", "--no-install-recommends", package)
        needed = re.findall(r"^Inst (\S+)", plan, re.M)
        archives = TOOLS / "archives"
        archives.mkdir(parents=True, exist_ok=True)
        run("apt-get", "download", *needed, cwd=archives)
        for name in needed:
            for archive in archives.glob(f"{name}_*.deb"):
                run("dpkg", "-x", str(archive), str(folder))
    return folder


def environment(folder):
    libraries = [folder / "usr/lib", *(folder / "usr/lib").glob("*-linux-gnu"), *(folder / "lib").glob("*-linux-gnu")]
    return dict(os.environ, LD_LIBRARY_PATH=":".join(map(str, libraries)))


def fresh(name):
    path = WORK / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def sqlite():
    path = fresh("sqlite") / "points.db"
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE p (s INT, t INT, v REAL, PRIMARY KEY (s, t)) WITHOUT ROWID")
    data = list(rows())
    every = ((s, row[0], row[s + 1]) for s in range(6) for row in data)

    def load():
        with database:
            database.executemany("INSERT INTO p VALUES (?, ?, ?)", every)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    _, loading = timed(load)
    found, reading = timed(lambda: sum(len(database.execute(
        "SELECT t, v FROM p WHERE s = ? ORDER BY t", [NAMES.index(n)]).fetchall()) for n in READ), 3)
    width = (data[-1][0] - data[0][0]) // BUCKETS
    _, picture = timed(lambda: database.execute(
        "SELECT t / ?, min(v), max(v), avg(v) FROM p WHERE s = 5 GROUP BY 1", [width]).fetchall(), 3)
    return f"SQLite {sqlite3.sqlite_version}", size(path), loading, found, reading, picture


def duckdb():
    if not (TOOLS / "python" / "duckdb").exists():
        run(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(TOOLS / "python"), "duckdb")
    sys.path.insert(0, str(TOOLS / "python"))
    import duckdb as engine
    folder = fresh("duckdb")
    csv = folder / "points.csv"
    with csv.open("w") as out:
        for row in rows():
            out.write(",".join(map(repr, row)) + "\n")
    database = engine.connect(str(folder / "points.db"))
    columns = ", ".join(f"'{n}': 'DOUBLE'" for n in NAMES)
    source = f"read_csv('{csv}', columns = {{'t': 'BIGINT', {columns}}}, header = false)"

    def load():
        for s, name in enumerate(NAMES):
            make = "INSERT INTO p" if s else "CREATE TABLE p AS"
            database.execute(f"{make} SELECT {s}::UTINYINT s, t, {name} v FROM {source} ORDER BY t")
        database.execute("CHECKPOINT")

    _, loading = timed(load)
    # Sums force every value to be decoded without the cost of Python objects.
    found, reading = timed(lambda: database.execute(
        "SELECT count(*), sum(t), sum(v) FROM p WHERE s IN (0, 5)").fetchone()[0], 5)
    first, last = database.execute("SELECT min(t), max(t) FROM p").fetchone()
    _, picture = timed(lambda: database.execute(
        "SELECT t // ?, min(v), max(v), avg(v), count(*) FROM p WHERE s = 5 GROUP BY 1",
        [(last - first) // BUCKETS]).fetchall(), 5)
    bytes_used = size(folder / "points.db")
    return f"DuckDB {engine.__version__}", bytes_used, loading, found, reading, picture


class Server:
    """A database server on a port of the loopback device, stopped at the end."""

    def __init__(self, command, port, ready):
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                return self.ask(ready) and None
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"{command[0]} does not answer")

    def ask(self, path, **query):
        address = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(address, timeout=120) as answer:
            return answer.read() or b" "

    def stop(self):
        self.process.terminate()
        self.process.wait()


def spans():
    data = list(rows())
    start, end = data[0][0] / 1000, data[-1][0] / 1000
    return start, end, (end - start) / BUCKETS


def victoria():
    folder = fetch_apt("victoria-metrics")
    binary = next(folder.glob("usr/bin/victoria-metrics*"))
    version = run("dpkg-deb", "-f", str(next((TOOLS / "archives").glob("victoria-metrics_*"))), "Version").strip()
    data = fresh("victoria")
    server = Server([str(binary), f"-storageDataPath={data}", "-retentionPeriod=10y",
                     "-httpListenAddr=127.0.0.1:18428"], 18428, "/health")
    try:
        lines = "\n".join(",".join(map(repr, row)) for row in rows()).encode()
        form = "1:time:unix_ms," + ",".join(f"{s + 2}:metric:{n}" for s, n in enumerate(NAMES))
        address = f"{server.url}/api/v1/import/csv?format={urllib.parse.quote(form)}"

        def load():
            urllib.request.urlopen(urllib.request.Request(address, data=lines), timeout=300).read()
            server.ask("/internal/force_flush")

        _, loading = timed(load)
        start, end, step = spans()
        found, reading = timed(lambda: sum(server.ask(
            "/api/v1/export", **{"match[]": n, "start": start - 1, "end": end + 1}).count(b",") for n in READ) // 2, 3)
        _, picture = timed(lambda: [server.ask("/api/v1/query_range", query=f"{f}_over_time(power[{step:.0f}s])",
                                               start=start, end=end, step=step, nocache=1) for f in ("min", "max", "avg")], 3)
    finally:
        server.stop()
    return f"VictoriaMetrics {version}", size(data), loading, found, reading, picture


def prometheus():
    folder = fetch_apt("prometheus")
    version = run("dpkg-deb", "-f", str(next((TOOLS / "archives").glob("prometheus_*"))), "Version").strip()
    data = fresh("prometheus")
    text = WORK / "points.om"
    with text.open("w") as out:
        everything = list(rows())
        for s, name in enumerate(NAMES):
            out.write(f"# TYPE {name} gauge\n")
            out.writelines(f"{name} {row[s + 1]!r} {row[0] / 1000:.3f}\n" for row in everything)
        out.write("# EOF\n")
    _, loading = timed(lambda: run(str(folder / "usr/bin/promtool"), "tsdb", "create-blocks-from",
                                   "openmetrics", "--max-block-duration=768h", str(text), str(data)))
    config = WORK / "prometheus.yml"
    config.write_text("")
    loaded = size(data)
    server = Server([str(folder / "usr/bin/prometheus"), f"--config.file={config}", f"--storage.tsdb.path={data}",
                     "--storage.tsdb.retention.time=10y", "--web.listen-address=127.0.0.1:19090",
                     "--query.max-samples=100000000"], 19090, "/-/ready")
    try:
        start, end, step = spans()
        found, reading = timed(lambda: sum(server.ask(
            "/api/v1/query", query=f"{n}[31d]", time=end + 1).count(b"],[") + 1 for n in READ), 3)
        _, picture = timed(lambda: [server.ask("/api/v1/query_range", query=f"{f}_over_time(power[{step:.0f}s])",
                                               start=start, end=end, step=step) for f in ("min", "max", "avg")], 3)
    finally:
        server.stop()
    return f"Prometheus {version}", loaded, loading, found, reading, picture


def rrdtool():
    folder = fetch_apt("rrdtool")
    tool, surroundings = str(folder / "usr/bin/rrdtool"), environment(folder)
    version = run(tool, "--version", env=surroundings).split()[1]
    path = fresh("rrdtool") / "points.rrd"
    data = list(rows())
    start, end = data[0][0] // 1000, data[-1][0] // 1000
    sources = [f"DS:{n}:GAUGE:20:U:U" for n in NAMES]
    run(tool, "create", str(path), "--start", str(start - 5), "--step", "5", *sources,
        f"RRA:AVERAGE:0.5:1:{len(data)}", env=surroundings)
    ticks = [":".join([str(row[0] // 1000), *(repr(v) for v in row[1:])]) for row in data]
    lines = "".join(f"update {path} {' '.join(ticks[n:n + 500])}\n" for n in range(0, len(ticks), 500))
    _, loading = timed(lambda: run(tool, "-", input=lines, env=surroundings))
    # All six columns come in one answer; two of six are counted.
    text, reading = timed(lambda: run(tool, "fetch", str(path), "AVERAGE", "--start", str(start),
                                      "--end", str(end), env=surroundings))
    found = 2 * text.count("\n")
    _, picture = timed(lambda: run(tool, "xport", "--start", str(start), "--end", str(end), "--maxrows",
                                   str(BUCKETS), f"DEF:v={path}:power:AVERAGE", "XPORT:v", env=surroundings), 3)
    return f"RRDtool {version} (averages only)", size(path), loading, found, reading / 3, picture


def ours():
    text = run("cargo", "bench", "-q", "-p", "cappuccino-benches", "--bench", "series", "--", "month", cwd=ROOT)
    unit = {"s": 1, "ms": 1e-3, "µs": 1e-6}

    def median(line):
        value, name = re.search(line + r".*?p50 ([0-9.]+)(s|ms|µs)", text).groups()
        return float(value) * unit[name]

    found = int(re.search(r"(\d+) points read", text).group(1))
    count = int(re.search(r"month: (\d+) points", text).group(1))
    loading = float(re.search(r"lived through in ([0-9.]+) s", text).group(1))
    print(text)
    file = ROOT / "target" / "tmp" / "series-month.redb"
    return "Cappuccino, sums included", size(file), loading, found, median("points read"), median("30 days as")


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    print(f"{'':34} B/point  loading M/s  1 M points ms  30 d as {BUCKETS} buckets ms")
    for peer in (ours, sqlite, duckdb, victoria, prometheus, rrdtool):
        try:
            name, used, loading, found, reading, picture = peer()
        except Exception as why:
            print(f"{peer.__name__:34} not measured: {why}", flush=True)
            continue
        count = 6 * POINTS.stat().st_size / 56
        print(f"{name:34} {used / count:7.2f}  {count / loading / 1e6:11.2f}  "
              f"{reading * 1e9 / found:13.1f}  {picture * 1e3:24.1f}", flush=True)


if __name__ == "__main__":
    main()
