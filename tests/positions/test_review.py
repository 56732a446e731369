"""What a hostile reader would try: each test is named after the promise that it tries to break."""

import signal
import threading
import time

import pytest
from api import Later
from support import token as tokens
from support.jwt import bearer
from support.site import Site
from support.wait import wait_until

NO_CACHE = {"memory": {"size": 0}}

MORE = """
create role readers nologin;
grant readers to app_user;
create table api.members_only (id int primary key, n bigint not null default 0);
insert into api.members_only select i from generate_series(1, 20) as i;
grant select on api.members_only to readers;
create table api.for_readers (id int primary key, n bigint not null default 0);
insert into api.for_readers select i from generate_series(1, 20) as i;
alter table api.for_readers enable row level security;
create policy readers_read on api.for_readers to readers using (true);
create table api.tenants (id int primary key, org text not null, body text not null);
insert into api.tenants values (1, 'red', 'of red'), (2, 'blue', 'of blue');
alter table api.tenants enable row level security;
create policy own_org on api.tenants
    using (org = nullif(current_setting('request.jwt.claims', true), '')::json ->> 'org');
create table api.docs (id int primary key, parent int, open boolean not null default true, n bigint not null default 0);
insert into api.docs values (1, null, true, 0), (2, 1, true, 0);
create view api.all_docs as select id, parent, open from api.docs;
alter table api.docs enable row level security;
create policy by_parent on api.docs for select
    using (parent is null or exists (select from api.all_docs d where d.id = docs.parent and d.open));
create policy by_parent_w on api.docs for update using (true);
create table api.reversed (a int, n bigint not null default 0, b text, primary key (b, a));
insert into api.reversed values (1, 0, 'x'), (2, 0, 'x');
create table api.other_identity (id int primary key, u text not null unique, n bigint not null default 0);
alter table api.other_identity replica identity using index other_identity_u_key;
insert into api.other_identity values (1, 'one', 0), (2, 'two', 0);
create table api.full_identity (id int primary key, n bigint not null default 0);
alter table api.full_identity replica identity full;
insert into api.full_identity values (1, 0), (2, 0);
create table api.base (id int primary key, n bigint not null default 0);
create table api.derived (extra text, primary key (id)) inherits (api.base);
insert into api.base values (1, 0);
insert into api.derived values (2, 0, 'x');
create table api.guesses (id int primary key, n bigint not null default 0);
insert into api.guesses select i from generate_series(1, 1000) as i;
create table api.left_side (id int primary key, n bigint not null default 0);
create table api.right_side (id int primary key, n bigint not null default 0);
insert into api.left_side select i from generate_series(1, 20) as i;
insert into api.right_side select i from generate_series(1, 20) as i;
create view api.either as select id, n from api.left_side;
grant select, insert, update, delete on api.for_readers, api.tenants, api.docs, api.all_docs, api.reversed,
    api.other_identity, api.full_identity, api.base, api.derived, api.guesses, api.left_side, api.right_side,
    api.either to web_anon, app_user, alice, bob;
"""


@pytest.fixture(scope="module")
def site():
    with Site(standby=True, replicas={"r1": {}}) as one:
        one.primary.execute(MORE)
        yield one


@pytest.fixture
def one(site, deploy):
    return deploy(site, replicas=())


def test_cached_rows_do_not_outlive_a_membership(site, one):
    """What a role may read through another is gone from every cache when the membership is revoked."""
    api = one.api(bearer("app_user"))
    target = "/members_only?select=n&id=eq.3"
    api.warm(target)
    site.primary.execute("revoke readers from app_user")
    try:
        wait_until(lambda: api.read(target).status == 403, 10, "the cache has let go of what app_user may not read")
    finally:
        site.primary.execute("grant readers to app_user")
    wait_until(lambda: api.read(target).status == 200, 10, "and it may again")


def test_policies_of_a_membership_do_not_outlive_it(site, one):
    api = one.api(bearer("app_user"))
    target = "/for_readers?select=n&id=eq.3"
    assert api.warm(target).n == 0
    site.primary.execute("revoke readers from app_user")
    try:
        wait_until(lambda: api.read(target).n is None, 10, "the policy is not app_user's any more")
    finally:
        site.primary.execute("grant readers to app_user")
    wait_until(lambda: api.read(target).n == 0, 10, "it is again")


def test_claims_that_policies_read_keep_entries_apart(one):
    """api.cache_claims was left as it is; the policy reads another claim."""
    red, blue = one.api(bearer("app_user", org="red")), one.api(bearer("app_user", org="blue"))
    target = "/tenants?select=body"
    assert red.read(target).rows == [{"body": "of red"}]
    time.sleep(1)
    for _ in range(20):
        red.read(target)
        assert blue.read(target).rows == [{"body": "of blue"}]


def test_a_policy_that_looks_at_other_rows_of_its_table(site, one):
    api = one.api()
    target = "/docs?select=n&id=eq.2"
    assert api.warm(target).n == 0
    site.primary.execute("update api.docs set open = false where id = 1")
    token = one.token()
    assert api.read(target, token).n is None


@pytest.mark.parametrize("target,change", [
    ("/reversed?select=n&a=eq.1&b=eq.x", "update api.reversed set n = n + 1 where a = 1"),
    ("/other_identity?select=n&id=eq.1", "update api.other_identity set n = n + 1 where id = 1"),
    ("/other_identity?select=n&id=eq.2", "update api.other_identity set id = 7 where id = 2"),
    ("/full_identity?select=n&id=eq.1", "update api.full_identity set n = n + 1 where id = 1"),
    ("/base?select=n&id=eq.2", "update api.derived set n = n + 1 where id = 2"),
    ("/either?select=n&id=eq.2", "update api.left_side set n = n + 1 where id = 2"),
])
def test_every_change_reaches_what_was_cached(site, one, target, change):
    api = one.api()
    table = target[1:target.index("?")]
    where = " and ".join(f"{f.split('=')[0]} = '{f.split('eq.')[1]}'" for f in target.split("&")[1:])
    sql = f"select n from api.{table} where {where}"
    assert api.warm(target).n is not None
    site.primary.execute(change)
    rows = site.primary.execute(sql)
    seen = api.read(target, one.token())
    assert seen.n == (rows[0][0] if rows else None)


@pytest.mark.parametrize("count", ["planned", "estimated"])
def test_an_estimate_is_as_young_as_it_says(site, one, count):
    """The planner's estimate changes without a row's change."""
    api = one.api()
    prefer = {"Prefer": f"count={count}"}
    target = "/guesses?select=id&id=gt.10&limit=1"

    def total(**more):
        return api.read(target, **prefer, **more).response.get("Content-Range")
    before = total(Cache_Control="no-cache")
    for _ in range(20):
        total()
        time.sleep(0.1)
    site.primary.execute("analyze api.guesses")
    try:
        if count == "planned":
            wait_until(lambda: total() != before, 7, f"{before} becomes another")
        assert api.read(target, **prefer).source == "primary"
    finally:
        site.primary.execute("delete from pg_statistic where starelid = 'api.guesses'::regclass;"
                             "update pg_class set reltuples = -1 where oid = 'api.guesses'::regclass")


def test_positions_of_a_session_never_go_back(site, deploy):
    """A read on the primary has shown what is not flushed yet; a write of nothing flushes nothing."""
    one = deploy(site, replicas=(), feed=False, cache=NO_CACHE)
    api = one.api()
    site.primary.set(wal_writer_delay="10s")
    try:
        for _ in range(40):
            site.primary.execute("set synchronous_commit = off; update api.counters set n = n + 1 where id = 1")
            first = api.critical(1)
            second = api.put_n(1_000_000, 1, Lintas_Position=first.token)
            assert second.status in (200, 204)
            assert tokens.decode(second.token)[2] >= first.lsn
    finally:
        site.primary.set(wal_writer_delay=None)


def test_one_requests_position_is_not_anothers_wait(site, deploy):
    """Who asks for nothing is not kept waiting, or refused, because somebody else's position cannot be satisfied."""
    one = deploy(site, replicas=("r1",), doors=("r1",), cache={"memory": {"size": "64KiB"}},
                 limits={"request_timeout": "6s"})
    site.primary.execute("update api.counters set pad = repeat('x', 4000) where id = 7")
    target = "/counters?id=eq.7"
    api = one.api()
    wait_until(lambda: api.read(target).source == "replica", 10, "r1 answers")
    site.synchronous(commit="remote_apply")
    site.standby.pause_replay()
    try:
        waits = Later(lambda: site.primary.execute("update api.counters set n = n + 1 where id = 7"))
        token = wait_until(lambda: (lambda s: s.source == "replica" and s.rows[0]["n"] >= 1 and s.token)(api.read(target)), 10,
                           "r1 shows what the primary does not")
        one.doors["r1"].refuse()
        one.doors["r1"].reset()
        wait_until(lambda: one.source("r1")["state"] == "down", 10, "r1 is down")
        asks = Later(lambda: one.api().read(target, token))
        time.sleep(0.5)
        assert not asks.done, asks.get()
        began = time.monotonic()
        seen = api.read(target)
        took = time.monotonic() - began
        assert seen.status == 200 and took < 1, f"{seen} after {took:.1f} s"
    finally:
        site.standby.execute("select pg_wal_replay_resume()")
        site.synchronous("")
        waits.get()
        asks.get()


def test_what_a_view_reads_is_known_before_its_answers_are_kept(site, one):
    """A view that was just redefined, while the catalogue is being read again."""
    api = one.api()
    target = "/either?select=id,n&id=eq.5"
    api.warm(target)
    stop = threading.Event()

    def burst():
        connection = site.primary.connect()
        connection.autocommit = True
        with connection.cursor() as cursor:
            i = 0
            while not stop.is_set():
                i += 1
                cursor.execute(f"create table api.burst_{i % 3} (); drop table api.burst_{i % 3}")
                time.sleep(0.05)
        connection.close()
    thread = threading.Thread(target=burst)
    thread.start()
    wrong = []
    try:
        for i in range(60):
            side = "right_side" if i % 2 == 0 else "left_side"
            site.primary.execute(f"create or replace view api.either as select id, n from api.{side}")
            for _ in range(4):
                api.read(target, one.token())
                time.sleep(0.02)
            site.primary.execute(f"update api.{side} set n = {i * 10 + 1} where id = 5")
            seen = api.read(target, one.token())
            if seen.rows[0]["n"] != i * 10 + 1:
                wrong.append((i, seen))
    finally:
        stop.set()
        thread.join()
    assert not wrong


def test_a_locked_table_does_not_stop_the_feed(site, deploy):
    """Somebody holds ACCESS EXCLUSIVE on a published table while DDL goes on elsewhere."""
    one = deploy(site, replicas=("r1",), cache=NO_CACHE, limits={"request_timeout": "4s"})
    api = one.api()
    wait_until(lambda: api.read(1).source == "replica", 10, "r1 answers")
    holder = site.primary.connect()
    holder.autocommit = False
    try:
        with holder.cursor() as cursor:
            cursor.execute("lock table api.bulk in access exclusive mode")
        site.primary.execute("create table api.elsewhere (); drop table api.elsewhere")
        site.primary.execute("update api.counters set n = n + 1 where id = 2")
        token = wait_until(lambda: (lambda s: s.source == "replica" and s.token)(api.read(2, one.token())), 10,
                           "r1 has it")
        began = time.monotonic()
        seen = api.critical(2, token)
        assert seen.status == 200, seen
        assert time.monotonic() - began < 2
        one.wait_feed(limit=3)
    finally:
        holder.rollback()
        holder.close()


def test_nothing_made_under_an_older_configuration_is_served(site, deploy):
    """Answers wait up to a second for the feed before they are kept; the key may have changed meanwhile."""
    one = deploy(site, replicas=(), doors=("feed",))
    api = one.api()
    api.warm(0)
    rows = range(300, 310)
    one.doors["feed"].delay(0.15)
    site.primary.execute("update api.counters set n = n + 1 where id = 1")
    for row in rows:
        api.read(row)
    one.daemon.write_config({"consistency": {"position_key": "another-key-of-the-tests"}})
    one.daemon.signal(signal.SIGHUP)
    wait_until(lambda: "configuration reloaded" in one.daemon.log(), 5, "the new key is used")
    time.sleep(1.1)
    for row in rows:
        seen = api.read(row)
        assert api.read(0, seen.token).status == 200, f"{seen} gave a position that is not believed"
