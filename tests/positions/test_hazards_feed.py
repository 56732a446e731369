"""Hazards 23 to 25, 31, 33, 35 and 36: the feed breaks, stops, is late, and the servers around it fail."""

import contextlib
import pathlib
import subprocess

import psycopg2
import psycopg2.extras
import pytest
from api import Deployment
from support.pgbouncer import PgBouncer
from support.postgres import BINARIES, LOGIN, PASSWORD
from support.wait import wait_until


def right(one, api, rows, times=3):
    """Reads that carry a token of now answer what the primary holds."""
    token = one.token()
    for row in rows:
        value = one.site.primary.value("select n from api.counters where id = %s", (row,))
        for _ in range(times):
            seen = api.read(row, token)
            assert seen.n == value, f"row {row}: {seen}, and it is {value}"


def live_again(one, api, row=999, limit=30):
    """The feed works: an entry is fresh for a token of after it."""
    def hit():
        one.site.primary.execute("update api.counters set n = n + 1 where id = 1998")
        lsn = one.site.primary.lsn("flush")
        token = one.token(lsn)
        api.read(row, token)  # fills, if nothing did
        return one.metric("lintas_feed_position_bytes") >= lsn and api.read(row, token).source == "memory"
    wait_until(hit, limit, "memory serves new tokens again")


def end_consumer(site, slot="lintas"):
    """Ends who reads the slot, until nobody does for a moment; drops the slot in that moment."""
    def dropped():
        with contextlib.suppress(psycopg2.Error):
            site.primary.execute("select pg_terminate_backend(active_pid) from pg_replication_slots"
                                 " where slot_name = %s and active", (slot,))
            site.primary.execute("select pg_drop_replication_slot(%s)", (slot,))
            return True
        return False
    wait_until(dropped, 20, "the slot is dropped", every=0.001)


def test_hazard_23_slot_dropped(make_site, deploy):
    """What was committed while there was no slot is in no stamp: everything of before is not fresh any more."""
    site = make_site()
    one = deploy(site, doors=("feed",))
    api = one.api()
    for row in range(20):
        api.warm(row)
    breaks = one.metric("lintas_feed_epoch_breaks_total")
    one.doors["feed"].refuse()
    one.doors["feed"].reset()
    end_consumer(site)
    site.primary.execute("update api.counters set n = 5 where id < 10")
    one.doors["feed"].passing()
    right(one, api, range(20))
    live_again(one, api)
    right(one, api, range(20))
    assert one.metric("lintas_feed_epoch_breaks_total") > breaks
    assert "slot" in one.daemon.log()


def test_hazard_23_slot_lost_to_the_disk_limit(make_site, deploy):
    """A consumer that was away for more WAL than may be kept finds its slot gone, and begins anew."""
    site = make_site(max_slot_wal_keep_size="32MB", wal_keep_size="0", max_wal_size="64MB", min_wal_size="32MB")
    one = deploy(site, doors=("feed",))
    api = one.api()
    for row in range(20):
        api.warm(row)
    one.doors["feed"].blackhole()
    site.primary.execute("update api.counters set n = 5 where id < 10")
    overflow(site)
    right(one, api, range(20))
    one.doors["feed"].passing()
    one.doors["feed"].reset()
    live_again(one, api)
    right(one, api, range(20))
    assert site.primary.slots()["lintas"]["wal_status"] in ("reserved", "extended")


def overflow(site, slot="lintas"):
    """WAL and checkpoints until the slot's WAL has been removed."""
    def lost():
        site.primary.execute("insert into api.no_key select repeat('x', 1000) from generate_series(1, 16000)")
        site.primary.execute("select pg_switch_wal(); checkpoint")
        return site.primary.slots()[slot]["wal_status"] == "lost"
    wait_until(lost, 60, "the slot is lost")


def test_hazard_23_slot_taken(make_site, deploy):
    """Somebody else reads the slot: right and slower, and the feed begins when it is let go."""
    site = make_site()
    connection = psycopg2.connect(site.primary.superuser_url(),
                                  connection_factory=psycopg2.extras.LogicalReplicationConnection)
    one = deploy(site, feed=False)  # migrates, so that there is a publication to read
    with connection.cursor() as cursor:
        cursor.create_replication_slot("lintas", output_plugin="pgoutput")
        cursor.start_replication("lintas", options={"proto_version": "1", "publication_names": "lintas"})
        one.stop()
        second = one_more(one, feed={"url": site.primary.feed_url(), "publication": "lintas", "slot": "lintas"})
        api = second.api()
        try:
            for n in range(1, 10):
                site.primary.execute("update api.counters set n = %s where id = 1", (n,))
                right(second, api, [1])
            wait_until(lambda: "slot" in second.daemon.log(), 20, "the log says that the slot is taken")
            connection.close()
            live_again(second, api)
            right(second, api, range(5))
        finally:
            second.stop()


def one_more(before, feed=None, **config):
    """Another daemon on the same site, without waiting for its feed."""
    more = {"database": {"feed": feed}} if feed else {}
    return Deployment(before.site, before.directory, feed=False, **{**more, **config})


def test_hazard_24_slot_creation_blocked(make_site, deploy):
    """An open transaction keeps the slot from being made: the daemon serves, says so, and gets it afterwards."""
    site = make_site()
    one = deploy(site, feed=False)
    one.stop()
    connection = site.primary.connect()
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("insert into api.no_key values ('open')")
        second = one_more(one, feed={"url": site.primary.feed_url()})
        api = second.api()
        try:
            for n in range(1, 10):
                site.primary.execute("update api.counters set n = %s where id = 1", (n,))
                right(second, api, [1])
            connection.rollback()
            live_again(second, api)
            right(second, api, range(5))
        finally:
            second.stop()
    connection.close()


def test_hazard_24_an_old_prepared_transaction_is_named(make_site, deploy):
    """Slot creation would hang: preflight says which transaction is in the way."""
    site = make_site()
    one = deploy(site, feed=False)
    one.stop()
    connection = site.primary.connect()
    with connection.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("insert into api.no_key values ('x'); prepare transaction 'forgotten'")
    old = "select count(*) from pg_prepared_xacts where prepared < now() - interval '11 seconds'"
    wait_until(lambda: site.primary.value(old), 20, "it is old")
    second = one_more(one, feed={"url": site.primary.feed_url()})
    api = second.api()
    try:
        wait_until(lambda: "forgotten" in second.daemon.log(), 30, "the log names it")
        assert "forgotten" in str(second.status())
        right(second, api, range(3))
        with connection.cursor() as cursor:
            cursor.execute("rollback prepared 'forgotten'")
        live_again(second, api, limit=60)
    finally:
        second.stop()
        connection.close()


def test_hazard_25_unread_slot_against_the_disk_limit(make_site, deploy):
    """The daemon is gone and its slot stays: the primary's disk is safe, and the next daemon begins anew."""
    site = make_site(max_slot_wal_keep_size="32MB", wal_keep_size="0", max_wal_size="64MB", min_wal_size="32MB")
    one = deploy(site)
    one.api().warm(1)
    one.daemon.kill()
    one.daemon.process = None
    site.primary.execute("update api.counters set n = 5 where id < 10")
    overflow(site)
    size = sum(file.stat().st_size for file in (site.primary.data / "pg_wal").iterdir() if file.is_file())
    assert size < 256 << 20
    second = one_more(one, feed={"url": site.primary.feed_url()})
    try:
        api = second.api()
        live_again(second, api, limit=60)
        right(second, api, range(20))
    finally:
        second.stop()


def test_hazard_25_no_limit_no_feed(make_site, deploy):
    """max_slot_wal_keep_size = -1 could fill the primary's disk: no slot is made, and a sentence says why."""
    site = make_site(max_slot_wal_keep_size="-1")
    one = deploy(site, feed=False)
    one.stop()
    second = one_more(one, feed={"url": site.primary.feed_url()})
    try:
        api = second.api()
        wait_until(lambda: "max_slot_wal_keep_size" in second.daemon.log(), 20, "the log says why")
        right(second, api, range(5))
        assert "lintas" not in site.primary.slots()
        assert "max_slot_wal_keep_size" in str(second.status())
        seen = api.read(1)
        assert seen.status == 200 and (seen.age is None or int(seen.age) <= 5)
    finally:
        second.stop()


def next_xid(server, xid):
    """Makes the stopped server's next transaction id `xid`, at most 2^31 ahead; its commit log is zeros there."""
    segment = server.data / "pg_xact" / f"{(xid & 0xFFFFFFFF) // (32768 * 32):04X}"
    if not segment.exists():
        segment.write_bytes(bytes(32 * 8192))
        if server.root:
            subprocess.run(["chown", "postgres:", str(segment)], check=True)
    server._run("pg_resetwal", "-f", "-x", str(xid & 0xFFFFFFFF), "-D", server.data)


def to_the_end_of_xids(server, left):
    """Moves next_xid to `left` before 2^32, freezing all rows on the way: at most 2^31 a step."""
    for xid in (1_500_000_000, 3_000_000_000, (1 << 32) - left):
        subprocess.run([str(BINARIES / "vacuumdb"), "-h", "127.0.0.1", "-p", str(server.port), "-U",
                        "postgres", "--all", "--freeze", "-q"], check=True)
        server.execute("update pg_database set datallowconn = true where datname = 'template0'")
        server.stop()
        next_xid(server, xid)
        server.start()


def test_hazard_31_xid_wraparound(make_site, deploy, judge):
    """The feed carries 32 bits of an xid, a snapshot 64: pending commits are found on both sides of the wrap."""
    site = make_site()
    site.primary.execute("update pg_database set datallowconn = true where datname = 'template0'")
    to_the_end_of_xids(site.primary, left=3000)
    standby = site.add_replica("standby", gate=True)
    site.synchronous()
    standby.link.delay(0.005)
    epoch = int(site.primary.value("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint >> 32"))
    one = deploy(site, replicas=())
    begun = judge(one, seconds=120, rows=32, sessions=32, mix={"session": 55, "eventual": 5, "range": 5, "write": 35})

    def wrapped():
        assert begun.load.running(), "the load ended before the wrap"
        return int(site.primary.value("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint >> 32")) > epoch
    wait_until(wrapped, 100, "the xids have wrapped")
    goal = begun.load.total() + 2000
    wait_until(lambda: begun.load.total() > goal, 60, "the load goes on")
    begun.verdict()
    site.synchronous("")


def test_hazard_33_pooler_between(make_site, deploy, judge):
    """Transaction pooling: every statement may reach another session, and the rules hold all the same."""
    site = make_site(standby=True, standby_gate=True, replicas={"r1": {}})
    site.synchronous()
    site.standby.link.delay(0.005)
    with PgBouncer(site.primary, LOGIN, PASSWORD) as bouncer:
        one = deploy(site, database={"primary": {"url": site.primary.url(bouncer.port), "through_pooler": True,
                                                 "prepared": False}})
        report = judge(one, seconds=8, rows=64, mix={"session": 50, "critical": 10, "eventual": 5, "bounded": 5,
                                                     "range": 5, "write": 25}).verdict(stop=False)
        assert report.by_source[4] and report.by_source[1]
        one.stop()
    site.synchronous("")


def test_hazard_33_pooler_whose_server_is_switched(make_site, deploy):
    """The pooler keeps its sessions to a deposed primary while the feed is on the new one."""
    site = make_site(standby=True)
    with PgBouncer(site.primary, LOGIN, PASSWORD) as bouncer:
        one = deploy(site, doors=("feed",), database={"primary": {
            "url": site.primary.url(bouncer.port), "through_pooler": True, "prepared": False}})
        api = one.api()
        api.write(1, 5)
        site.caught_up()
        zombie = site.primary
        site.failover(stop=None)
        one.doors["feed"].upstream = site.primary.port
        one.doors["feed"].reset()
        rows = iter(range(100, 2000))
        wait_until(lambda: api.put_n(next(rows), 1).status == 503, 20, "writes to the deposed primary are refused")
        assert [api.put_n(row, 1).status for row in range(50, 55)] == [503] * 5
        assert zombie.value("select count(*) from api.counters where id between 50 and 54 and n = 1") == 0
        one.stop()


def test_hazard_35_recovery_conflicts(make_site, deploy, judge):
    """Vacuum on the primary cancels reads on a replica that waits for nobody: clients see answers, not conflicts."""
    site = make_site(replicas={"r1": {"max_standby_streaming_delay": "0", "hot_standby_feedback": "off"}})
    one = deploy(site, cache={"memory": {"size": 0}})
    begun = judge(one, seconds=60, rows=200)
    conflicts = "select sum(confl_snapshot + confl_lock + confl_bufferpin) from pg_stat_database_conflicts"

    def conflicted():
        site.primary.execute("vacuum api.counters")
        site.primary.execute("begin; lock table api.counters in access exclusive mode; commit")
        with contextlib.suppress(psycopg2.Error):  # this question may be cancelled as well
            return site["r1"].value(conflicts) > 0 and begun.load.total() > 3000
        return False
    wait_until(conflicted, 40, "reads were cancelled", every=0.005)
    report = begun.verdict()
    assert set(report.by_status) <= {503}, report
    assert report.by_status[503] < report.checked / 100


def test_hazard_35_replica_restart(make_site, deploy, judge):
    """A replica stops, crashes and comes back under load; another source answers, and then it is used again."""
    site = make_site(replicas={"r1": {}})
    one = deploy(site, cache={"memory": {"size": 0}})
    begun = judge(one, seconds=90, rows=200)
    for mode in ("fast", "immediate", "freeze"):
        goal = begun.load.total() + 500
        wait_until(lambda goal=goal: begun.load.total() > goal, 30, "the load goes on")
        if mode == "freeze":
            site["r1"].freeze()
            goal = begun.load.total() + 300
            wait_until(lambda goal=goal: begun.load.total() > goal, 30, "the load goes on without it")
            site["r1"].resume()
        else:
            site["r1"].restart(mode)
        wait_until(lambda: one.source("r1")["state"] == "up", 30, "r1 is used again")
    report = begun.verdict()
    assert not report.by_status, f"a replica's trouble is not the client's: {report}"
    assert report.by_source[3] and report.by_source[4]


def resident_kb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


@pytest.mark.parametrize("way", ["blackhole", "refuse"])
def test_hazard_36_feed_dead(way, make_site, deploy, judge):
    """Nothing arrives any more: fills that wait for it are dropped, memory stays bounded, answers stay right."""
    site = make_site()
    one = deploy(site, doors=("feed",), cache={"memory": {"size": "8MiB"}})
    api = one.api()
    api.warm(1)
    resident = resident_kb(one.daemon.process.pid)
    getattr(one.doors["feed"], way)()
    if way == "refuse":
        one.doors["feed"].reset()
    begun = judge(one, seconds=60, rows=1900, zipf=0)
    wait_until(lambda: begun.load.total() > 15000, 60, "the load gets through without a feed")
    grown = resident_kb(one.daemon.process.pid) - resident
    assert grown < 64 << 10, f"{grown} kB more without a feed"
    assert one.metric("lintas_cache_bytes") <= 8 << 20
    right(one, api, range(1990, 2000))
    one.doors["feed"].passing()
    one.doors["feed"].reset()
    live_again(one, api)
    begun.verdict(at_least=5000)


def test_hazard_36_two_daemons_one_slot(make_site, deploy, judge):
    """The second daemon subscribes to the hub; the hub is killed under load and the other one takes over."""
    site = make_site(replicas={"r1": {}})
    link = {"listen": {"link": {"address": "127.0.0.1:0"}}}
    one = deploy(site, **link)
    two = deploy(site, **link)
    begun = judge(one, two, seconds=60, rows=64)
    wait_until(lambda: begun.load.total() > 2000, 30, "the load runs")
    assert two.metric("lintas_feed_position_bytes") > 0
    one.daemon.kill()
    one.daemon.process = None
    api = two.api()
    live_again(two, api)
    begun.verdict(at_least=500)
