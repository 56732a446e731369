"""lintas migrate against a real server: what it makes, what it leaves alone, and what then is in the feed."""

import concurrent.futures
import struct
import subprocess

import psycopg2
import pytest
from support.daemon import run, yaml
from support.postgres import BINARIES, Postgres

SETTINGS = "synchronous_commit = on\nwal_level = logical\nmax_slot_wal_keep_size = 1GB\nmax_replication_slots = 10\n"
OWNER_PASSWORD = "hush-hush-owner"

TABLES = """
create schema api; create schema private; create schema elsewhere;
create table api.plain (id int primary key, v text);
create table api."Quoted, ""Table"" 1" ("Key, 1" int, b text, primary key (b, "Key, 1"), v text);
create table api.no_key (id int, v text);
create unlogged table api.unlogged (id int primary key, v text);
create table api.full_identity (id int primary key, v text);
alter table api.full_identity replica identity full;
create table api.nothing (id int primary key, v text);
alter table api.nothing replica identity nothing;
create table api.by_index (id int primary key, code text not null unique, v text);
alter table api.by_index replica identity using index by_index_code_key;
create table api.index_gone (id int primary key, code text not null unique, v text);
alter table api.index_gone replica identity using index index_gone_code_key;
alter table api.index_gone drop constraint index_gone_code_key;
create table api.deferred_key (id int primary key deferrable, v text);
create table api.generated_key (id int, v text, key int generated always as (id + 1) stored primary key);
create table api.covering (id int, v text, primary key (id) include (v));
create table api.parent (id int primary key, v text);
create table private.child (primary key (id)) inherits (api.parent);
create table api.parted (id int, part text, v text, primary key (part, id)) partition by list (part);
create table private.parted_a partition of api.parted for values in ('a');
create table private.parted_b partition of api.parted for values in ('b') partition by range (id);
create table private.parted_b1 partition of private.parted_b for values from (0) to (100);
create table api.parted_unlogged (id int primary key, v text) partition by range (id);
create unlogged table private.unlogged_leaf partition of api.parted_unlogged for values from (0) to (100);
create table api.parted_no_key (id int, v text) partition by range (id);
create table private.no_key_leaf partition of api.parted_no_key for values from (0) to (100);
create foreign data wrapper nowhere;
create server nowhere foreign data wrapper nowhere;
create foreign table api.foreign_table (id int, v text) server nowhere;
create table private.base (id int primary key, v text);
create view private.inner_view as select * from private.base;
create view api.outer_view as select id, v from private.inner_view;
create view api.one_leaf as select * from private.parted_a;
create table private.members (id int primary key, v text);
create table api.guarded (id int primary key, v text);
alter table api.guarded enable row level security;
create policy members on api.guarded using (exists (select from private.members m where m.id = guarded.id));
create table private.looked_up (id int primary key, v text);
create function private.look_up(i int) returns text language sql stable begin atomic
    select v from private.looked_up where id = i; end;
create view api.with_function as select id, private.look_up(id) from private.base;
create table elsewhere.not_served (id int primary key, v text);
create materialized view api.summary as select count(*) as n from api.plain;
create unique index on api.summary (n);
"""

PUBLISHED = {
    "api.plain": ["id"],
    'api."Quoted, ""Table"" 1"': ["Key, 1", "b"],
    "api.full_identity": None,
    "api.by_index": ["code", "id"],
    "api.covering": ["id"],
    "api.parent": ["id"],
    "private.child": ["id"],
    "api.parted": None,
    "private.base": ["id"],
    "private.members": ["id"],
    "api.guarded": ["id"],
    "private.looked_up": ["id"],
}

LEFT_OUT = {
    "api.no_key": "it has no primary key",
    "api.unlogged": "it is unlogged, so its changes are in no feed",
    "api.nothing": "it has REPLICA IDENTITY NOTHING, so publishing it would make its UPDATE and DELETE fail",
    "api.index_gone": "the index of its REPLICA IDENTITY is gone, so publishing it would make its UPDATE and "
                      "DELETE fail",
    "api.deferred_key": "its primary key is deferrable or not valid, so it cannot identify rows",
    "api.generated_key": "its key holds a generated column, which PostgreSQL does not publish",
    "api.parted_unlogged": "as to its partition private.unlogged_leaf, it is unlogged, so its changes are in no feed",
    "api.parted_no_key": "it has no primary key",
    "api.foreign_table": "it is a foreign table, whose changes pass by this server",
}

WRITABLE = {
    **{name: ("id", "{}") for name in (
        "api.plain", "api.no_key", "api.unlogged", "api.full_identity", "api.nothing", "api.deferred_key", "api.generated_key",
        "api.covering", "api.parent", "private.child", "api.parted_unlogged", "api.parted_no_key", "private.base",
        "private.members", "api.guarded", "private.looked_up", "elsewhere.not_served")},
    'api."Quoted, ""Table"" 1"': ('"Key, 1", b', "{}, 'x'"),
    "api.by_index": ("id, code", "{0}, 'c{0}'"),
    "api.index_gone": ("id, code", "{0}, 'c{0}'"),
    "api.parted": ("id, part", "{}, 'a'"),
    "private.parted_b1": ("id, part", "{}, 'b'"),
}


@pytest.fixture(scope="module")
def server():
    server = Postgres(SETTINGS)
    server.execute(f"create role owner login password '{OWNER_PASSWORD}'")
    yield server
    server.destroy()


class Database:
    """A database of its own, since publications and event triggers are per database."""

    count = 0

    def __init__(self, server, directory):
        Database.count += 1
        self.server, self.name = server, f"db{Database.count}"
        server.execute(f"create database {self.name}")
        self.file = directory / f"{self.name}.yaml"
        self.configure()

    def configure(self, **extra):
        config = {"api": {"schemas": ["api"]}, "database": {"primary": {"url": self.url()}}, **extra}
        self.file.write_text(yaml(config) + "\n", encoding="utf-8")

    def url(self, user="postgres", password="none"):
        return f"postgresql://{user}:{password}@127.0.0.1:{self.server.port}/{self.name}"

    def connect(self, **more):
        connection = psycopg2.connect(self.url(**more))
        connection.autocommit = True
        return connection

    def execute(self, sql, parameters=None, **more):
        connection = self.connect(**more)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def migrate(self, *arguments, status=0):
        found, out, err = run("migrate", "--config", self.file, *arguments)
        assert found == status, (out, err)
        return out.splitlines() if status == 0 else err

    def psql(self, script):
        command = [str(BINARIES / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", self.url()]
        return subprocess.run(command, input=script, check=True, capture_output=True, text=True).stdout.splitlines()

    def publication(self, name="lintas"):
        rows = self.execute("""
            select r.prrelid::regclass::text, (select array_agg(a.attname::text order by a.attname)
                from unnest(r.prattrs::int2[]) n(n) join pg_attribute a on a.attrelid = r.prrelid and a.attnum = n.n)
            from pg_publication_rel r join pg_publication p on p.oid = r.prpubid where p.pubname = %s""", (name,))
        return dict(rows)

    def objects(self):
        """Everything that migrate makes, without oids and times."""
        return self.execute("""
            select 'table ' || c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), '') || a.attnotnull
            from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
            left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
            where n.nspname = 'lintas' and a.attnum > 0
            union all select 'constraint ' || pg_get_constraintdef(c.oid) from pg_constraint c
            where c.connamespace = 'lintas'::regnamespace
            union all select 'function ' || pg_get_functiondef(p.oid) || p.proowner::regrole from pg_proc p
            where p.pronamespace = 'lintas'::regnamespace
            union all select 'trigger ' || concat_ws(' ', evtname, evtevent, evtenabled, evtfoid::regproc) from pg_event_trigger
            union all select 'publication ' || (to_jsonb(p) - 'oid')::text from pg_publication p
            union all select 'published ' || prrelid::regclass || coalesce(prattrs::text, ' all') from pg_publication_rel
            union all select 'version ' || version from lintas.version
            order by 1""")


@pytest.fixture
def database(server, tmp_path):
    return Database(server, tmp_path)


@pytest.fixture
def tables(database):
    database.execute(TABLES)
    return database


class Slot:
    """What pgoutput sends, as the feed asks for it."""

    def __init__(self, database):
        self.connection = database.connect()
        self.cursor = self.connection.cursor()
        self.cursor.execute("select pg_create_logical_replication_slot('probe', 'pgoutput', temporary => true)")

    def read(self):
        """[("message", text) or ("insert" | "update" | "delete", relation oid) or ("truncate", [oids])]"""
        self.cursor.execute("""select data from pg_logical_slot_get_binary_changes('probe', null, null,
            'proto_version', '1', 'publication_names', 'lintas', 'messages', 'true')""")
        found = []
        for data in (bytes(row[0]) for row in self.cursor.fetchall()):
            kind = data[:1]
            if kind == b"M":
                prefix, rest = data[10:].split(b"\0", 1)
                assert data[1] == 1, "a transactional message"
                if prefix == b"lintas":
                    found.append(("message", rest[4:].decode()))
            elif kind in b"IUD":
                name = {b"I": "insert", b"U": "update", b"D": "delete"}[kind]
                found.append((name, struct.unpack(">I", data[1:5])[0]))
            elif kind == b"T":
                count = struct.unpack(">I", data[1:5])[0]
                found.append(("truncate", list(struct.unpack(f">{count}I", data[6:6 + 4 * count]))))
        return found

    def messages(self):
        return [text for kind, text in self.read() if kind == "message"]

    def close(self):
        self.connection.close()


@pytest.fixture
def slot(tables):
    tables.migrate()
    probe = Slot(tables)
    yield probe
    probe.close()


def not_published(lines):
    """{table: why} of the report."""
    found = {}
    for line in lines:
        if " is not published: " in line:
            name, why = line.removeprefix("table ").split(" is not published: ")
            found[name] = why.removesuffix("; answers that read it are cached by age only")
    return found


# What is made ------------------------------------------------------------------------------------------


def test_a_fresh_database_gets_everything(tables):
    lines = tables.migrate()
    assert lines[:4] == ["schema lintas: created", "tables of schema lintas: made, version 1",
                         "event triggers: created lintas_ddl, lintas_drop",
                         f"publication lintas: created, {len(PUBLISHED)} tables"]
    assert not_published(lines) == LEFT_OUT
    assert len(lines) == 4 + len(LEFT_OUT)
    assert tables.publication() == PUBLISHED
    assert tables.execute("select pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot, puballtables "
                          "from pg_publication") == [(True, True, True, True, False, False)]
    assert tables.execute("select count(*) from pg_replication_slots") == [(0,)]
    # What the feed and the idempotency keys rely on.
    tables.execute("insert into lintas.hub (id, address, timeline) values ('a', '127.0.0.1:1', 4294967295)")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        tables.execute("insert into lintas.hub (id, address, timeline) values ('b', '127.0.0.1:1', 1)")
    tables.execute("insert into lintas.idempotency (scope, key, request_hash) values ('s', 'k', '\\x00')")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        tables.execute("insert into lintas.idempotency (scope, key, request_hash) values ('s', 'k', '\\x01')")


def test_a_second_run_changes_nothing_and_says_so(tables):
    tables.migrate()
    before = tables.objects()
    probe = Slot(tables)
    lines = tables.migrate()
    assert lines[:3] == ["tables of schema lintas: unchanged, version 1", "event triggers: unchanged",
                         f"publication lintas: unchanged, {len(PUBLISHED)} tables"]
    assert tables.objects() == before
    assert probe.read() == []
    probe.close()


def test_an_upgrade_follows_the_tables(tables):
    tables.migrate()
    tables.execute("""create table api.later (id int primary key); drop table api.full_identity;
        alter table api.plain add column other int not null unique, replica identity using index plain_other_key;
        alter table api.guarded replica identity nothing""".replace(
            ", replica identity", "; alter table api.plain replica identity"))
    probe = Slot(tables)
    lines = tables.migrate()
    assert ("publication lintas: changed, 11 tables now; added api.later; other columns of api.plain; "
            "removed api.guarded") in lines
    expected = {**PUBLISHED, "api.later": ["id"], "api.plain": ["id", "other"]}
    del expected["api.full_identity"], expected["api.guarded"]
    assert tables.publication() == expected
    assert set(probe.messages()) == {"ddl"}, "what was cached before these tables were followed must go"
    probe.close()
    assert "publication lintas: unchanged, 11 tables" in tables.migrate()


def test_a_publication_that_somebody_changed_is_put_right(tables):
    tables.migrate()
    tables.execute("""alter publication lintas set table api.plain, elsewhere.not_served where (id > 3);
        alter publication lintas set (publish = 'insert', publish_via_partition_root = true)""")
    lines = tables.migrate()
    assert any(line.endswith("each partition under its own name") for line in lines)
    assert tables.publication() == PUBLISHED
    assert tables.execute("select pubupdate, pubviaroot from pg_publication") == [(True, False)]
    tables.execute("alter publication lintas set tables in schema elsewhere")
    tables.migrate()
    assert tables.publication() == PUBLISHED
    assert tables.execute("select count(*) from pg_publication_namespace") == [(0,)]


def test_the_last_table_can_go(database):
    database.execute("create schema api; create table api.single (id int primary key)")
    assert "publication lintas: created, 1 tables" in database.migrate()
    database.execute("alter table api.single replica identity nothing")
    assert "publication lintas: changed, 0 tables now; removed api.single" in database.migrate()
    assert "publication lintas: unchanged, 0 tables" in database.migrate()


def test_a_publication_for_all_tables_is_not_touched(tables):
    tables.execute("create publication lintas for all tables")
    lines = tables.migrate()
    assert any(line.startswith("publication lintas: left as it is, since it is FOR ALL TABLES") for line in lines)
    assert tables.execute("select puballtables from pg_publication") == [(True,)]


def test_names_come_from_the_configuration(tables):
    tables.configure(api={"schemas": ["elsewhere", "no'such\\schema"]},
                     database={"primary": {"url": tables.url()},
                               "feed": {"url": "host=h", "publication": "My \"Pub'$lintas$"}})
    lines = tables.migrate()
    assert "publication \"My \"\"Pub'$lintas$\": created, 1 tables" in lines
    assert "schema \"no'such\\schema\" of api.schemas does not exist" in lines
    assert tables.publication("My \"Pub'$lintas$") == {"elsewhere.not_served": ["id"]}


def test_what_print_prints_makes_the_same(tables, tmp_path):
    status, script, err = run("migrate", "--config", tables.file, "--print", "--grant-to", "owner")
    assert (status, err) == (0, "")
    other = Database(tables.server, tmp_path)
    other.execute(TABLES)
    said = other.psql(script)
    assert said == tables.migrate("--grant-to", "owner")
    assert other.objects() == tables.objects()
    assert "publication lintas: unchanged, 12 tables" in other.psql(script)
    assert "publication lintas: unchanged, 12 tables" in other.migrate()


# Rights and failures -----------------------------------------------------------------------------------


def test_without_a_superuser_the_rest_is_made(server, tables):
    tables.execute(f"""grant create on database {tables.name} to owner; grant usage on schema api, private to owner;
        alter table api.plain owner to owner""")
    tables.configure(database={"primary": {"url": tables.url("owner", OWNER_PASSWORD)}})
    lines = tables.migrate()
    assert lines[2].startswith("event triggers: not created, since only a superuser may (permission denied")
    assert lines[3] == "publication lintas: created, 1 tables"
    assert not any(line.startswith("feed:") for line in lines), "the preflight's query needs no rights"
    assert not_published(lines)["private.base"] == "it is owned by postgres, and owner is not a member of that role"
    assert tables.publication() == {"api.plain": ["id"]}
    tables.execute("create table api.later (id int primary key); alter table api.later owner to owner")
    probe = Slot(tables)
    assert "publication lintas: changed, 2 tables now; added api.later" in tables.migrate()
    assert probe.messages() == ["ddl"], "what was cached before this table was followed must go"
    probe.close()
    tables.execute("drop table api.later")
    # Later with more rights, and then again without them.
    lines = tables.migrate("--url", tables.url())
    assert "event triggers: created lintas_ddl, lintas_drop" in lines
    assert f"publication lintas: changed, {len(PUBLISHED)} tables now" in "\n".join(lines)
    owners = "select distinct proowner::regrole::text from pg_proc where proname in ('on_ddl', 'on_drop')"
    assert tables.execute(owners) == [("postgres",)], "a superuser's trigger must not call somebody else's function"
    lines = tables.migrate()
    assert any(line.startswith("functions of schema lintas: left as they are") for line in lines)
    assert "event triggers: unchanged" in lines
    assert tables.publication() == PUBLISHED


def test_grant_to_lets_a_plain_role_work_with_the_tables(tables):
    with pytest.raises(psycopg2.errors.UndefinedTable):
        tables.execute("table lintas.hub")
    lines = tables.migrate("--grant-to", "owner")
    assert any(line.startswith("role owner: granted USAGE ON SCHEMA lintas") for line in lines)
    as_owner = {"user": "owner", "password": OWNER_PASSWORD}
    tables.execute("""insert into lintas.hub (id, address, timeline) values ('a', 'b', 1);
        insert into lintas.idempotency (scope, key, request_hash) values ('s', 'k', '');
        delete from lintas.idempotency; select version from lintas.version;
        select * from lintas.publication_candidates(array['api'])""", **as_owner)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        tables.execute("update lintas.version set version = 9", **as_owner)
    assert "role owner: has its rights already" in tables.migrate("--grant-to", "owner")
    assert 'role "nobody" does not exist' in tables.migrate("--grant-to", "nobody", status=1)


def test_what_fails_changes_nothing(tables):
    assert "does not exist" in tables.migrate("--grant-to", "nobody", status=1)
    assert tables.execute("select to_regnamespace('lintas') is null, (select count(*) from pg_publication)") == [(True, 0)]
    tables.migrate()
    tables.execute("update lintas.version set version = 99")
    assert "has version 99" in tables.migrate(status=1)
    assert "Database connection error" in tables.migrate("--url", "postgresql://postgres@127.0.0.1:1/x", status=1)


def test_several_at_once_wait_for_each_other(tables):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        reports = [job.result() for job in [pool.submit(tables.migrate) for _ in range(4)]]
    created = [lines for lines in reports if "publication lintas: created, 12 tables" in lines]
    unchanged = [lines for lines in reports if "publication lintas: unchanged, 12 tables" in lines]
    assert (len(created), len(unchanged)) == (1, 3)


def test_usage_errors_are_2(tables):
    assert "--config: is missing" in run("migrate")[2]
    assert run("migrate")[0] == 2
    assert "database.primary.url" in tables.migrate("--url", "nonsense", status=2)


def test_writers_of_a_table_that_becomes_published_are_waited_for(tables):
    """What a transaction wrote before its table was published is in no feed, even if it commits later."""
    tables.migrate()
    tables.execute("create table api.later (id int primary key)")
    probe = Slot(tables)
    writer = tables.connect()
    writer.autocommit = False
    writer.cursor().execute("insert into api.later values (1)")
    assert "lock timeout" in tables.migrate(status=1)
    writer.commit()
    writer.close()
    assert "added api.later" in "\n".join(tables.migrate())
    probe.close()


def test_it_says_what_the_server_lacks_for_a_feed(tables):
    server = Postgres("wal_level = replica\n")
    try:
        lines = run("migrate", "--config", tables.file, "--url", f"postgresql://postgres@127.0.0.1:{server.port}/postgres")
        assert lines[0] == 0, lines
        feed = [line for line in lines[1].splitlines() if line.startswith("feed: ")]
        assert feed[0].startswith("feed: wal_level is replica; a feed needs logical; ALTER SYSTEM")
        assert feed[1].startswith("feed: max_slot_wal_keep_size is -1")
        assert len(feed) == 2
    finally:
        server.destroy()


def test_an_old_prepared_transaction_is_named(server, tables):
    server.execute("alter system set max_prepared_transactions = 5")
    server.restart()
    try:
        connection = tables.connect()
        connection.autocommit = False
        connection.cursor().execute("insert into api.plain values (1)")
        connection.cursor().execute("prepare transaction 'forgotten'")
        connection.close()
        assert not any(line.startswith("feed:") for line in tables.migrate()), "not old yet"
        tables.execute("rollback prepared 'forgotten'")
        # DDL in a transaction that is prepared: a NOTIFY of ours would make it fail.
        connection = tables.connect()
        connection.cursor().execute("begin; create table api.in_two (id int primary key); prepare transaction 'ddl'")
        connection.cursor().execute("commit prepared 'ddl'")
        connection.close()
    finally:
        server.execute("alter system reset max_prepared_transactions")
        server.restart()


# What is in the feed then ------------------------------------------------------------------------------


def test_every_table_can_still_be_written(slot, tables):
    for table, (columns, values) in WRITABLE.items():
        tables.execute(f"insert into {table} ({columns}) values ({values.format(1)}), ({values.format(2)})")
        tables.execute(f"update {table} set v = 'x'")
        tables.execute(f"delete from {table} where v = 'x'")
    oids = dict(tables.execute("select oid::regclass::text, oid::int8 from pg_class where relkind in ('r', 'p')"))
    seen = {what for kind, what in slot.read() if kind == "delete"}
    followed = {oids[name] for name in PUBLISHED if name != "api.parted"}
    assert seen == followed | {oids["private.parted_a"], oids["private.parted_b1"]}, "a partition comes as itself"


def test_truncates_are_in_the_feed_even_of_one_partition(slot, tables):
    oids = dict(tables.execute("select oid::regclass::text, oid::int8 from pg_class"))
    tables.execute("truncate private.parted_a")
    assert slot.read() == [("truncate", [oids["private.parted_a"]])]
    tables.execute("truncate api.parted")
    assert sorted(slot.read()[0][1]) == sorted(
        oids[name] for name in ("api.parted", "private.parted_a", "private.parted_b", "private.parted_b1")
        if oids[name] in slot_leaves(tables))
    tables.execute("truncate api.parent")
    assert sorted(slot.read()[0][1]) == sorted([oids["api.parent"], oids["private.child"]])


def slot_leaves(tables):
    return {oid for (oid,) in tables.execute(
        "select relid::oid::int8 from pg_partition_tree('api.parted') where isleaf")}


def test_ddl_sends_one_message_per_command(slot, tables):
    for command in (
            "create table api.t1 (id serial primary key, v text unique)",
            "alter table api.t1 add column w int default 3, add constraint c check (w > 0)",
            "create index on api.t1 (w)",
            "create view api.v1 as select * from api.t1",
            "create or replace view api.v1 as select *, 1 as one from api.t1",
            "create function api.f() returns int language sql as 'select 1'",
            "create or replace function api.f() returns int language sql as 'select 2'",
            "grant select on api.t1 to owner",
            "revoke select on api.t1 from owner",
            "create policy p on api.t1 using (true)",
            "alter policy p on api.t1 using (false)",
            "alter table api.t1 enable row level security",
            "drop policy p on api.t1",
            "create type api.kind as enum ('a')",
            "alter type api.kind add value 'b'",
            "drop view api.v1",
            "alter table api.t1 drop column w",
            "drop function api.f()",
            "drop table api.t1",
            "create schema more create table t (id int)",
            "drop schema more cascade",
            "create materialized view api.m as select 1 as n",
            "drop materialized view api.m",
            "create extension if not exists plpgsql; create domain api.d as int",
            "create table api.made as select 1 as id",
            "select 2 as id into api.made_too",
            "alter publication lintas drop table api.plain",
            "drop publication lintas; create publication lintas for table api.guarded"):
        tables.execute(command)
        found = slot.messages()
        assert found and set(found) == {"ddl"}, (command, found)
        assert len(found) <= 1 + command.count(";") + command.count("schema") + command.count("drop"), (command, found)


def test_what_cannot_change_an_answer_sends_nothing(slot, tables):
    connection = tables.connect()
    cursor = connection.cursor()
    for command in (
            "comment on table api.plain is 'x'",
            "analyze api.plain",
            "create temp table t (id serial primary key, v text default 'x' check (v <> ''), w int references t)",
            "create index on t (v)",
            "alter table t add column x int default 4",
            "alter table t alter column v drop default",
            "alter table t drop column x",
            "create temp view tv as select * from t",
            "create trigger tr before update on t for each row execute function suppress_redundant_updates_trigger()",
            "drop trigger tr on t",
            "create table pg_temp.t2 as select 1 as id",
            "select 1 as id into temp t3",
            "create temp table t4 (id int) on commit drop",
            "create function pg_temp.f() returns int language sql as 'select 1'",
            "drop table t cascade",
            "drop function pg_temp.f()",
            "create table if not exists api.plain (id int)",
            "drop table if exists api.no_such_table",
            "create temp table last (id int primary key, v text default 'x')"):
        cursor.execute(command)
        assert slot.messages() == [], command
    pid = connection.info.backend_pid
    connection.close()
    tables.execute("select pg_terminate_backend(%s, 5000)", (pid,))
    assert slot.messages() == [], "temporary tables that a session leaves behind"
    connection = tables.connect()
    connection.cursor().execute("create temp table leftover (id int primary key, v text default 'x'); discard temp")
    assert slot.messages() == []
    connection.close()


def test_a_refresh_names_its_view(slot, tables):
    oid = tables.execute("select 'api.summary'::regclass::oid::int8")[0][0]
    tables.execute("refresh materialized view api.summary")
    assert slot.messages() == [f"refresh:{oid}"]
    tables.execute("insert into api.plain values (7)")
    tables.execute("refresh materialized view concurrently api.summary")
    assert slot.messages() == [f"refresh:{oid}"]


def test_a_rolled_back_ddl_sends_nothing(slot, tables):
    tables.execute("begin; create table api.never (id int); rollback")
    tables.execute("begin; savepoint s; create table api.never (id int); rollback to s; commit")
    assert slot.messages() == []


def test_nobody_needs_rights_for_the_triggers(slot, tables):
    tables.execute("revoke execute on function pg_logical_emit_message(boolean, text, text) from public")
    tables.execute("create schema authorization owner")
    slot.read()
    tables.execute("""set search_path = owner; create function pg_logical_emit_message(boolean, text, text)
        returns pg_lsn language plpgsql as 'begin raise exception ''hijacked''; end'; create table t (id int)""",
                   user="owner", password=OWNER_PASSWORD)
    assert set(slot.messages()) == {"ddl"}
    tables.execute("set session_replication_role = replica; create table api.as_replica (id int)")
    assert slot.messages() == ["ddl"]


def test_catalogues_are_told_to_reload_once_per_transaction(slot, tables):
    listener = tables.connect()
    listener.cursor().execute("listen pgrst")
    tables.execute("begin; create table api.x (id int); create table api.y (id int); drop table api.x; commit")
    listener.cursor().execute("select 1")
    listener.poll()
    assert [(n.channel, n.payload) for n in listener.notifies] == [("pgrst", "reload schema")]
    listener.close()


def test_the_schema_can_be_dropped_and_made_again(slot, tables):
    slot.close()
    tables.execute("drop schema lintas cascade")
    assert tables.execute("select count(*) from pg_event_trigger") == [(0,)]
    assert "event triggers: created lintas_ddl, lintas_drop" in tables.migrate()


def test_a_dump_of_the_database_restores(slot, tables, tmp_path):
    slot.close()
    tables.execute("drop table api.index_gone")  # pg_dump does not know that state: it restores as DEFAULT
    dump = subprocess.run([str(BINARIES / "pg_dump"), tables.url()], check=True, capture_output=True, text=True).stdout
    other = Database(tables.server, tmp_path)
    other.psql(dump)
    assert other.objects() == tables.objects()
    assert "publication lintas: unchanged, 12 tables" in other.migrate()
