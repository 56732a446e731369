"""Hazards 17 to 22: crashes that take commits back, and histories that part."""

from support import token as tokens
from support.wait import wait_until

NO_WAIT = {"wal_writer_delay": "10s"}


def asynchronously(server, sql):
    connection = server.connect()
    with connection.cursor() as cursor:
        cursor.execute("set synchronous_commit = off")
        cursor.execute(sql)
    connection.close()


def phantom(site, api, row, tries=30):
    """A value that a reader saw and a crash took back; the LSN that was reached with it."""
    for n in range(1000, 1000 + tries):
        asynchronously(site.primary, f"update api.counters set n = {n} where id = {row}")
        seen, insert = api.critical(row), site.primary.lsn("insert")
        flushed = site.primary.lsn("flush")
        site.primary.stop("immediate")
        site.primary.start()
        site.primary.wait_for()
        if seen.status == 200 and seen.n == n and site.primary.value(
                "select n from api.counters where id = %s", (row,)) != n:
            return seen, max(insert, flushed)
        wait_until(lambda: api.critical(row).status == 200, 20, "the daemon is back")
    raise AssertionError(f"in {tries} tries no commit was lost")


def reach(site, lsn):
    """Commits on other rows until the positions of before the crash have been used again."""
    while site.primary.lsn("flush") <= lsn:
        site.primary.execute("update api.counters set n = n + 1 where id between 1500 and 1600")


def test_hazard_17_crash_restart_re_uses_lsns(make_site, deploy):
    """The same LSN stands for another commit after a crash: entries of before it are not fresh by it."""
    site = make_site(**NO_WAIT)
    one = deploy(site)
    api = one.api()
    for row in (1, 2, 3):
        assert api.read(row).n == 0
        seen, lsn = phantom(site, api, row)
        value = site.primary.value("select n from api.counters where id = %s", (row,))
        assert value != seen.n
        reach(site, lsn)
        token = one.token()
        wait_until(lambda row=row: api.read(row, token).status == 200, 20, "the daemon is back")
        for _ in range(20):
            assert api.read(row, token).n == value
        wait_until(lambda token=token: api.read(4, token).source == "memory", 20, "the feed is live again")
        for _ in range(20):
            assert api.read(row).n == value, "a phantom of before the crash is served"


def test_hazard_17_with_a_replica(make_site, deploy):
    """A replica that had received nothing of the lost end follows on; what it serves is right."""
    site = make_site(replicas={"r1": {}}, **NO_WAIT)
    one = deploy(site)
    api = one.api()
    _, lsn = phantom(site, api, 1)
    reach(site, lsn)
    site["r1"].wait_replayed(site.primary.lsn("flush"))
    token = one.token()
    value = site.primary.value("select n from api.counters where id = 1")
    wait_until(lambda: api.read(1, token).status == 200, 20, "the daemon is back")
    assert [api.read(1, token).n for _ in range(20)] == [value] * 20


def test_hazard_18_phantoms_of_asynchronous_commits(make_site, deploy, judge):
    """Other clients commit asynchronously and the server crashes: what was seen and lost is all that went wrong."""
    site = make_site(replicas={"r1": {}}, **NO_WAIT)
    one = deploy(site)
    # Rows from 100 on are written by SQL alone, so the readers of the load see what comes and goes.
    begun = judge(one, seconds=60, rows=100)
    api = one.api()
    seen, written = [], 0
    for number in range(3):
        goal = begun.load.total() + 300
        wait_until(lambda goal=goal: begun.load.total() > goal, 30, "the load goes on")
        for n in range(1, 4):
            written = number * 100 + n
            asynchronously(site.primary, f"update api.counters set n = {written} where id = 150")
            answer = api.read(150)
            if answer.status == 200:
                seen.append(answer.n)
        site.primary.crash()
        wait_until(lambda: api.read(150).status == 200, 20, "the daemon is back")
    report = begun.verdict(at_least=300)
    assert set(seen) <= {0, *range(1, written + 1)} and seen
    assert report.remarks["async_lost"] == 0, "a write through the daemon is never asynchronous"
    value = site.primary.value("select n from api.counters where id = 150")
    token = one.token()
    assert [api.read(150, token).n for _ in range(10)] == [value] * 10


def away(site):
    """The standby gets nothing any more; other replicas do."""
    site.standby.link.blackhole()


def fail_over(site, one):
    """Ends the primary, promotes the standby, and leads every door to it. Returns (timeline, switch point)."""
    timeline, switch = site.failover()
    for name in ("primary", "feed"):
        if name in one.doors:
            one.doors[name].upstream = site.primary.port
            one.doors[name].reset()
    return timeline, switch


def test_hazard_19_failover_to_a_standby_with_a_replica_ahead(make_site, deploy):
    """The replica has commits that the new primary never had: it is quarantined, and says so."""
    site = make_site(standby=True, standby_gate=True, replicas={"r1": {}})
    one = deploy(site, doors=("primary", "feed"))
    api = one.api()
    kept = api.write(1, 5)
    site.caught_up()
    away(site)
    lost = api.write(1, 6)
    site["r1"].wait_replayed(tokens.decode(lost)[2])
    assert api.read(1, lost).n == 6
    timeline, switch = fail_over(site, one)
    assert tokens.decode(kept)[2] <= switch < tokens.decode(lost)[2]
    wait_until(lambda: one.source("r1")["state"] == "quarantined", 20, "r1 is quarantined")
    wait_until(lambda: api.critical(1).status == 200, 20, "the new primary is reached")
    wait_until(lambda: "quarantine" in one.daemon.log(), 10, "the log says so")
    for _ in range(20):
        answer = api.read(1)
        assert (answer.n, answer.source != "replica") == (5, True), answer
        assert (api.read(1, lost).status, api.read(1, lost).code) == (409, "LNT009")
        assert api.read(1, kept).n == 5
    new = api.write(1, 7)
    assert tokens.decode(new)[1] == timeline == 2
    assert [api.read(1, new).n for _ in range(10)] == [7] * 10
    # A replica that was made anew is taken back.
    site.remove(site["r1"])


def test_hazard_20_lost_tokens_are_lost_writes(make_site, deploy):
    """After a failover that dropped commits: 409 for exactly the tokens whose writes are gone."""
    site = make_site(standby=True, standby_gate=True)
    one = deploy(site, doors=("primary", "feed"))
    api = one.api()
    written = {row: api.write(row, 1) for row in range(10)}
    site.caught_up()
    away(site)
    written |= {row: api.write(row, 1) for row in range(10, 20)}
    fail_over(site, one)
    survived = {row for row, in site.primary.execute("select id from api.counters where id < 20 and n = 1")}
    assert survived == set(range(10))
    wait_until(lambda: api.critical(0).status == 200, 20, "the new primary is reached")
    before = one.metric("lintas_tokens_lost_total")
    for row, token in written.items():
        for answer in (api.read(row, token), api.critical(row, token)):
            if row in survived:
                assert answer.n == 1
            else:
                assert (answer.status, answer.code) == (409, "LNT009"), (row, answer)
        assert api.read(row).n == (1 if row in survived else 0)
    assert one.metric("lintas_tokens_lost_total") >= before + 10
    both = f"{written[0]}, {written[15]}"
    assert api.read(0, both).status == 409


def test_hazard_20_under_load(make_site, deploy, judge):
    """Load across a failover with loss; what was lost is not missed, and nothing else goes wrong."""
    site = make_site(standby=True, standby_gate=True, replicas={"r1": {}})
    one = deploy(site, doors=("primary", "feed"))
    begun = judge(one, seconds=90, rows=64)
    wait_until(lambda: begun.load.total() > 1500, 30, "the load runs")
    away(site)
    goal = begun.load.total() + 300
    wait_until(lambda: begun.load.total() > goal, 30, "some is written that will be lost")
    old = site.primary
    one.doors["primary"].refuse()  # nobody writes to the new primary before the truth goes on there
    one.doors["feed"].refuse()
    for name in ("primary", "feed"):
        one.doors[name].reset()
    wait_until(lambda: not (old.backends() + old.backends("feeder")), 20, "nobody is on the old primary")
    begun.truth.drain()  # so this is all there is of it
    _, switch = site.failover()
    lost = sum(commit.end > switch for commit in begun.truth.commits)
    assert lost, "nothing was lost"
    begun.truth.follow(site.primary)
    site.repoint(site["r1"])
    for name in ("primary", "feed"):
        one.doors[name].upstream = site.primary.port
        one.doors[name].passing()
    api = one.api()
    wait_until(lambda: api.critical(1900).status == 200, 30, "the new primary is reached")
    goal = begun.load.total() + 2000
    wait_until(lambda: begun.load.total() > goal, 60, "the load goes on")
    report = begun.verdict(at_least=1000)
    assert report.by_status[409] > 0, f"{lost} commits were lost, and no session held a lost token"


def test_hazard_21_promotion_under_pooled_connections(make_site, deploy, judge):
    """A replica becomes a primary of its own while connections to it are open: nothing of its own is served."""
    site = make_site(replicas={"r1": {}, "r2": {}})
    one = deploy(site)
    begun = judge(one, seconds=60, rows=64, sessions=32)
    wait_until(lambda: begun.load.total() > 1500, 30, "the load runs")
    site["r1"].promote()
    site["r1"].execute("update api.counters set n = n + 5000000")
    goal = begun.load.total() + 1500
    wait_until(lambda: begun.load.total() > goal, 30, "the load goes on")
    wait_until(lambda: one.source("r1")["state"] in ("down", "quarantined"), 20, "r1 is not read any more")
    begun.verdict()
    api = one.api()
    for row in range(70, 90):
        assert api.read(row).n == 0


def test_hazard_22_zombie_primary(make_site, deploy):
    """Pooled connections lead to the deposed primary: once a newer timeline is known, nothing is written there."""
    site = make_site(standby=True)
    one = deploy(site, doors=("primary", "feed"))
    api = one.api()
    api.write(1, 5)
    site.caught_up()
    zombie = site.primary
    site.failover(stop=None)
    one.doors["feed"].upstream = site.primary.port
    one.doors["feed"].reset()
    rows = iter(range(100, 2000))

    def refused():
        answer = api.put_n(next(rows), 1)
        return answer.status == 503 and answer.code == "LNT011"
    wait_until(refused, 20, "writes to the deposed primary are refused")
    count = zombie.value("select count(*) from api.counters where id >= 100 and n = 1")
    for row in range(50, 60):
        assert api.put_n(row, 1).status == 503
        assert api.critical(row).status == 503, "a critical read of a deposed primary"
    assert zombie.value("select count(*) from api.counters where id >= 100 and n = 1") == count
    assert zombie.value("select count(*) from api.counters where id between 50 and 59 and n = 1") == 0
    one.doors["primary"].upstream = site.primary.port
    one.doors["primary"].reset()
    wait_until(lambda: api.put_n(60, 1).status == 204, 20, "and then it recovers")
    assert site.primary.value("select n from api.counters where id = 60") == 1


def test_hazard_22_critical_reads_confirm_the_primary(make_site, deploy):
    """confirm_primary: a critical read on a primary that can commit to nobody any more does not answer."""
    site = make_site(standby=True, standby_gate=True)
    site.synchronous()
    one = deploy(site, consistency={"confirm_primary": True}, limits={"request_timeout": "2s"})
    api = one.api()
    assert api.critical(1).status == 200
    site.standby.link.blackhole()
    assert api.critical(1).status in (503, 504)
    assert api.read(1).status == 200, "only critical reads confirm"
    site.standby.link.passing()
    wait_until(lambda: api.critical(1).status == 200, 20, "and then it recovers")
    site.synchronous("")
