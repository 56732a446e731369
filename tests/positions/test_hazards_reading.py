"""Hazards 1 to 10: what an answer contains, and what a fill may claim to contain."""

import resource
import select
import socket

import pytest
from api import ROW, Later
from support import http
from support.wait import wait_until

PRIMARY_ALONE = {"replicas": ()}


def in_wal_and_invisible(site, write):
    """Starts `write` while the synchronous standby does not apply; returns when it is flushed and waits there."""
    before = site.primary.lsn("flush")
    pending = Later(write)
    wait_until(lambda: site.primary.value("select count(*) from pg_stat_activity where wait_event = 'SyncRep'") == 1,
               10, "the commit waits for the standby")
    assert site.primary.lsn("flush") > before and not pending.done
    return pending


@pytest.fixture
def waiting_site(make_site):
    """COMMIT waits until the standby has applied, and the standby can be paused."""
    site = make_site(standby=True)
    site.synchronous(commit="remote_apply")
    yield site
    site.synchronous("")  # releases whoever still waits


def test_hazard_01_lsn_after_the_snapshot(make_site, deploy, judge):
    """Replica reads without a cache under load: none misses what its token covers."""
    site = make_site(replicas={"r1": {}})
    one = deploy(site, cache={"memory": {"size": 0}})
    report = judge(one, seconds=6, rows=16, mix={"session": 60, "eventual": 5, "write": 35}).verdict(stop=False)
    assert report.by_source[3] > 500, "hardly anything was read on the replica"


def test_hazard_02_start_taken_for_end(make_site, deploy, judge):
    """A delayed replica parks at the START of a commit: what it filled is not taken to contain that commit."""
    site = make_site(replicas={"r1": {"delay": "100ms"}})
    one = deploy(site)
    report = judge(one, seconds=8, rows=8, mix={"session": 80, "eventual": 17, "write": 3}).verdict(stop=False)
    assert report.by_source[1] and report.by_source[3]


def test_hazard_03_flushed_but_invisible_on_the_primary(waiting_site, deploy):
    """A commit is in the WAL and in the feed, and no snapshot shows it: what is filled then is not fresh later."""
    site = waiting_site
    one = deploy(site, **PRIMARY_ALONE)
    api, writer = one.api(), one.api()
    api.warm(1)
    site.standby.pause_replay()
    pending = in_wal_and_invisible(site, lambda: writer.put_n(1, 5))
    one.wait_feed()
    beats = one.metric("lintas_feed_position_bytes")
    one.wait_feed(beats + 1)  # a heartbeat has passed: the pending xid is below xmax
    assert [api.read(1).n for _ in range(50)] == [0] * 50
    site.standby.resume_replay()
    seen = pending.get()
    assert seen.status == 204
    for _ in range(50):
        assert api.read(1, seen.token).n == 5
    assert api.critical(1).n == 5


def test_hazard_04_the_same_with_no_other_traffic(waiting_site, deploy):
    """As 3, read before anything else commits: the pending xid is at or above xmax, and in no list."""
    site = waiting_site
    one = deploy(site, **PRIMARY_ALONE)
    api, writer = one.api(), one.api()
    for row in range(10, 20):
        site.standby.pause_replay()
        pending = in_wal_and_invisible(site, lambda row=row: writer.put_n(row, 5))
        assert [api.read(row).n for _ in range(5)] == [0] * 5
        one.wait_feed()
        api.read(row)
        site.standby.resume_replay()
        token = pending.get().token
        for _ in range(10):
            assert api.read(row, token).n == 5


KINDS = {
    "a savepoint": ["begin", "savepoint a", "update api.counters set n = 5 where id = 30", "release a", "commit"],
    "a savepoint rolled back": ["begin", "update api.counters set n = 5 where id = 30", "savepoint a",
                                "update api.counters set n = 6 where id = 30", "rollback to a", "commit"],
    "a prepared transaction": ["begin", "update api.counters set n = 5 where id = 30", "prepare transaction 'p'",
                               "commit prepared 'p'"],
    "many savepoints": ["begin", *(f"savepoint s{i}; insert into api.no_key values ('{i}')" for i in range(70)),
                        "update api.counters set n = 5 where id = 30", "commit"],
}


def statements(site, texts):
    """Each in a round trip of its own, as interactive transactions come."""
    connection = site.primary.connect()
    try:
        with connection.cursor() as cursor:
            for text in texts:
                cursor.execute(text)
    finally:
        connection.close()


@pytest.mark.parametrize("kind", KINDS)
def test_hazard_05_savepoints_and_prepared_transactions(kind, waiting_site, deploy):
    """The feed names top-level xids, rows carry those of subtransactions: pending commits are found all the same."""
    site = waiting_site
    one = deploy(site, **PRIMARY_ALONE)
    api = one.api()
    api.warm(30)
    *before, last = KINDS[kind]
    prepared = "commit prepared" in last
    connection = site.primary.connect()
    with connection.cursor() as cursor:
        for text in before:
            cursor.execute(text)
        site.standby.pause_replay()
        pending = in_wal_and_invisible(site, lambda: cursor.execute(last))
        one.wait_feed()
        assert {api.read(30).n for _ in range(20)} == {0}, f"visible early (prepared: {prepared})"
        site.standby.resume_replay()
        pending.get()
    connection.close()
    token = one.token()
    for _ in range(20):
        assert api.read(30, token).n == 5


def test_hazard_06_synchronous_wait_cancelled(waiting_site, deploy):
    """A cancelled wait makes the commit visible before the standby has it: tokens and fills follow visibility."""
    site = waiting_site
    one = deploy(site, **PRIMARY_ALONE)
    api = one.api()
    api.warm(40)
    site.standby.pause_replay()
    pending = in_wal_and_invisible(site, lambda: statements(site, ["update api.counters set n = 5 where id = 40"]))
    one.wait_feed()
    assert api.read(40).n == 0
    site.primary.execute("select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'")
    pending.get()
    token = one.token()
    for _ in range(50):
        assert api.read(40, token).n == 5
    site.standby.resume_replay()
    assert api.critical(40).n == 5


def test_hazard_07_primary_older_than_the_replica_read_before(make_site, deploy):
    """A replica shows a commit that the primary does not show yet: a client that saw it never sees less."""
    site = make_site(standby=True, replicas={"r1": {}})
    site.synchronous(commit="remote_apply")
    one = deploy(site, cache={"memory": {"size": 0}}, limits={"request_timeout": "2s"})
    api, writer = one.api(), one.api(timeout=60)
    site.standby.pause_replay()
    pending = in_wal_and_invisible(
        site, lambda: statements(site, ["update api.counters set n = 5 where id = 50"]))
    site["r1"].wait_replayed(site.primary.lsn("flush"))
    seen = wait_until(lambda: (lambda s: s.n == 5 and s)(api.read(50)), 10, "the replica shows it")
    assert seen.source == "replica"
    assert writer.critical(50).n == 0, "whoever did not see it may still see the older value"
    assert api.read(50, seen.token).n == 5
    answer = api.critical(50, seen.token)
    assert answer.status in (503, 504) or answer.n == 5, f"older than what this client saw: {answer}"
    site.standby.resume_replay()
    pending.get()
    assert api.critical(50, seen.token).n == 5


def test_hazard_07_under_load(make_site, deploy, judge):
    """The same with many clients that go back and forth between replica and primary."""
    site = make_site(standby=True, standby_gate=True, replicas={"r1": {}})
    site.synchronous()
    site.standby.link.delay(0.01)
    one = deploy(site)
    judge(one, seconds=6, rows=32, mix={"session": 50, "critical": 25, "write": 25}).verdict(stop=False)


def test_hazard_08_refill_storm_while_a_stamp_is_ahead_of_visibility(waiting_site, deploy):
    """1 000 clients ask for one row whose stamp no snapshot satisfies: few queries, every answer right."""
    site = waiting_site
    one = deploy(site, **PRIMARY_ALONE, limits={"in_flight": 4096})
    api, writer = one.api(), one.api()
    api.warm(60)
    site.standby.pause_replay()
    pending = in_wal_and_invisible(site, lambda: writer.put_n(60, 5))
    one.wait_feed()
    before = one.metric('lintas_db_query_seconds_count{pool="primary"')
    with storm(one.daemon.public, f"{ROW}60", 1000, "Cache-Control: max-age=4\r\n") as answers:
        values = answers(limit=30)
    queries = one.metric('lintas_db_query_seconds_count{pool="primary"') - before
    assert set(values) == {b'[{"n":0}]'} and len(values) == 1000
    assert queries <= 200, f"{queries} queries for one answer"
    site.standby.resume_replay()
    token = pending.get().token
    with storm(one.daemon.public, f"{ROW}60", 1000, f"Lintas-Position: {token}\r\n") as answers:
        assert set(answers(limit=30)) == {b'[{"n":5}]'}


class storm:
    """Many connections that send one request at the same moment; answers(limit) are their bodies."""

    def __init__(self, port, target, count, more):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        self.sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        self.request = http.head_of("GET", target)[:-2] + more.encode("ascii") + b"\r\n"

    def __enter__(self):
        for one in self.sockets:
            one.sendall(self.request)
        return self.collect

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()

    def collect(self, limit):
        bodies, waiting = [], {one.fileno(): (one, bytearray()) for one in self.sockets}
        poll = select.poll()
        for fd in waiting:
            poll.register(fd, select.POLLIN)

        def step():
            for fd, _ in poll.poll(100):
                one, data = waiting[fd]
                data += one.recv(65536)
                head, found, body = bytes(data).partition(b"\r\n\r\n")
                if found and len(body) == int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
                    assert head.startswith(b"HTTP/1.1 200"), bytes(data)
                    bodies.append(body)
                    poll.unregister(fd)
                    del waiting[fd]
            return not waiting
        wait_until(step, limit, "every client has its answer", every=0)
        return bodies


def test_hazard_09_refill_from_the_lagging_replica_after_the_stamp(make_site, deploy):
    """What a lagging replica fills after a write is not fresh, though it is the newest fill."""
    site = make_site(replicas={"r1": {}})
    one = deploy(site)
    api, writer = one.api(), one.api()
    api.warm(70)
    site["r1"].pause_replay()
    token = writer.write(70, 5)
    one.wait_feed()
    for _ in range(20):
        assert api.read(70).n in (0, 5)  # within the bound, and it fills
        assert api.read(70, token).n == 5
    assert api.critical(70).n == 5
    site["r1"].resume_replay()
    assert api.read(70, token).n == 5


def test_hazard_10_two_fills_race_and_the_older_lands_last(make_site, deploy):
    """A slow replica answers with an older state after the primary filled a newer one."""
    site = make_site(replicas={"r1": {}})
    one = deploy(site, doors=("r1",))
    api, slow, writer = one.api(), one.api(), one.api()
    for row in range(80, 90):
        one.doors["r1"].delay(0.2)
        late = Later(slow.read, row)  # on its way to the replica, or through it
        token = writer.write(row, 5)
        assert api.read(row, token).n == 5
        assert late.get().n in (0, 5)
        one.doors["r1"].passing()
        for _ in range(10):
            assert api.read(row, token).n == 5


def test_hazard_10_under_load(make_site, deploy, judge):
    """Fills from three sources at once, one of them slow."""
    site = make_site(replicas={"r1": {}, "r2": {"delay": "200ms"}})
    one = deploy(site, doors=("r1",))
    one.doors["r1"].delay(0.005)
    judge(one, seconds=6, rows=16).verdict(stop=False)


