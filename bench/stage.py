"""What the questions about positions are asked on: a site of tests/support (primary, replicas, fsync on),
daemons on it, and an nginx. Everything is on free loopback ports and goes when the block ends."""

import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
# tests/support has its own name for what bench/run calls LINTAS_BINARY.
BINARY = Path(os.environ.get("LINTAS_BINARY") or HERE.parent / "build/release-static/src/lintas")
os.environ["LINTAS_BIN"] = str(BINARY)
PROGRAMS = Path(os.environ.get("BENCH_PROGRAMS") or BINARY.parents[1] / "bench")
sys.path.insert(0, str(HERE.parent / "tests"))

from support.daemon import Lintas, merge, run  # noqa: E402
from support.ports import free_port  # noqa: E402
from support.postgres import BINARIES as PG_BINARIES, LOGIN, PASSWORD  # noqa: E402,F401
from support.site import Site, stop_on_sigterm  # noqa: E402
from support.wait import wait_until  # noqa: E402

KEYS = 100000  # rows of positions.sql
SEED = 20240503
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
TURN_SECONDS = int(os.environ.get("BENCH_SECONDS", "4"))
# One core for the server, another for the load generator; with a single core both share it.
LOAD_CPU, SERVER_CPU = 0, 1 if (os.cpu_count() or 1) > 1 else 0


class Stage:
    """with Stage(replicas={"r1": {}}) as stage: stage.daemon(…), stage.nginx(…)"""

    def __init__(self, **site):
        stop_on_sigterm()
        self._ends = contextlib.ExitStack()
        self.directory = Path(tempfile.mkdtemp(prefix="lintas-bench-"))
        self._ends.callback(shutil.rmtree, self.directory, ignore_errors=True)
        # Checkpoints would fall into one contestant's turn and not into the other's.
        settings = {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "1h",
                    "max_slot_wal_keep_size": "8GB"}
        try:
            self.site = self._ends.enter_context(
                Site(schema=HERE / "positions.sql", fsync=True, **{**settings, **site}))
            self._migrated = False
        except BaseException:
            self._ends.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._ends.close()

    @property
    def primary(self):
        return self.site.primary

    def postmaster(self, server=None):
        return (server or self.primary).postmaster

    def configuration(self, feed=True, replicas=(), **more):
        database = {"primary": {"url": self.primary.url(), "pool": 16}}
        if replicas:
            database["replicas"] = [{"name": name, "url": self.site[name].url(), "pool": 8} for name in replicas]
        if feed:
            database["feed"] = {"url": self.primary.feed_url(), "publication": "lintas", "slot": "lintas"}
        return merge({"api": {"schemas": ["api"], "anon_role": "web_anon"}, "database": database,
                      "log": {"level": "warn"}}, more)

    def migrate(self):
        """Publication, schema lintas and its triggers, as a superuser installs them."""
        if self._migrated:
            return
        file = Lintas(self.configuration(), self.directory).file
        for role in (LOGIN, "feeder"):
            status, out, err = run("migrate", "--config", file, "--url", self.primary.superuser_url(),
                                   "--grant-to", role)
            if status != 0:
                sys.exit(f"lintas migrate: {status}\n{out}{err}")
        self._migrated = True

    def daemon(self, cpu=None, feed=True, **more):
        """A running daemon; with a feed, one that has heard of everything up to now."""
        self.migrate()
        daemon = Lintas(self.configuration(feed=feed, **more), self.directory)
        with on_core(cpu):
            daemon.start()
        self._ends.callback(daemon.stop)
        if feed:
            now = self.primary.lsn("flush")
            wait_until(lambda: daemon.metrics().get("lintas_feed_position_bytes", 0) >= now, 30, "the feed is there")
        return daemon

    def nginx(self, location, body, cpu=None):
        """Its worker's pid and its URL: `return 200` with `body` at `location`."""
        port, home = free_port(), self.directory / "nginx"
        home.mkdir()
        text = json.dumps(body, ensure_ascii=False)
        configuration = home / "nginx.conf"
        temporary = "".join(f"{kind}_temp_path {home}; " for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        configuration.write_text(f"""
worker_processes 1; daemon off; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000000; {temporary}
    server {{
        listen 127.0.0.1:{port};
        default_type application/json;
        location = {location} {{ return 200 {text}; }}
    }}
}}
""", encoding="utf-8")
        with on_core(cpu):
            process = subprocess.Popen(["/usr/sbin/nginx", "-c", configuration, "-e", home / "error.log"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self._ends.callback(process.wait, 10)
        self._ends.callback(process.terminate)
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: not process.poll() and answers(url + location), 10, "nginx answers")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
        return int(children.split()[0]), url

    def program(self, name, *arguments):
        """A program of bench/ with pipes, ended with the stage; see option.cmake."""
        process = subprocess.Popen([PROGRAMS / name, *map(str, arguments)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True, bufsize=1)
        self._ends.callback(end, process)
        return process


def end(process):
    """Ends a program that may have ended by itself."""
    if process.poll() is None:
        process.terminate()
    process.wait(10)
    process.stdin.close()
    process.stdout.close()


def answers(url):
    with contextlib.suppress(OSError):
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    return False


@contextlib.contextmanager
def on_core(cpu):
    """What is started inside runs on one core; None: on any."""
    before = os.sched_getaffinity(0)
    try:
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        yield
    finally:
        os.sched_setaffinity(0, before)


def cache_requests(daemon):
    """{result: count} of the memory cache."""
    name = 'lintas_cache_requests_total{tier="memory",result="'
    return {key[len(name):-2]: value for key, value in daemon.metrics().items() if key.startswith(name)}


def read_all(daemon, path, keys):
    """Every key from 1 on once, over one connection."""
    at_once = 64
    with socket.create_connection(("127.0.0.1", daemon.public), timeout=30) as connection:
        for first in range(1, keys + 1, at_once):
            wanted = range(first, min(first + at_once, keys + 1))
            connection.sendall("".join(f"GET {path}{key} HTTP/1.1\r\nHost: bench\r\n\r\n" for key in wanted).encode())
            received = b""
            while received.count(b"HTTP/1.1 200") < len(wanted):  # the last body comes with the next answers
                more = connection.recv(1 << 20)
                if not more or b"HTTP/1.1 5" in more or b"HTTP/1.1 4" in more:
                    sys.exit(f"the warm-up failed: {received + more!r:.300}")
                received += more


def answer_of(process):
    """The program's next line, of JSON; ends this one when it says what went wrong."""
    began = time.monotonic()
    line = process.stdout.readline()
    found = json.loads(line) if line else {"problem": f"it ended after {time.monotonic() - began:.1f} s"}
    if "problem" in found:
        sys.exit(f"{process.args[0]}: {found['problem']}")
    return found


def children_cpu_seconds():
    """Of the programs that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
