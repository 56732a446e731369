-- The database of the position tests. `counters` is what histories are made of; everything else is there for
-- one hazard each, named beside it.

create role authenticator login noinherit password 'hush-hush-authenticator';
create role feeder login replication password 'hush-hush-feeder';
create role web_anon nologin;
create role app_user nologin;
create role alice nologin;
create role bob nologin;
create role hasty nologin;      -- 16: synchronous_commit=off set on the role
create role frozen nologin;     -- 34: repeatable read set on the role
grant web_anon, app_user, alice, bob, hasty, frozen to authenticator;
alter role hasty set synchronous_commit = 'off';
alter role frozen set default_transaction_isolation = 'repeatable read';

create schema api;
grant usage on schema api to public;

-- n only ever grows, one step at a time, so a value names a version of the row.
create table api.counters (id int primary key, n bigint not null, pad text);
insert into api.counters select i, 0, repeat('x', 20) from generate_series(0, 1999) as i;

-- 11: keys that change, rows that go and come back, answers "not found"
create table api.keyed (key text primary key, n bigint not null);
insert into api.keyed select 'k' || i, 0 from generate_series(1, 20) as i;
create table api.pairs (a int, b int, n bigint not null, primary key (a, b));
insert into api.pairs values (1, 1, 0), (1, 2, 0), (2, 1, 0);

-- 12: changes that nobody's request names
create table api.parents (id int primary key, n bigint not null default 0);
create table api.children (id int primary key, parent int references api.parents on delete cascade on update cascade,
                           n bigint not null default 0);
insert into api.parents select i from generate_series(1, 20) as i;
insert into api.children select i, 1 + i % 20 from generate_series(1, 40) as i;
create table api.source (id int primary key, n bigint not null default 0);
create table api.target (id int primary key, n bigint not null default 0);
insert into api.source select i from generate_series(1, 20) as i;
insert into api.target select i from generate_series(1, 20) as i;
create function api.carry() returns trigger language plpgsql security definer as $$
begin
    update api.target set n = new.n where id = new.id;
    return null;
end $$;
create trigger carry after update on api.source for each row execute function api.carry();
create table api.parts (id int, area int, n bigint not null default 0, primary key (id, area))
    partition by list (area);
create table api.parts_1 partition of api.parts for values in (1);
create table api.parts_2 partition of api.parts for values in (2);
insert into api.parts select i, 1 from generate_series(1, 20) as i;
create view api.sums as select p.id, sum(c.n)::bigint as n from api.parents p join api.children c on c.parent = p.id
    group by p.id;

-- 13: DDL and REFRESH
create table api.shapes (id int primary key, n bigint not null default 0);
insert into api.shapes select i, i from generate_series(1, 20) as i;
create view api.shaped as select id, n from api.shapes;
create materialized view api.frozen_sums as select id, n from api.shapes;
create unique index on api.frozen_sums (id);

-- 14: rows that depend on who asks
create table api.notes (id int primary key, owner name not null, body text not null);
alter table api.notes enable row level security;
create policy own on api.notes using (owner = current_user);
insert into api.notes values (1, 'alice', 'of alice'), (2, 'bob', 'of bob'), (3, 'web_anon', 'of anon');
create table api.letters (id int primary key, sub text not null, body text not null);
alter table api.letters enable row level security;
create policy mine on api.letters
    using (sub = nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub');
insert into api.letters values (1, 'ana', 'for ana'), (2, 'ben', 'for ben');

-- 26, 27: one huge transaction; traffic that no publication names
create table api.bulk (id int primary key, n bigint not null default 0);
insert into api.bulk select i from generate_series(1, 500) as i;
create table api.no_key (what text);
create unlogged table api.fleeting (id int primary key, n bigint not null default 0);
insert into api.fleeting select i from generate_series(1, 20) as i;

-- POSITIONS 7: what no cache may hold
create sequence api.tickets;
create view api.clock as select 1 as id, clock_timestamp()::text as now;

grant select, insert, update, delete on all tables in schema api to web_anon, app_user, alice, bob, hasty, frozen;
grant usage on all sequences in schema api to web_anon, app_user, alice, bob, hasty, frozen;
grant truncate on api.parents, api.children to web_anon;

-- The test's own feed, with every column: what the checker believes.
create publication truth for table api.counters, api.keyed;
