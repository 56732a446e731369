"""What the catalogue query says of a relation before its answers are cached (POSITIONS 7), on a real server.

Nothing of it is visible from outside, so the query is taken from the source and asked directly.
"""

import json
import pathlib
import re

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src" / "schema"
NAMES = ("row_security", "volatile", "reads", "needs_primary", "materialized", "claims", "why", "definition")

SCHEMA = """
drop schema if exists keep, hidden cascade;
create schema keep; create schema hidden;

create table keep.plain (id int primary key, owner text, made timestamptz default now(), body jsonb, day date);
create table hidden.member (team int, who text);
create unlogged table keep.unlogged (id int primary key);
create table keep.parent (id int primary key);
create table keep.child (more text) inherits (keep.parent);
create table hidden.grandchild () inherits (keep.child);
create table keep.parted (id int, day date) partition by range (id);
create table hidden.part_1 partition of keep.parted for values from (0) to (10) partition by range (id);
create table hidden.part_11 partition of hidden.part_1 for values from (0) to (5);
create table keep.parted_unlogged (id int) partition by list (id);
create unlogged table hidden.part_u partition of keep.parted_unlogged default;
create table keep.parted_foreign (id int) partition by list (id);
create foreign data wrapper nowhere; create server nowhere foreign data wrapper nowhere;
create foreign table hidden.part_f partition of keep.parted_foreign default server nowhere;
create foreign table keep.remote (id int) server nowhere;
create materialized view keep.saved as select now() as at, id from keep.plain;
create sequence hidden.numbers;
create type keep.mood as enum ('sad', 'ok');
create table keep.typed (id int, m keep.mood, r regclass, rs regtype[]);
create table keep.mooded (id int, m keep.mood, ms keep.mood[], t timestamptz[], i interval, v varchar(5));

create view keep.v_plain as select id, owner || '!' as o, count(*) over () from keep.plain;
create view keep.v_deep as select v.id, m.team from keep.v_plain v left join hidden.member m on m.who = v.o;
create view keep.v_saved as select * from keep.saved;
create view keep.v_parent as select * from keep.parent;
create view keep.v_partition as select * from hidden.part_11;
create view keep.v_unlogged as select p.id from keep.plain p where exists (select from keep.unlogged u where u.id = p.id);
create view keep.v_remote as select * from keep.remote;
create view keep.v_sequence as select last_value from hidden.numbers;
create view keep.v_system as select relname from pg_class;
create view keep.v_nothing as select 1 as one;
create view keep.v_now as select id from keep.plain where made > now() - interval '1 day';
create view keep.v_date as select id, current_date - day as age from keep.plain;
create view keep.v_localtimestamp as select localtimestamp(0) as t;
create view keep.v_age as select age(made) as a from keep.plain;
create view keep.v_age_of_two as select age(made, '2020-01-01') as a from keep.plain;
create view keep.v_random as select id from keep.plain order by random();
create view keep.v_sample as select id from keep.plain tablesample system (10);
create view keep.v_constant as select id from keep.plain where made > '2020-01-01' and day < 'today';
create view keep.v_clock_text as select (body ->> 'at')::timestamptz as at from keep.plain;
create view keep.v_array_text as select (body ->> 'at')::date[] as at from keep.plain;
create view keep.v_number_text as select (body ->> 'n')::int as n, (body ->> 'u')::uuid as u, (body ->> 'm')::keep.mood as m
    from keep.plain;
create view keep.v_format as select to_char(made, 'YYYY') as y, made::text as t, date_trunc('day', made) as d,
    made at time zone 'UTC' as u, made + interval '1 day' as n, extract(hour from made) as h, made::date as day,
    made < day as b, format('%s', made) as f, concat(id, made) as c, owner || made as cc, quote_literal(id) as q
    from keep.plain;
create view keep.v_json as select json_build_object('id', id, 'at', made) as o, to_jsonb(p) as j, row_to_json(p) as r
    from keep.plain p;
create view keep.v_json_agg as select json_agg(p) as a, jsonb_agg(made) as b, json_object_agg(id, made) as c,
    array_agg(id order by made) as d, string_agg(owner, ',') as e, sum(id) as s from keep.plain p;
create view keep.v_search as select to_tsvector('english', owner) @@ plainto_tsquery('english', 'x') as hit from keep.plain;
create view keep.v_search_default as select to_tsvector(owner) as hit from keep.plain;
create view keep.v_timetz as select (made::time)::timetz as t from keep.plain;
create view keep.v_current_user as select id from keep.plain where owner = current_user;
create view keep.v_claims as select current_setting('request.jwt.claims', true)::json ->> 'sub' as sub;
create view keep.v_claim as select current_setting('request.jwt.claim.sub', true) as sub;
create view keep.v_role as select current_setting('role') as r;
create view keep.v_role2 as select current_setting('roles', true) as r;
create view keep.v_headers as select current_setting('request.headers', true) as h;
create view keep.v_two_settings as select current_setting('request.jwt.claims', true) || current_setting('app.x', true) as h;
create view keep.v_any_setting as select current_setting(owner, true) as h from keep.plain;
create view keep.v_pg_stable as select pg_table_size('keep.plain'::regclass) as n;
create view keep.v_xml as select x.* from xmltable('/a' passing (xml '<a/>') columns at timestamptz path '@at') x;

create function hidden.immutable_(int) returns int language sql immutable as 'select $1 + 1';
create function hidden.stable_(int) returns bigint language sql stable as 'select count(*) from hidden.member where team = $1';
create function hidden.stable_body_(int) returns bigint language sql stable
    begin atomic select count(*) from hidden.member where team = $1; end;
create function hidden.plpgsql_() returns text language plpgsql stable
    as 'begin return current_setting(''request.jwt.claims'', true); end';
create function hidden.state_(text, text) returns text language sql stable as 'select $1 || now()';
create aggregate hidden.odd (text) (sfunc = hidden.state_, stype = text, initcond = '');
create view keep.v_immutable as select hidden.immutable_(id) as i from keep.plain;
create view keep.v_stable as select hidden.stable_(id) as i from keep.plain;
create view keep.v_stable_body as select hidden.stable_body_(id) as i from keep.plain;
create view keep.v_plpgsql as select hidden.plpgsql_() as i;
create view keep.v_odd_aggregate as select hidden.odd(owner) as i from keep.plain;

create function hidden.uid() returns uuid language sql stable as
    $$ select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
                       (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'))::uuid $$;
create function hidden.claims() returns json language sql stable as
    'select current_setting(''request.jwt.claims'', true)::json';
create function hidden.who() returns text language sql stable as 'select hidden.claims() ->> ''who''';
create function hidden.far() returns text language sql stable as 'select hidden.who() || hidden.who()';
create function hidden.header() returns text language sql stable as 'select current_setting(''request.headers'', true)';
create function hidden.clock() returns text language sql stable as 'select ''tomorrow''::timestamptz::text';
create function hidden.dated() returns text language sql stable as 'select to_char(current_date, ''YYYY'')';
create function hidden.table_() returns text language sql stable as 'select who from hidden.member';
create function hidden.xml_() returns text language sql stable as 'select query_to_xml(''select 1'', true, true, '''')::text';
create view keep.h_uid as select hidden.uid() as u;
create view keep.h_who as select hidden.who() as u;
create view keep.h_far as select hidden.far() as u;
create view keep.h_header as select hidden.header() as u;
create view keep.h_clock as select hidden.clock() as u;
create view keep.h_dated as select hidden.dated() as u;
create view keep.h_table as select hidden.table_() as u;
create view keep.h_xml as select hidden.xml_() as u;

create table keep.locked (id int primary key); alter table keep.locked enable row level security;
create table keep.mine (id int primary key, owner text); alter table keep.mine enable row level security;
create policy p on keep.mine using (owner = current_setting('request.jwt.claims', true)::json ->> 'sub');
create table keep.helped (id int primary key, owner uuid); alter table keep.helped enable row level security;
create policy p on keep.helped using (owner = hidden.uid());
create table keep.team (id int primary key, team int); alter table keep.team enable row level security;
create policy p on keep.team using (exists (select from hidden.member m where m.team = team.team and m.who = current_user));
create table keep.timed (id int primary key, until timestamptz); alter table keep.timed enable row level security;
create policy p on keep.timed using (until > now());
create table keep.written (id int primary key, until timestamptz); alter table keep.written enable row level security;
create policy r on keep.written for select using (true);
create policy w on keep.written for insert with check (until > now());
create policy u on keep.written for update using (until > now());
create table keep.asleep (id int primary key, until timestamptz);
create policy p on keep.asleep using (until > now());
create view keep.v_mine as select count(*) from keep.mine;
"""


def query(name):
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(SOURCE.glob("*.cpp")))
    return re.search(name + r' = R"sql\((.*?)\)sql"', text, re.S).group(1)


def ask(cursor, name, *schemas):
    cursor.execute("set search_path = ''; set jit = off; prepare q as " + query(name))
    try:
        cursor.execute("execute q(%s)", (json.dumps(schemas),))
        return cursor.fetchall()
    finally:
        cursor.execute("deallocate q; reset search_path")


@pytest.fixture(scope="module")
def cursor(pg):
    connection = pg.connect()
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        yield cursor
        cursor.execute("""reset search_path; drop schema keep, hidden cascade;
                          drop server nowhere cascade; drop foreign data wrapper nowhere""")
    connection.close()


@pytest.fixture
def traits(cursor):
    def ask_now():
        cursor.execute("select oid, concat(relnamespace::regnamespace, '.', relname) from pg_class")
        names = dict(cursor.fetchall())
        rows = {}
        for oid, *row in ask(cursor, "kTraits", "keep"):
            facts = dict(zip(NAMES, row, strict=True))
            assert facts["reads"] == sorted(set(facts["reads"]))
            facts["reads"] = {names[other] for other in facts["reads"]}
            rows[names[oid].removeprefix("keep.")] = facts
        return rows
    return ask_now


@pytest.fixture
def before(traits):
    return traits()


@pytest.mark.parametrize("name, reads", [
    ("plain", "keep.plain"),
    ("parent", "keep.parent keep.child hidden.grandchild"),
    ("child", "keep.child hidden.grandchild"),
    ("parted", "keep.parted"),
    ("saved", "keep.saved"),
    ("v_plain", "keep.plain"),
    ("v_deep", "keep.plain hidden.member"),
    ("v_saved", "keep.saved"),
    ("v_parent", "keep.parent keep.child hidden.grandchild"),
    ("v_partition", "keep.parted"),
    ("v_unlogged", "keep.plain keep.unlogged"),
    ("v_nothing", ""),
    ("team", "keep.team hidden.member"),
    ("v_mine", "keep.mine"),
    ("asleep", "keep.asleep"),
])
def test_every_relation_that_an_answer_depends_on_is_known(before, name, reads):
    assert before[name]["reads"] == set(reads.split())


def test_what_a_replica_cannot_answer_needs_the_primary(before):
    assert {name for name, facts in before.items() if facts["needs_primary"]} == {
        "unlogged", "v_unlogged", "remote", "v_remote", "v_sequence", "parted_unlogged", "parted_foreign"}


def test_what_a_refresh_changes_is_known(before):
    assert {name for name, facts in before.items() if facts["materialized"]} == {"saved", "v_saved"}


def test_what_depends_on_who_asks_is_known(before):
    assert {name for name, facts in before.items() if facts["claims"]} == {
        "locked", "mine", "v_mine", "helped", "team", "timed", "written", "v_current_user", "v_claims", "v_claim",
        "v_role", "v_role2", "v_headers", "v_two_settings", "v_any_setting", "h_uid", "h_who"}


@pytest.mark.parametrize("why, names", [
    (None, """plain parent child parted saved mooded v_plain v_deep v_saved v_parent v_partition v_nothing
              v_age_of_two v_constant v_number_text v_format v_json v_json_agg v_search v_current_user v_claims v_claim
              v_role v_immutable h_uid h_who locked mine v_mine helped team written asleep"""),
    ("reads an unlogged table", "unlogged v_unlogged parted_unlogged"),
    ("reads a foreign table", "remote v_remote parted_foreign"),
    ("reads a sequence", "v_sequence"),
    ("reads a system catalogue", "v_system"),
    ("uses the current date or time", "v_date v_localtimestamp"),
    ("calls pg_catalog.now, which is not immutable", "v_now timed"),
    ("calls pg_catalog.age, which is not immutable", "v_age"),
    ("calls pg_catalog.random, which is not immutable", "v_random"),
    ("calls pg_catalog.system, which is not immutable", "v_sample"),
    ("calls pg_catalog.timetz, which is not immutable", "v_timetz"),
    ("calls pg_catalog.to_tsvector, which is not immutable", "v_search_default"),
    ("calls pg_catalog.pg_table_size, which is not immutable", "v_pg_stable"),
    ("casts text to a type whose values may mean the current date or time", "v_clock_text v_array_text v_xml"),
    ("reads a setting other than the claims of the request", "v_role2 v_headers v_two_settings v_any_setting"),
    ("calls hidden.stable_, which is not immutable", "v_stable"),
    ("calls hidden.stable_body_, which is not immutable", "v_stable_body"),
    ("calls hidden.plpgsql_, which is not immutable", "v_plpgsql"),
    ("calls hidden.state_, which is not immutable", "v_odd_aggregate"),
    ("calls hidden.far, which is not immutable", "h_far"),
    ("calls hidden.header, which is not immutable", "h_header"),
    ("calls hidden.clock, which is not immutable", "h_clock"),
    ("calls hidden.dated, which is not immutable", "h_dated"),
    ("calls hidden.table_, which is not immutable", "h_table"),
    ("calls hidden.xml_, which is not immutable", "h_xml"),
    ("has a column whose text depends on a system catalogue", "typed"),
])
def test_why_an_answer_is_not_cacheable(before, why, names):
    assert {name for name, facts in before.items() if facts["why"] == why} == set(names.split())


def test_columns_say_how_keys_are_written_and_whose_values_mean_the_current_time(cursor):
    """Two of the columns of the relations query that only a cache asks for."""
    cursor.execute("""create table keep.keyed (a smallint, b bigint, c uuid, d text, e varchar(3), f char(3), g numeric,
                          h text collate keep.loose, i keep.deep, j date)""")
    rows = {row[2]: row for row in ask(cursor, "kRelations", "keep")}
    columns = {c[0]: (c[6], c[7]) for c in rows["keyed"][7]}
    assert columns == {"a": ("i", False), "b": ("i", False), "c": ("u", False), "d": ("t", False), "e": ("t", False),
                       "f": ("o", False), "g": ("o", False), "h": ("o", False), "i": ("i", False), "j": ("o", True)}
    assert {c[0]: c[7] for c in rows["mooded"][7]} == {
        "id": False, "m": False, "ms": False, "t": True, "i": False, "v": False}
    # An answer about one row depends on others: children, partitions, and policies that look at rows.
    assert {name for name, row in rows.items() if row[12]} == {"parent", "child", "parted", "parted_unlogged",
                                                               "parted_foreign", "team"}


@pytest.fixture(scope="module", autouse=True)
def more_types(cursor):
    cursor.execute("""create collation keep.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
                      create domain keep.shallow as int; create domain keep.deep as keep.shallow check (value > 0)""")


@pytest.mark.parametrize("change, names", [
    ("create or replace view keep.v_plain as select id, owner || '?' as o, count(*) over () from keep.plain",
     "v_plain v_deep"),
    ("alter policy p on keep.mine using (owner = current_setting('request.jwt.claims', true)::json ->> 'other')",
     "mine v_mine"),
    ("alter policy p on keep.mine to postgres", "mine v_mine"),
    ("create policy q on keep.mine as restrictive using (true)", "mine v_mine"),
    ("create or replace function hidden.immutable_(int) returns int language sql immutable as 'select $1 + 2'",
     "v_immutable"),
    ("""create or replace function hidden.claims() returns json language sql stable as
        'select current_setting(''request.jwt.claims'')::json'""", "h_who h_far"),
])
def test_a_changed_definition_is_another(before, cursor, traits, change, names):
    cursor.execute(change)
    after = traits()
    assert {name for name in after if after[name]["definition"] != before[name]["definition"]} == set(names.split())


@pytest.mark.parametrize("change", [
    "alter type keep.mood rename value 'sad' to 'low'",
    "create type keep.pair as (a int, b int)",
    """create function hidden.as_json(keep.mood) returns json language sql immutable as $$select '"x"'::json$$;
       create cast (keep.mood as json) with function hidden.as_json(keep.mood)""",
])
def test_what_every_relation_shares_changes_all_definitions(before, cursor, traits, change):
    cursor.execute(change)
    after = traits()
    assert all(after[name]["definition"] != before[name]["definition"] for name in before)


def test_a_cast_to_json_that_is_not_immutable_makes_nothing_cacheable(cursor, traits):
    cursor.execute("alter function hidden.as_json(keep.mood) stable")
    try:
        assert all(facts["why"] for facts in traits().values())
    finally:
        cursor.execute("alter function hidden.as_json(keep.mood) immutable")


def test_traffic_and_maintenance_change_no_definition(before, cursor, traits):
    cursor.execute("insert into keep.plain (id) select g from generate_series(1, 1000) g; analyze keep.plain")
    cursor.execute("vacuum full keep.plain")
    assert traits() == before
