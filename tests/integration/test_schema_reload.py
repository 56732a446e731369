"""The catalogue is read again on NOTIFY and SIGHUP, swapped at once, and kept when that fails (DIALECT 6)."""

import signal
import threading

import pytest

from support.gate import Gate
from support.wait import wait_until


@pytest.fixture
def gone(sql):
    sql("drop table if exists api.appears cascade")
    yield
    sql("drop table if exists api.appears cascade; notify pgrst")


def create(sql):
    sql("create table api.appears (id int primary key, v text); grant all on api.appears to web_anon")


@pytest.mark.parametrize("payload", ["", "reload schema"])
def test_notify(start, sql, gone, payload):
    client = start().client()
    assert client.get("/appears").status == 404
    create(sql)
    assert client.get("/appears").status == 404, "not before it is told"
    sql("select pg_notify('pgrst', %s)", (payload,))
    wait_until(lambda: client.get("/appears").status == 200, 10, "the table appears")
    sql("alter table api.appears add column extra int; select pg_notify('pgrst', %s)", (payload,))
    wait_until(lambda: client.post("/appears", {"id": 1, "extra": 5}).status in (201, 409), 10, "the column appears")
    sql("drop table api.appears; select pg_notify('pgrst', %s)", (payload,))
    wait_until(lambda: client.get("/appears").status == 404, 10, "the table is gone")


def test_other_payloads_change_nothing(start, sql, gone):
    client = start().client()
    sql("notify pgrst, 'dance'; notify other_channel, 'reload schema'")
    assert client.get("/items?limit=1").status == 200


def test_sighup(start, sql, gone):
    daemon = start()
    create(sql)
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: daemon.client().get("/appears").status == 200, 10, "the table appears")


def test_statements_prepared_before_a_change_do_not_fail_after_it(start, sql, gone):
    create(sql)
    client = start({"threads": 1, "database": {"primary": {"pool": 1}}}).client()
    for _ in range(10):
        assert client.get("/appears").json() == []
        assert client.post("/appears", [], Prefer="return=representation").status == 201
    sql("alter table api.appears add column w int default 7; insert into api.appears values (1, 'a'); notify pgrst")
    wait_until(lambda: client.get("/appears").status == 200 and client.get("/appears").json() == [
        {"id": 1, "v": "a", "w": 7}], 10, "the new column, and no 'cached plan must not change result type'")


def test_a_type_change_without_notify_is_survived(start, sql, gone):
    create(sql)
    client = start({"threads": 1, "database": {"primary": {"pool": 1}}}).client()
    for _ in range(5):
        assert client.get("/appears?id=eq.1").status == 200
    sql("alter table api.appears alter column id type bigint, alter column v type varchar(5)")
    for _ in range(5):
        assert client.get("/appears?id=eq.1").status == 200


def test_a_failed_reload_keeps_the_old_catalogue(start, sql, pg):
    """The catalogue query is made to fail by a login that may no longer look."""
    pg.execute("create role reader login noinherit password 'reader-password-reader'; grant web_anon to reader")
    daemon = start(url=pg.url(user="reader", password="reader-password-reader"))
    client = daemon.client()
    assert client.get("/items?limit=1").status == 200
    pg.execute("revoke select on pg_catalog.pg_class, pg_catalog.pg_attribute, pg_catalog.pg_constraint from public")
    try:
        before = len(daemon.log())
        sql("notify pgrst")
        wait_until(lambda: "error" in daemon.log()[before:] or "warn" in daemon.log()[before:], 15,
                   "the failure is in the log")
        for _ in range(5):
            assert client.get("/items?limit=1").status == 200
    finally:
        pg.execute("grant select on pg_catalog.pg_class, pg_catalog.pg_attribute, pg_catalog.pg_constraint to public")
    sql("notify pgrst")
    assert client.get("/items?limit=1").status == 200
    daemon.stop()
    pg.execute("drop role reader")


def test_requests_go_on_while_the_catalogue_is_swapped(start, sql, gone):
    create(sql)
    daemon = start()
    stop, wrong = threading.Event(), []

    def hammer():
        client = daemon.client()
        while not stop.is_set():
            response = client.get("/items?id=eq.1")
            if response.status != 200:
                wrong.append(response)
    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    client = daemon.client()
    for i in range(8):
        sql(f"alter table api.appears add column c{i} int; notify pgrst")
        wait_until(lambda: client.post(f"/appears?columns=c{i}", []).status == 201, 10, f"column c{i}")
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_lost_listener_comes_back(start, sql, pg, gone):
    with Gate(pg.port) as gate:
        daemon = start(url=pg.url(gate.port))
        client = daemon.client()
        gate.refuse()
        gate.reset()
        create(sql)
        sql("notify pgrst")  # nobody listens: lost
        gate.passing()
        # So a listener that is back reads the catalogue anyway.
        wait_until(lambda: client.get("/appears").status == 200, 40, "the table appears without another NOTIFY")
        sql("drop table api.appears; notify pgrst")
        wait_until(lambda: client.get("/appears").status == 404, 20, "and it listens again")
        daemon.stop()


def test_stopping_in_the_middle_of_a_reload(start, sql):
    """Connections that a reload has just put aside must not keep the process alive."""
    for round_ in range(4):
        daemon = start()
        loads = daemon.log().count("schema loaded")
        sql("notify pgrst")
        if round_ % 2:
            wait_until(lambda: daemon.log().count("schema loaded") > loads, 10, "loaded again", every=0.002)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_exit(10) == 0
