"""Hazards 11 to 14, 26 and 27: changes that reach an answer by ways that no request names."""

import io

import pytest
from support import jwt
from support.site import Site
from support.wait import wait_until


@pytest.fixture(scope="module")
def site():
    with Site(replicas={"r1": {}}) as one:
        yield one


@pytest.fixture
def one(site, deploy):
    return deploy(site)


def truth_of(site, sql):
    return site.primary.value(f"select coalesce(json_agg(t), '[]') from ({sql}) t")


def agrees(deployment, api, target, sql, times=10):
    """Every read that carries a token of now answers what the primary holds."""
    token = deployment.token()
    expected = truth_of(deployment.site, sql)
    for _ in range(times):
        assert api.read(target, token).rows == expected, target


def test_hazard_11_key_change_delete_insert_and_not_found(one, site):
    """Rows that move to another key, go and come back; "not found" is an answer that gets old as well."""
    api = one.api()
    targets = {key: f"/keyed?select=key,n&key=eq.{key}" for key in ("k1", "k2", "other", "never")}
    steps = [
        "select 1",
        "update api.keyed set key = 'other' where key = 'k1'",
        "insert into api.keyed values ('k1', 7)",
        "delete from api.keyed where key in ('other', 'k2')",
        "insert into api.keyed values ('k2', 9), ('other', 10)",
        "begin; delete from api.keyed where key = 'k2'; insert into api.keyed values ('k2', 11); commit",
        "update api.keyed set key = case key when 'k1' then 'x' when 'k2' then 'k1' else key end",
        "insert into api.keyed values ('never', 1) on conflict (key) do nothing",
        "insert into api.keyed values ('never', 2) on conflict (key) do update set n = excluded.n",
    ]
    for step in steps:
        site.primary.execute(step)
        for key, target in targets.items():
            agrees(one, api, target, f"select key, n from api.keyed where key = '{key}'", 3)
        for target in targets.values():
            api.warm(target)


def test_hazard_11_keys_of_two_columns(one, site):
    """The same for a composite key, of which one column changes."""
    api = one.api()
    keys = [(1, 1), (1, 2), (2, 1), (2, 2)]
    for step in ["select 1", "update api.pairs set b = 2 where a = 2", "delete from api.pairs where a = 1 and b = 1",
                 "update api.pairs set a = 1, b = 1 where a = 2", "update api.pairs set n = n + 1"]:
        site.primary.execute(step)
        for a, b in keys:
            agrees(one, api, f"/pairs?select=a,b,n&a=eq.{a}&b=eq.{b}",
                   f"select a, b, n from api.pairs where a = {a} and b = {b}", 3)
        for a, b in keys:
            api.warm(f"/pairs?select=a,b,n&a=eq.{a}&b=eq.{b}")


def test_hazard_11_under_load(one, judge):
    """Half of the writes delete; the next one puts the row back."""
    judge(one, seconds=6, rows=24, deletes=0.5).verdict(stop=False)


def copy_in(site):
    connection = site.primary.connect()
    with connection.cursor() as cursor:
        cursor.copy_expert("copy api.children (id, parent, n) from stdin", io.StringIO("900\t3\t77\n"))
    connection.close()


# name → (target, the same in SQL, the change)
CHANGES = {
    "on delete cascade": ("/children?select=id&parent=eq.5&order=id",
                          "select id from api.children where parent = 5 order by id",
                          "delete from api.parents where id = 5"),
    "on update cascade": ("/children?select=id,parent&id=eq.5", "select id, parent from api.children where id = 5",
                          "update api.parents set id = 600 where id = 6"),
    "a trigger": ("/target?select=n&id=eq.3", "select n from api.target where id = 3",
                  "update api.source set n = n + 3 where id = 3"),
    "psql": ("/counters?select=n&id=eq.100", "select n from api.counters where id = 100",
             lambda site: site.primary.psql("update api.counters set n = n + 1 where id = 100")),
    "copy": ("/children?select=id&parent=eq.3&order=id", "select id from api.children where parent = 3 order by id",
             copy_in),
    "a view's base table": ("/sums?select=id,n&id=eq.7", "select id, n from api.sums where id = 7",
                            "update api.children set n = n + 1 where parent = 7"),
    "the other base table of a view": ("/sums?select=id,n&id=eq.8", "select id, n from api.sums where id = 8",
                                       "delete from api.parents where id = 8"),
    "a partition move": ("/parts?select=id,area,n&id=eq.4", "select id, area, n from api.parts where id = 4",
                         "update api.parts set area = 2 where id = 4"),
    "a partition's own name": ("/parts?select=n&id=eq.6&area=eq.1",
                               "select n from api.parts where id = 6 and area = 1",
                               "update api.parts_1 set n = n + 1 where id = 6"),
    "truncate of a partition": ("/parts?select=id&id=eq.9", "select id from api.parts where id = 9",
                                "truncate api.parts_1"),
    "merge": ("/source?select=n&id=eq.11", "select n from api.source where id = 11",
              "merge into api.source s using (select 11 as id) m on s.id = m.id when matched then update set n = 42"),
    "truncate cascade": ("/children?select=id&order=id&limit=3",
                         "select id from api.children order by id limit 3", "truncate api.parents cascade"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_hazard_12_changes_that_no_request_names(name, one, site):
    """Cascades, triggers, psql, COPY, TRUNCATE CASCADE, partition moves: the stamp is there before the token."""
    target, sql, change = CHANGES[name]
    api = one.api()
    api.warm(target)
    before = truth_of(site, sql)
    if callable(change):
        change(site)
    else:
        site.primary.execute(change)
    assert truth_of(site, sql) != before, "the change of this test changed nothing"
    agrees(one, api, target, sql)


DDL = {
    "create or replace view": ("/shaped?select=id,n&id=eq.2", "select id, n from api.shaped where id = 2",
                               "create or replace view api.shaped as select id, n * 10 as n from api.shapes"),
    "refresh": ("/frozen_sums?select=id,n&id=eq.3", "select id, n from api.frozen_sums where id = 3",
                "update api.shapes set n = n + 1 where id = 3; refresh materialized view api.frozen_sums"),
    "refresh concurrently": ("/frozen_sums?select=id,n&id=eq.4", "select id, n from api.frozen_sums where id = 4",
                             ["update api.shapes set n = n + 1 where id = 4",
                              "refresh materialized view concurrently api.frozen_sums"]),
    "alter table": ("/shapes?select=id,n&id=eq.5", "select id, n from api.shapes where id = 5",
                        "alter table api.shapes add column note text default 'x',"
                        " alter column n set default 1; update api.shapes set n = 55 where id = 5"),
    "drop and create": ("/shapes?select=id,n&id=eq.6", "select id, n from api.shapes where id = 6",
                        "begin; create table api.shapes_2 as select * from api.shapes;"
                        " drop table api.shapes cascade; alter table api.shapes_2 rename to shapes;"
                        " alter table api.shapes add primary key (id); update api.shapes set n = 66 where id = 6;"
                        " grant select on api.shapes to web_anon; commit"),
    "a policy": ("/letters?select=id,body&order=id",
                 "select id, body from api.letters order by id",
                 "alter table api.letters disable row level security"),
}


@pytest.mark.parametrize("name", DDL)
def test_hazard_13_ddl_and_refresh(name, make_site, deploy):
    """DDL is in no feed by itself: answers of before are not served after it."""
    site = make_site(replicas={"r1": {}})
    target, sql, change = DDL[name]
    one = deploy(site)
    api = one.api()
    api.warm(target)
    for statement in [change] if isinstance(change, str) else change:
        site.primary.execute(statement)
    token, expected = one.token(), truth_of(site, sql)
    # The token is known at once; the new catalogue may take a moment, with errors and never with old rows.
    def right():
        seen = api.read(target, token)
        assert seen.status != 200 or seen.rows == expected, f"old rows for a new token: {seen}"
        return seen.status == 200
    wait_until(right, 15, "the changed relation is served")
    agrees(one, api, target, sql)
    api.warm(target)
    agrees(one, api, target, sql)


def test_hazard_14_two_roles_never_share_an_entry(one, site):
    """Row-level security by role and by claim: the same URL, warmed by each, answers each their own."""
    callers = {
        "anon": (one.api(), [3], []),
        "alice": (one.api(jwt.bearer("alice")), [1], []),
        "bob": (one.api(jwt.bearer("bob")), [2], []),
        "ana": (one.api(jwt.bearer("app_user", sub="ana")), [], [1]),
        "ben": (one.api(jwt.bearer("app_user", sub="ben")), [], [2]),
    }
    for _ in range(5):
        for who, (api, notes, letters) in callers.items():
            for _ in range(3):
                assert [row["id"] for row in api.read("/notes?select=id&order=id").rows] == notes, who
                assert [row["id"] for row in api.read("/letters?select=id&order=id").rows] == letters, who
    assert callers["alice"][0].warm("/notes?select=id&order=id").rows == [{"id": 1}]
    assert callers["anon"][0].read("/notes?select=id&order=id", Cache_Control="only-if-cached").status in (200, 504)


def test_hazard_14_what_may_not_be_cached_is_not(one, site):
    """POSITIONS 7: volatile views and unlogged tables are asked for each time, unlogged ones on the primary."""
    api = one.api()
    clocks = [api.read("/clock?select=now") for _ in range(5)]
    assert len({seen.rows[0]["now"] for seen in clocks}) == 5
    for n in range(1, 6):
        site.primary.execute("update api.fleeting set n = %s where id = 1", (n,))
        seen = api.read("/fleeting?select=n&id=eq.1")
        assert (seen.n, seen.source) == (n, "primary")


def test_hazard_26_a_transaction_of_500_000_rows(one, site, judge):
    """Its stamps take seconds; reads meanwhile are slower and right."""
    begun = judge(one, seconds=60, rows=64)
    wait_until(lambda: begun.load.total() > 500, 20, "the load runs")
    site.primary.execute("insert into api.bulk select i from generate_series(1000, 501000) as i on conflict do nothing")
    token = one.token()
    api = one.api()
    assert api.read("/bulk?select=id&id=eq.501000", token).rows == [{"id": 501000}]
    assert api.read("/bulk?select=id&id=eq.1000", token).rows == [{"id": 1000}]
    one.wait_feed(limit=60)
    seen = begun.load.total()
    wait_until(lambda: begun.load.total() > seen + 500, 30, "the load goes on")
    begun.verdict()
    api.warm("/counters?select=n&id=eq.1")


def test_hazard_27_traffic_only_in_unpublished_tables(one, site):
    """W and the slot move on although nothing that is published changes, and WAL is let go."""
    api = one.api()
    api.warm(200)
    restart = site.primary.slots()["lintas"]["confirmed"]
    for _ in range(4):
        site.primary.execute("insert into api.no_key select repeat('x', 500) from generate_series(1, 20000)")
    token, lsn = one.token(), site.primary.lsn("flush")
    assert lsn - restart > 32 << 20
    wait_until(lambda: site.primary.slots()["lintas"]["confirmed"] >= lsn, 15, "the slot is acknowledged")
    wait_until(lambda: api.read(200, token).source == "memory", 15, "an old entry is fresh for a new token")
