"""The database fails in every way we know; each test ends with: and then it recovers (CONTRACT 3, DESIGN 4).

What a client may hear: 503 with Retry-After when nothing was applied and a later try can help, 504 only when
time ran out or the outcome of a write is not known (LNT004). A write that was answered 503 must not be there.
"""

import concurrent.futures
import contextlib
import itertools
import json
import threading
import time

import psycopg2
import pytest

from conftest import SCHEMA, base_config
from support import http
from support.daemon import Lintas
from support.gate import TO_CLIENT, TO_SERVER, Gate
from support.http import head_of
from support.postgres import Postgres
from support.wait import wait_until

RETRY = {503: {"PGRST000", "PGRST001", "PGRST002", "57P01", "57P02", "57P03", "53300", "LNT003", "LNT005"},
         504: {"PGRST003", "LNT002", "LNT004"}}
fresh_ids = itertools.count(100_000)


@pytest.fixture(scope="module")
def server():
    """A server of this file's own: it is killed, stopped and frozen."""
    postgres = Postgres(schema=SCHEMA, settings="max_connections = 30\nsuperuser_reserved_connections = 5\n")
    yield postgres
    postgres.destroy()


@pytest.fixture
def gate(server):
    with Gate(server.port) as one:
        yield one


@pytest.fixture
def small(server, gate, tmp_path):
    """One thread and few connections, through the gate: what breaks is what is used."""
    daemons = []

    def start(until="/ready", **extra):
        config = base_config(server.url(gate.port), threads=1, database={"primary": {"pool": 2}},
                             limits={"request_timeout": "3s", "drain": "5s"})
        daemon = Lintas(config, tmp_path)
        daemon.write_config(extra)
        daemons.append(daemon)
        return daemon.start(until)
    yield start
    gate.passing()
    try:
        for daemon in daemons:
            daemon.stop()
    finally:
        for daemon in daemons:
            daemon.kill()


def excused(response):
    """An answer that a broken database may have: in the dialect's shape, and retryable."""
    assert response.status in RETRY, response
    assert response.code in RETRY[response.status], response
    if response.status == 503:
        assert int(response.get("Retry-After")) >= 0
    assert list(response.json()) == ["code", "details", "hint", "message"]
    return response


def recovers(daemon, limit=40):
    """The ending of every test here."""
    client = daemon.client(timeout=10)
    ident = next(fresh_ids)

    def reads_and_writes():
        try:
            return (client.get("/items?id=eq.1").status == 200
                    and client.post("/bulk", {"id": ident}, Prefer="resolution=ignore-duplicates").status == 201)
        except (OSError, http.Closed):
            client.close()
            return False
    wait_until(reads_and_writes, limit, "and then it recovers", every=0.1)
    daemon.wait("/ready", limit)
    assert daemon.running
    client.close()


def there(server, ident):
    return bool(server.execute("select 1 from api.bulk where id = %s", (ident,)))


def write(client, server, ident=None):
    """Inserts one row and checks the answer against what is in the table."""
    ident = ident or next(fresh_ids)
    response = client.post("/bulk", {"id": ident, "v": "fault"})
    if response.status == 201:
        assert there(server, ident), "answered 201 and not there"
    else:
        excused(response)
        if response.status == 503:
            assert not there(server, ident), f"answered {response} and is there"
    return response


# Backends and servers that go ----------------------------------------------------------------------------------


def test_idle_backends_are_killed(small, server):
    daemon = small()
    client = daemon.client()
    assert client.get("/items?id=eq.1").status == 200
    for _ in range(3):
        assert server.terminate_backends() > 0
        response = client.get("/items?id=eq.1")
        if response.status != 200:
            excused(response)
        recovers(daemon)


def in_background(daemon, method, target, body=None):
    pool = concurrent.futures.ThreadPoolExecutor(1)
    return pool.submit(lambda: daemon.client(timeout=30).request(method, target, body))


def asleep(server, count=1):
    wait_until(lambda: server.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") >= count, 10,
               "asleep in the database")


def test_a_backend_is_killed_during_a_read(small, server):
    daemon = small()
    waiting = in_background(daemon, "GET", "/naps?select=nap&id=eq.3")
    asleep(server)
    server.terminate_backends()
    response = waiting.result(20)
    if response.status != 200:
        assert excused(response).status == 503
    recovers(daemon)


def test_a_backend_is_killed_during_a_write(small, server):
    daemon = small()
    ident = next(fresh_ids)
    waiting = in_background(daemon, "POST", "/slow_writes", {"id": ident, "seconds": 1})
    asleep(server)
    server.terminate_backends()
    excused(waiting.result(20))
    assert not server.execute("select 1 from api.slow_writes where id = %s", (ident,))
    recovers(daemon)


def test_a_backend_crashes(small, server):
    daemon = small()
    waiting = in_background(daemon, "GET", "/naps?select=nap&id=eq.3")
    asleep(server)
    server.crash_backend()
    response = waiting.result(20)
    if response.status != 200:
        excused(response)
    server.wait_for()
    recovers(daemon)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_the_server_is_restarted_under_load(small, server, mode):
    daemon = small()
    stop, seen, wrong = threading.Event(), set(), []

    def load(worker):
        client = daemon.client(timeout=20)
        while not stop.is_set():
            try:
                if worker % 2:
                    response = client.get("/items?id=eq.1")
                    if response.status != 200:
                        excused(response)
                else:
                    response = client.post("/bulk", {"id": next(fresh_ids)})
                    if response.status != 201:
                        excused(response)
                seen.add(response.status)
            except AssertionError as problem:
                wrong.append(problem)
        client.close()
    threads = [threading.Thread(target=load, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: {200, 201} <= seen, 10, "load is running")
    server.stop(mode)
    wait_until(lambda: 503 in seen, 10, "503 while it is away")
    server.start()
    recovers(daemon)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]


def test_ready_follows_the_server(small, server):
    daemon = small()
    server.stop()
    try:
        wait_until(lambda: daemon.probe("/ready") == 503, 20, "/ready says no")
        assert daemon.probe("/live") == 200
        response = excused(daemon.client().get("/items"))
        assert response.status == 503
    finally:
        server.start()
    recovers(daemon)


def test_max_connections_are_full(small, server, gate):
    """Somebody else took every connection: those that the daemon lost cannot be made again."""
    daemon = small()
    taken = []
    gate.refuse()
    gate.reset()
    try:
        wait_until(lambda: not server.backends(), 10, "the daemon's sessions are gone")
        with contextlib.suppress(psycopg2.OperationalError):
            while True:
                taken.append(server.connect("authenticator", "hush-hush-authenticator"))
        assert taken
        gate.passing()
        for _ in range(3):
            assert excused(daemon.client().get("/items?id=eq.1")).status == 503
            assert excused(daemon.client().post("/bulk", {"id": next(fresh_ids)})).status == 503
    finally:
        for connection in taken:
            connection.close()
    recovers(daemon)


# A server that hangs -------------------------------------------------------------------------------------------


def test_a_frozen_server(small, server):
    daemon = small()
    client = daemon.client(timeout=20)
    assert client.get("/items?id=eq.1").status == 200
    ident = next(fresh_ids)
    server.freeze()
    try:
        began = time.monotonic()
        response = excused(client.get("/items?id=eq.1"))
        assert response.status == 504
        assert 2 < time.monotonic() - began < 8, "the deadline is 3 s"
        response = excused(client.post("/bulk", {"id": ident}))
        assert daemon.probe("/live") == 200
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            many = list(pool.map(lambda _: daemon.client(timeout=20).get("/items?id=eq.1"), range(20)))
        for one in many:
            excused(one)
    finally:
        server.resume()
    recovers(daemon)
    if response.status == 503:
        assert not there(server, ident)


def test_a_blackhole_and_back(small, gate):
    daemon = small()
    client = daemon.client(timeout=20)
    assert client.get("/items?id=eq.1").status == 200
    gate.blackhole()
    began = time.monotonic()
    assert excused(client.get("/items?id=eq.1")).status == 504
    assert time.monotonic() - began < 8
    assert excused(client.post("/bulk", {"id": next(fresh_ids)})).status in (503, 504)
    gate.passing()
    recovers(daemon)


def test_a_blackhole_from_the_first_connection_on(small, gate):
    gate.blackhole()
    daemon = small(until="/live")
    assert daemon.probe("/ready") == 503
    assert excused(daemon.client().get("/items")).status == 503
    gate.passing()
    recovers(daemon, 60)


def test_connections_are_refused(small, gate):
    daemon = small()
    gate.refuse()
    gate.reset()
    client = daemon.client()
    wait_until(lambda: client.get("/items?id=eq.1").status == 503, 10, "503 while refused")
    response = excused(client.get("/items?id=eq.1"))
    assert response.status == 503 and response.code in ("PGRST000", "PGRST001")
    began = time.monotonic()
    excused(client.post("/bulk", {"id": next(fresh_ids)}))
    assert time.monotonic() - began < 4, "refused at once, or within the deadline"
    gate.passing()
    recovers(daemon)


def test_a_slow_network_is_only_slow(small, gate):
    daemon = small()
    client = daemon.client(timeout=30)
    gate.delay(0.1)
    assert client.get("/items?id=eq.1").status == 200
    assert client.post("/bulk", {"id": next(fresh_ids)}).status == 201
    gate.delay(5)
    assert excused(client.get("/items?id=eq.1")).status == 504
    gate.passing()
    gate.reset()
    recovers(daemon)


# Cut after N bytes -----------------------------------------------------------------------------------------------

CUTS = [1, 2, 3, 5, 7, 11, 17, 23, 37, 53, 71, 97, 131, 173, 233, 311, 419, 557, 743, 997]


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("way", [TO_CLIENT, TO_SERVER])
def test_reads_are_cut_anywhere(small, server, gate, way, hard):
    daemon = small(database={"primary": {"pool": 1}})
    client = daemon.client(timeout=20)
    for count in CUTS:
        wait_until(lambda: client.get("/items?id=eq.1").status == 200, 30, "served before the next cut", every=0.05)
        gate.cut_after(count, way, hard)
        for _ in range(50):
            response = client.get("/items?order=id")
            if response.status == 200:
                assert [row["id"] for row in response.json()] == list(range(1, 16)), "whole or not at all"
            else:
                assert excused(response).status == 503, response
            if gate.was_cut:
                break
        assert gate.was_cut
        gate.passing()
    recovers(daemon)


@pytest.mark.parametrize("way", [TO_CLIENT, TO_SERVER])
def test_writes_are_cut_anywhere(small, server, gate, way):
    """The invariant: 201 is there, 503 is not there, 504 LNT004 is the only 'nobody knows'."""
    daemon = small(database={"primary": {"pool": 1}})
    client = daemon.client(timeout=20)
    answers = {}
    for count in CUTS:
        wait_until(lambda: client.get("/items?id=eq.1").status == 200, 30, "served before the next cut", every=0.05)
        assert write(client, server).status == 201
        gate.cut_after(count, way)
        for _ in range(20):
            response = write(client, server)
            answers.setdefault((response.status, response.status != 201 and response.code), []).append(count)
            if gate.was_cut:
                break
        assert gate.was_cut
        gate.passing()
    assert set(answers) <= {(201, False), (503, "PGRST000"), (503, "PGRST001"), (503, "LNT003"), (504, "LNT004")}, answers
    recovers(daemon)


@pytest.mark.parametrize("way", [TO_CLIENT, TO_SERVER])
def test_connecting_is_cut_anywhere(small, gate, way):
    """The start-up, authentication and the catalogue's queries, broken at each point."""
    daemon = small(database={"primary": {"pool": 1}})
    for count in CUTS[::3]:
        gate.cut_after(count, way)
        gate.reset()
        wait_until(lambda: gate.was_cut, 40, f"cut after {count}")
    gate.passing()
    recovers(daemon, 60)


@pytest.mark.parametrize("count", [50, 500, 5_000, 50_000, 500_000])
def test_start_up_is_cut(small, gate, count):
    gate.cut_after(count, TO_CLIENT)
    recovers(small(until="/live"), 60)


def test_a_shared_batch_is_cut_for_all_of_it(small, gate):
    """Many reads at once travel together; when their connection breaks each is answered, once."""
    daemon = small(database={"primary": {"pool": 1}})
    for count in (100, 1000, 3000, 9000):
        gate.cut_after(count, TO_CLIENT)
        with daemon.connect(timeout=20) as one:
            one.send(b"".join(head_of("GET", f"/items?select=id&id=eq.{1 + i % 15}") for i in range(60)))
            for i in range(60):
                response = one.read()
                if response.status == 200:
                    assert response.json() == [{"id": 1 + i % 15}]
                else:
                    excused(response)
        gate.passing()
        recovers(daemon)


def test_an_error_in_a_batch_is_its_own_only(small):
    daemon = small(database={"primary": {"pool": 1}})
    ones = [daemon.connect() for _ in range(40)]
    for round_ in range(5):
        for i, one in enumerate(ones):
            one.send(head_of("GET", "/items?id=eq.x" if i % 4 == round_ % 4 else f"/items?select=id&id=eq.{1 + i % 15}"))
        for i, one in enumerate(ones):
            response = one.read()
            if i % 4 == round_ % 4:
                assert (response.status, response.code) == (400, "22P02")
            else:
                assert response.json() == [{"id": 1 + i % 15}]
    recovers(daemon)


# Deadlines, clients that leave, queues -----------------------------------------------------------------------------


def test_the_deadline_ends_a_read(small, server):
    daemon = small(limits={"request_timeout": "1s"})
    began = time.monotonic()
    response = daemon.client().get("/naps?select=nap&id=eq.5")
    assert response.status in (504, 500), response
    assert response.code in ("LNT002", "57014")
    assert 0.8 < time.monotonic() - began < 4
    wait_until(lambda: server.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == 0, 5,
               "the server stopped working on it too")
    recovers(daemon)


def test_the_deadline_ends_a_write_which_is_not_applied(small, server):
    daemon = small(limits={"request_timeout": "1s"})
    ident = next(fresh_ids)
    began = time.monotonic()
    response = daemon.client().post("/slow_writes", {"id": ident, "seconds": 30})
    assert (response.status, response.code) in ((504, "LNT002"), (504, "LNT004"), (500, "57014")), response
    assert 0.8 < time.monotonic() - began < 4
    wait_until(lambda: server.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == 0, 5,
               "statement_timeout ended it on the server")
    assert not server.execute("select 1 from api.slow_writes where id = %s", (ident,))
    recovers(daemon)


def test_a_write_has_a_statement_timeout_from_its_deadline(small, server):
    daemon = small(limits={"request_timeout": "2s"})
    server.execute("alter table api.written add column if not exists st text default current_setting('statement_timeout')")
    response = daemon.client().post("/written?select=id&columns=id", {"id": next(fresh_ids)})
    assert response.status == 201, response
    setting = server.value("select st from api.written order by id desc limit 1")
    milliseconds = server.value("select extract(epoch from %s::interval) * 1000", (setting if not setting.isdigit()
                                                                                 else setting + "ms",))
    assert 0 < milliseconds <= 2500, setting
    recovers(daemon)


@pytest.mark.parametrize("abrupt", [True, False])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_client_that_goes_away_has_its_query_cancelled(small, server, method, abrupt):
    daemon = small(limits={"request_timeout": "60s"})
    one = daemon.connect()
    if method == "GET":
        one.send(head_of("GET", "/naps?select=nap&id=eq.5"))
    else:
        body = json.dumps({"id": next(fresh_ids), "seconds": 30}).encode()
        one.send(head_of("POST", "/slow_writes", [("Content-Type", "application/json")], body) + body)
    asleep(server)
    one.reset() if abrupt else one.close()
    wait_until(lambda: server.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == 0, 10,
               "the query was cancelled")
    recovers(daemon)


def test_cancelling_one_does_not_disturb_another(small, server):
    daemon = small(limits={"request_timeout": "20s"})
    staying = in_background(daemon, "GET", "/naps?select=nap&id=eq.3")
    leaving = daemon.connect()
    leaving.send(head_of("GET", "/naps?select=nap&id=eq.5"))
    asleep(server, 1)
    leaving.reset()
    assert staying.result(15).json() == [{"nap": "slept 1"}]
    recovers(daemon)


def test_a_pool_that_stays_busy_is_504_pgrst003_or_shed(small, server):
    daemon = small(limits={"request_timeout": "2s"}, database={"primary": {"pool": 1}})
    ones = [daemon.connect(timeout=20) for _ in range(6)]
    for one in ones:
        body = json.dumps({"id": next(fresh_ids), "seconds": 1.6}).encode()
        one.send(head_of("POST", "/slow_writes", [("Content-Type", "application/json")], body) + body)
    found = [one.read("POST") for one in ones]
    assert any(r.status == 201 for r in found), found
    late = [r for r in found if r.status != 201]
    assert late, "one connection cannot have done six of them in time"
    for response in late:
        assert (response.status, response.code) in ((504, "PGRST003"), (503, "LNT005"), (504, "LNT002"),
                                                    (500, "57014"), (504, "LNT004")), response
    assert any(r.code in ("PGRST003", "LNT005") for r in late), late
    recovers(daemon)


def test_in_flight_is_bounded(small, server):
    daemon = small(limits={"in_flight": 10, "request_timeout": "10s"})
    busy = [daemon.connect(timeout=20) for _ in range(10)]
    for one in busy:
        one.send(head_of("GET", "/naps?select=nap&id=eq.3"))
    asleep(server)
    response = wait_until(lambda: (r := daemon.client().get("/items?id=eq.1")).status == 503 and r, 5, "shed")
    assert response.code == "LNT005" and response.get("Retry-After")
    shed = sum(v for k, v in daemon.metrics().items() if k.startswith("lintas_http_shed_total"))
    assert shed >= 1
    for one in busy:
        assert one.read().status == 200
        one.close()
    recovers(daemon)


def test_a_pool_never_opens_more_than_it_may(small, server):
    daemon = small(database={"primary": {"pool": 3}}, limits={"request_timeout": "10s"})
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        jobs = [pool.submit(lambda i=i: daemon.client().get("/naps?select=nap&id=eq.2")) for i in range(20)]
        most = 0
        while not all(job.done() for job in jobs):
            most = max(most, len(server.backends()))
            time.sleep(0.02)
    assert {job.result().status for job in jobs} == {200}
    assert most <= 3 + 2, f"{most} sessions for a pool of 3, one listener and one pulse"
    recovers(daemon)


def test_through_a_pooler_nothing_is_session_level(small, server):
    daemon = small(database={"primary": {"pool": 2, "through_pooler": True, "prepared": False}})
    client = daemon.client()
    assert client.get("/items?id=eq.1").status == 200
    assert client.post("/bulk", {"id": next(fresh_ids)}).status == 201
    assert server.value("select count(*) from pg_stat_activity where usename = 'authenticator' and query ilike 'listen%%'",
                        ()) == 0
    recovers(daemon)
