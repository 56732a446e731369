"""Fixtures: one PostgreSQL and one daemon for the session; a test that needs another makes its own."""

import pathlib
import signal
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support.daemon import BINARY, Lintas, merge  # noqa: E402
from support.jwt import SECRET  # noqa: E402
from support.postgres import Postgres  # noqa: E402

SCHEMA = HERE / "schema.sql"


def pytest_configure(config):
    """A run that is ended by `timeout` stops its servers too."""
    def interrupt(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupt)


def base_config(url, **extra):
    return merge({
        "site": "jakarta",
        "threads": 2,
        "api": {"schemas": ["api", "other"], "extra_search_path": ["public"], "anon_role": "web_anon",
                "jwt": {"secret": SECRET}},
        "database": {"primary": {"url": url, "pool": 8}},
        # What a request finds must not depend on the test before it: test_cache.py has a daemon with a cache.
        "cache": {"memory": {"size": 0}},
        "limits": {"drain": "10s"},
    }, extra)


@pytest.fixture(scope="session", autouse=True)
def binary():
    assert BINARY.exists(), f"no daemon at {BINARY}: build it, or set LINTAS_BIN"
    return BINARY


@pytest.fixture(scope="session")
def pg():
    server = Postgres(schema=SCHEMA)
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def sql(pg):
    """sql("select ...", (parameters)) as the superuser, on one kept connection."""
    connection = pg.connect()

    def run(text, parameters=None):
        with connection.cursor() as cursor:
            cursor.execute(text, parameters)
            return cursor.fetchall() if cursor.description else None
    yield run
    connection.close()


@pytest.fixture
def fresh(sql):
    """All tables as the fixture script fills them."""
    sql("set lock_timeout = '10s'")
    sql("select fixture.reset()")


@pytest.fixture(scope="session")
def lintas(pg, tmp_path_factory):
    daemon = Lintas(base_config(pg.url()), tmp_path_factory.mktemp("lintas")).start()
    yield daemon
    daemon.stop()


@pytest.fixture
def api(lintas):
    """An anonymous client of the session's daemon, which must still be there afterwards."""
    client = lintas.client()
    yield client
    client.close()
    assert lintas.running, f"the daemon died:\n{lintas.log()[-6000:]}"


def starter(pg, directory):
    daemons = []

    def start(extra=None, url=None, until="/ready", **more):
        daemon = Lintas(base_config(url or pg.url(), **(extra or {})), directory, **more)
        daemons.append(daemon)
        return daemon.start(until)

    def stop():
        problems = []
        for daemon in daemons:
            try:
                if daemon.process is not None:
                    daemon.stop()
            except AssertionError as problem:
                problems.append(str(problem))
        assert not problems, "\n".join(problems)
    return start, stop


@pytest.fixture
def start(pg, tmp_path):
    """start({"limits": {...}}, url=..., until="/live") gives a daemon that ends with the test, status 0."""
    begin, end = starter(pg, tmp_path)
    yield begin
    end()


@pytest.fixture(scope="module")
def start_module(pg, tmp_path_factory):
    """As `start`, for a daemon that a whole file shares."""
    begin, end = starter(pg, tmp_path_factory.mktemp("module"))
    yield begin
    end()
