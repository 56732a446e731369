"""The daemon under test as a process: configuration in, ports and log out, exit status checked."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile

from . import http
from .ports import free_port
from .wait import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("LINTAS_BIN", ROOT / "build/dev/src/lintas"))

# What a sanitizer or an assertion prints; none of it may ever be in a log.
SCARS = ("AddressSanitizer", "ThreadSanitizer", "LeakSanitizer", "runtime error:", "LINTAS_ASSERT", "PGRSTX00")


def merge(base, extra):
    """`extra` over `base`, nested mappings merged; a value of None takes the key away."""
    result = dict(base)
    for key, value in extra.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merge(result[key], value)
        else:
            result[key] = value
    return result


def yaml(value, depth=0):
    """Block YAML of a nested mapping; scalars and lists in JSON, which is YAML too."""
    lines = []
    for key, item in value.items():
        pad = "  " * depth
        if isinstance(item, dict) and item:
            lines.append(f"{pad}{key}:")
            lines.append(yaml(item, depth + 1))
        else:
            lines.append(f"{pad}{key}: {json.dumps(item)}")
    return "\n".join(lines)


class Lintas:
    """One daemon. start() returns when /ready says yes (or when `until` says so), stop() checks status 0."""

    def __init__(self, config, directory=None, arguments=(), environment=None):
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="lintas-"))
        self.public, self.admin = free_port(), free_port()
        self.config = merge({"listen": {"public": {"address": f"127.0.0.1:{self.public}"},
                                        "admin": {"address": f"127.0.0.1:{self.admin}"}}}, config)
        self.file = self.directory / f"lintas-{self.public}.yaml"
        self.stderr = self.directory / f"lintas-{self.public}.log"
        self.arguments = list(arguments)
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.write_config()

    def write_config(self, extra=None):
        if extra:
            self.config = merge(self.config, extra)
        self.file.write_text(yaml(self.config) + "\n", encoding="utf-8")

    def start(self, until="/ready", limit=30):
        with open(self.stderr, "ab") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "--role=primary", "--config", str(self.file), *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        if until:
            self.wait(until, limit)
        return self

    def probe(self, path):
        """Status of an admin path; None while nothing answers."""
        client = http.Client(self.admin, timeout=5)
        try:
            return client.get(path).status
        except OSError:
            return None
        finally:
            client.close()

    def wait(self, path="/ready", limit=30, status=200):
        def answered():
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.log()[-4000:]}")
            return self.probe(path) == status
        try:
            wait_until(answered, limit, f"{path} answers {status}")
        except AssertionError as problem:
            raise AssertionError(f"{problem}\n{self.log()[-4000:]}") from None

    def client(self, **more):
        return http.Client(self.public, **more)

    def admin_client(self, **more):
        return http.Client(self.admin, **more)

    def connect(self, **more):
        return http.Connection(self.public, **more)

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, limit=30):
        return self.process.wait(limit)

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, status=0, limit=40):
        """SIGTERM; the exit status must be `status` and the log without a scar."""
        if self.process is None:
            return
        if self.running:
            self.signal(signal.SIGTERM)
        try:
            found = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop within {limit} s:\n{self.log()[-4000:]}") from None
        finally:
            self.process = None
        log = self.log()
        assert found == status, f"exit status {found}, expected {status}:\n{log[-4000:]}"
        for scar in SCARS:
            assert scar not in log, f"{scar} in the log:\n{log[-6000:]}"

    def kill(self):
        if self.running:
            self.process.kill()
            self.process.wait()

    def log(self):
        return self.stderr.read_text(encoding="utf-8", errors="replace") if self.stderr.exists() else ""

    def log_lines(self):
        """Every line as JSON; a line that is not JSON fails the test."""
        return [json.loads(line) for line in self.log().splitlines()]

    def metrics(self):
        """{'name{label="x"}': value} of /metrics."""
        client = self.admin_client()
        text = client.get("/metrics").text
        client.close()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in text.splitlines() if line and not line.startswith("#")}


def run(*arguments, environment=None, limit=60):
    """Runs the binary to its end: (exit status, stdout, stderr)."""
    done = subprocess.run([str(BINARY), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=limit, env={**os.environ, **(environment or {})}, check=False)
    return done.returncode, done.stdout, done.stderr
