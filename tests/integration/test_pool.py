"""The pool under requests that disturb each other: cancels that come late, queues, reloads, stopping."""

import concurrent.futures
import itertools
import json
import signal
import threading
import time

import pytest

from conftest import SCHEMA, base_config
from support.daemon import Lintas
from support.gate import Gate
from support.http import head_of
from support.postgres import Postgres
from support.wait import wait_until

fresh_ids = itertools.count(700_000)


class SlowDoor(Gate):
    """A gate at which new connections wait; those that are open do not."""

    hold = 0.0

    def _relay(self, client):
        time.sleep(self.hold)
        super()._relay(client)


@pytest.fixture(scope="module")
def server():
    postgres = Postgres(schema=SCHEMA, settings="max_connections = 40\n")
    postgres.execute("create view api.heavy as select count(*) as many from generate_series(1, 2000000)")
    postgres.execute("grant select on api.heavy to web_anon")
    postgres.execute("create view api.levels as select current_setting('transaction_isolation') as isolation, "
                     "current_setting('default_transaction_isolation') as standard")
    postgres.execute("grant select on api.levels to web_anon")
    postgres.execute("create table api.commits (id int primary key, "
                     "how text default current_setting('synchronous_commit'))")
    postgres.execute("grant select, insert on api.commits to web_anon")
    yield postgres
    postgres.destroy()


@pytest.fixture
def gate(server):
    with SlowDoor(server.port) as one:
        yield one


@pytest.fixture
def start(server, gate, tmp_path):
    daemons = []

    def begin(pool, until="/ready", **extra):
        config = base_config(server.url(gate.port), threads=1, database={"primary": {"pool": pool}},
                             limits={"request_timeout": "5s", "drain": "1s"})
        daemon = Lintas(config, tmp_path)
        daemon.write_config(extra)
        daemons.append(daemon)
        return daemon.start(until)
    yield begin
    for daemon in daemons:
        daemon.kill()


def slow_write(seconds):
    body = json.dumps({"id": next(fresh_ids), "seconds": seconds}).encode()
    return head_of("POST", "/slow_writes", [("Content-Type", "application/json")], body) + body


def running(server, pattern):
    return server.value("select count(*) from pg_stat_activity where state = 'active' and usename = 'authenticator' "
                        "and query like %s", (pattern,))


def test_a_cancel_request_that_arrives_late_hits_nobody_else(start, server, gate):
    daemon = start(1)
    leaving, staying = daemon.connect(), daemon.connect()
    leaving.send(slow_write(0.7))
    wait_until(lambda: running(server, "%slow_writes%"), 5, "the first one runs", every=0.01)
    gate.hold = 0.8  # the cancel request arrives when that statement has ended by itself
    leaving.reset()
    staying.send(slow_write(1))
    response = staying.read("POST")
    assert response.status == 201, response
    gate.hold = 0
    daemon.stop()


def test_reads_have_their_turn_while_writes_queue(start):
    daemon = start(2)
    done = threading.Event()

    def write():
        with daemon.connect() as one:
            while not done.is_set():
                one.send(slow_write(0.02))
                one.read("POST")
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        writers = [pool.submit(write) for _ in range(12)]
        try:
            client = daemon.client()
            longest = 0
            for _ in range(30):
                began = time.monotonic()
                assert client.get("/items?id=eq.1").status == 200
                longest = max(longest, time.monotonic() - began)
        finally:
            done.set()
    for writer in writers:
        writer.result()
    assert longest < 1, "a read waits for a write or two, not for all that queue"
    daemon.stop()


def test_fast_reads_pass_by_slow_ones(start, server):
    daemon = start(4)
    client = daemon.client()
    slow = [daemon.connect(timeout=30) for _ in range(6)]
    for one in slow:
        one.send(head_of("GET", "/heavy"))
    for one in slow:
        assert one.read().status == 200
    for _ in range(3):  # now it is known which statement is slow and which is not
        assert client.get("/items?id=eq.1").status == 200
    for one in slow:
        one.send(head_of("GET", "/heavy"))
    wait_until(lambda: running(server, "%heavy%") > 1, 5, "slow reads run", every=0.01)
    began = time.monotonic()
    for _ in range(5):
        assert client.get("/items?id=eq.1").status == 200
    took = time.monotonic() - began
    for one in slow:
        assert one.read().status == 200
    slow_took = time.monotonic() - began
    assert took < slow_took / 2, "the fast ones did not wait for the slow ones"
    daemon.stop()


def test_reads_that_fail_take_nothing_from_those_beside_them(start):
    """One error ends the batch that many reads share: the others are repeated, and never get it."""
    daemon = start(2)
    paths = {"/items?id=eq.1": 200, "/items?id=eq.none": 400, "/items?nothing=eq.1": 400, "/items?select=id&id=lt.3": 200,
             "/nowhere": 404, "/items?select=id::int": 200}
    connections = [daemon.connect() for _ in range(24)]
    answers = {}
    for turn in range(15):
        asked = []
        for number, one in enumerate(connections):
            path = list(paths)[(number + turn) % len(paths)]
            one.send(head_of("GET", path))
            asked.append((one, path))
        for one, path in asked:
            answer = one.read()
            assert answer.status == paths[path], (path, answer.body)
            if answer.status == 200:
                assert answers.setdefault(path, answer.body) == answer.body
    daemon.stop()


def test_the_login_role_cannot_choose_another_isolation_level(start, server):
    server.execute("alter role authenticator set default_transaction_isolation = 'repeatable read'")
    try:
        daemon = start(2)
        assert daemon.client().get("/levels").json() == [{"isolation": "read committed", "standard": "read committed"}]
        daemon.stop()
    finally:
        server.execute("alter role authenticator reset default_transaction_isolation")


@pytest.mark.parametrize("asked, got", [("off", "local"), ("local", "local"), ("on", "on"), ("remote_write", "remote_write")])
@pytest.mark.parametrize("role", ["web_anon", "authenticator"])
def test_a_write_is_in_the_log_when_it_is_answered(start, server, role, asked, got):
    """A token made of a commit that is not flushed yet would be too low."""
    server.execute(f"alter role {role} set synchronous_commit = {asked}")
    try:
        daemon = start(2)
        answer = daemon.client().post("/commits", {"id": next(fresh_ids)}, headers={"Prefer": "return=representation"})
        assert answer.status == 201
        assert answer.json()[0]["how"] == got
        daemon.stop()
    finally:
        server.execute(f"alter role {role} reset synchronous_commit")


def test_a_pool_is_replaced_while_it_connects(start, server, gate):
    gate.blackhole()
    daemon = start(2, until="/live")
    for size in (3, 4, 5):
        daemon.write_config({"database": {"primary": {"pool": size}}})
        seen = daemon.log().count("configuration reloaded")
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: daemon.log().count("configuration reloaded") > seen, 5, "reloaded", every=0.01)
    gate.passing()
    daemon.wait("/ready")
    assert daemon.client().get("/items?id=eq.1").status == 200
    wait_until(lambda: len(server.backends()) <= 5 + 1, 10, "nothing of the pools before is left")
    daemon.stop()


def test_stopping_while_the_database_does_not_answer(start, gate):
    gate.blackhole()
    daemon = start(2, until="/live")
    began = time.monotonic()
    daemon.stop()
    assert time.monotonic() - began < 1.5
    assert "bug:" not in daemon.log()


def test_stopping_while_reads_run_that_nobody_waits_for(start, server):
    daemon = start(8)
    leaving = [daemon.connect() for _ in range(4)]
    for round_ in range(2):  # in the second one it is known to be slow, and spread over connections
        for one in leaving:
            one.send(head_of("GET", "/heavy"))
            if round_ == 0:
                one.read()
    wait_until(lambda: running(server, "%heavy%") > 1, 5, "slow reads run on several connections", every=0.01)
    for one in leaving:
        one.reset()
    daemon.stop()
    assert "bug:" not in daemon.log()
