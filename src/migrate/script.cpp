#include "migrate/script.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cstdint>

#include "migrate/candidates.hpp"
#include "sql/quote.hpp"

namespace lintas::migrate {

namespace {

constexpr std::int64_t kAdvisoryLock = 119200080486771;  // "lintas" as a number

// Settings of the transaction carry what the DO blocks, which take no parameters, have to know, and
// the sentences they have to say. Two of these transactions may wait for each other, hence READ
// COMMITTED: what the first one made must be seen by the second.
constexpr std::string_view kBegin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

constexpr std::string_view kGuard = R"sql(DO $lintas$
BEGIN
    IF current_setting('server_version_num')::int < 150000 THEN
        RAISE EXCEPTION 'lintas needs PostgreSQL 15 or newer, and this is %', current_setting('server_version');
    END IF;
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'this server is a standby; lintas migrate needs the primary';
    END IF;
    PERFORM pg_advisory_xact_lock({lock});
END
$lintas$)sql";

constexpr std::string_view kTables = R"sql(DO $lintas$
DECLARE
    said text := '';
    found integer;
BEGIN
    IF to_regnamespace('lintas') IS NULL THEN
        CREATE SCHEMA lintas;
        said := said || E'schema lintas: created\n';
    END IF;
    IF to_regclass('lintas.version') IS NULL THEN
        CREATE TABLE lintas.version (
            singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
            version integer NOT NULL,
            changed_at timestamptz NOT NULL DEFAULT now());
        INSERT INTO lintas.version (version) VALUES (0);
    END IF;
    SELECT version INTO STRICT found FROM lintas.version;
    IF found > {version} THEN
        RAISE EXCEPTION 'schema lintas has version %, and this lintas knows versions up to {version} only', found;
    END IF;
    IF found < 1 THEN
        -- What a write with an Idempotency-Key answered. status: NULL while it runs.
        CREATE TABLE lintas.idempotency (
            scope text NOT NULL,
            key text NOT NULL,
            request_hash bytea NOT NULL,
            status integer,
            headers jsonb,
            body bytea,
            position text,
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (scope, key));
        CREATE INDEX idempotency_created_at ON lintas.idempotency (created_at);
        -- Which process holds the slot, and where the others get the feed from it.
        CREATE TABLE lintas.hub (
            singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
            id text NOT NULL,
            address text NOT NULL,
            timeline bigint NOT NULL,
            started_at timestamptz NOT NULL DEFAULT now());
    END IF;
    IF found < {version} THEN
        UPDATE lintas.version SET version = {version}, changed_at = now();
        said := said || E'tables of schema lintas: made, version {version}\n';
    ELSE
        said := said || E'tables of schema lintas: unchanged, version {version}\n';
    END IF;
    PERFORM set_config('lintas.report', current_setting('lintas.report') || said, true);
END
$lintas$)sql";

// The functions of the event triggers run for every DDL command of everybody: they must not fail,
// so whatever they cannot look into counts as a change. The message is written outside the block
// that catches, as it would get a transaction id of its own there. SECURITY DEFINER: whoever runs
// DDL needs no rights of lintas's.
//
// Temporary objects are nobody's business: REFRESH MATERIALIZED VIEW CONCURRENTLY makes and drops
// some itself. PostgreSQL 15 does not see that a default, trigger or policy belongs to a temporary
// table, but its address begins with pg_temp.
//
// NOTIFY makes other programs' PREPARE TRANSACTION fail, so there is none where that is in use.
constexpr std::string_view kFunctions = R"sql(DO $lintas$
BEGIN
    EXECUTE $create$
CREATE OR REPLACE FUNCTION lintas.publication_candidates(schemas text[])
RETURNS TABLE (relation oid, root oid, name text, key_columns text[], column_list text[], why_not text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
AS $function${candidates}$function$
$create$;
    EXECUTE $create$
CREATE OR REPLACE FUNCTION lintas.on_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    changed boolean;
    refreshed oid[];
    view oid;
BEGIN
    IF tg_tag = 'COMMENT' THEN
        RETURN;
    END IF;
    BEGIN
        SELECT coalesce(bool_or(c.command_tag <> 'REFRESH MATERIALIZED VIEW'), false),
               coalesce(array_agg(DISTINCT c.objid) FILTER (WHERE c.command_tag = 'REFRESH MATERIALIZED VIEW'), '{{}}')
        INTO STRICT changed, refreshed
        FROM pg_event_trigger_ddl_commands() c
        WHERE c.command_tag <> 'COMMENT'
          AND c.schema_name IS DISTINCT FROM 'pg_temp' AND c.schema_name IS DISTINCT FROM 'lintas'
          AND (c.object_type = 'schema' AND c.object_identity = 'lintas') IS NOT TRUE
          AND c.object_identity LIKE '% on pg\_temp.%' IS NOT TRUE;
    EXCEPTION WHEN OTHERS THEN
        changed := true;
        refreshed := '{{}}';
    END;
    IF changed THEN
        PERFORM pg_logical_emit_message(true, 'lintas', 'ddl');
        IF current_setting('max_prepared_transactions')::int = 0 THEN
            PERFORM pg_notify('pgrst', 'reload schema');
        END IF;
    END IF;
    FOREACH view IN ARRAY refreshed LOOP
        PERFORM pg_logical_emit_message(true, 'lintas', 'refresh:' || view);
    END LOOP;
END
$function$
$create$;
    EXECUTE $create$
CREATE OR REPLACE FUNCTION lintas.on_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    changed boolean;
BEGIN
    BEGIN
        SELECT count(*) > 0
        INTO STRICT changed
        FROM pg_event_trigger_dropped_objects() d
        WHERE NOT d.is_temporary
          AND d.schema_name IS DISTINCT FROM 'lintas'
          AND d.address_names[1] IS DISTINCT FROM 'pg_temp';
    EXCEPTION WHEN OTHERS THEN
        changed := true;
    END;
    IF changed THEN
        PERFORM pg_logical_emit_message(true, 'lintas', 'ddl');
        IF current_setting('max_prepared_transactions')::int = 0 THEN
            PERFORM pg_notify('pgrst', 'reload schema');
        END IF;
    END IF;
END
$function$
$create$;
EXCEPTION WHEN insufficient_privilege THEN
    -- Made by a superuser before; the version says that they are the right ones.
    PERFORM set_config('lintas.report', current_setting('lintas.report')
        || format(E'functions of schema lintas: left as they are, since another role owns them (%s)\n', SQLERRM), true);
END
$lintas$)sql";

// The functions change hands: were they somebody else's, that somebody could make them run as the
// superuser who created the triggers. ALWAYS: also under session_replication_role = replica.
constexpr std::string_view kEventTriggers = R"sql(DO $lintas$
DECLARE
    said text := '';
    wanted record;
    made text[] := '{}';
    tags text;
BEGIN
    BEGIN
        FOR wanted IN
            SELECT v.name, v.event, v.function
            FROM (VALUES ('lintas_ddl', 'ddl_command_end', 'lintas.on_ddl()'),
                         ('lintas_drop', 'sql_drop', 'lintas.on_drop()')) AS v(name, event, function)
            WHERE NOT EXISTS (
                SELECT FROM pg_event_trigger t
                WHERE t.evtname = v.name AND t.evtevent = v.event AND t.evtfoid = v.function::regprocedure
                  AND t.evtenabled = 'A' AND t.evttags IS NULL)
        LOOP
            EXECUTE format('ALTER FUNCTION %s OWNER TO CURRENT_USER', wanted.function);
            EXECUTE format('DROP EVENT TRIGGER IF EXISTS %I', wanted.name);
            EXECUTE format('CREATE EVENT TRIGGER %I ON %s EXECUTE FUNCTION %s', wanted.name, wanted.event, wanted.function);
            EXECUTE format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', wanted.name);
            made := made || wanted.name::text;
        END LOOP;
        said := CASE WHEN cardinality(made) > 0
                     THEN format(E'event triggers: created %s\n', array_to_string(made, ', '))
                     ELSE E'event triggers: unchanged\n' END;
    EXCEPTION WHEN insufficient_privilege THEN
        said := format(E'event triggers: not created, since only a superuser may (%s); without them DDL is found by polling the catalogue, and materialized views are not cached\n', SQLERRM);
    END;
    PERFORM set_config('lintas.report', current_setting('lintas.report') || said, true);
END
$lintas$)sql";

// A transaction that wrote into a table before the table was published is not in the feed even if
// it commits afterwards. Where a slot is read already, such transactions are waited for: SHARE lets
// nobody write until the publication is committed. (The creation of a slot waits by itself.) The
// message raises the global floor, so entries from before the publication are not served.
constexpr std::string_view kPublication = R"sql(DO $lintas$
DECLARE
    said text := '';
    publication text := current_setting('lintas.publication');
    schemas text[] := ARRAY(SELECT json_array_elements_text(current_setting('lintas.schemas')::json));
    mine CONSTANT text := 'insert, update, delete, truncate';
    existing pg_publication;
    has_slot boolean := EXISTS (SELECT FROM pg_replication_slots WHERE database = current_database() AND plugin = 'pgoutput');
    wanted_count integer;
    fresh text[];
    altered text[];
    removed text[];
    targets text;
    missing text;
    candidate record;
    changed boolean := false;
BEGIN
    FOREACH missing IN ARRAY schemas LOOP
        IF to_regnamespace(quote_ident(missing)) IS NULL THEN
            said := said || format(E'schema %I of api.schemas does not exist\n', missing);
        END IF;
    END LOOP;

    SELECT * INTO existing FROM pg_publication p WHERE p.pubname = publication;

    CREATE TEMPORARY TABLE pg_temp.lintas_wanted ON COMMIT DROP AS
    SELECT c.relation, c.name, c.column_list, t.relkind, c.why_not, p.oid IS NOT NULL AS is_published,
           pg_has_role(current_user, t.relowner, 'USAGE') AS is_owned, pg_get_userbyid(t.relowner) AS owner,
           p.oid IS NOT NULL AND p.prqual IS NULL
               AND coalesce((SELECT array_agg(a.attname::text ORDER BY a.attname)
                             FROM unnest(p.prattrs::smallint[]) AS n(attnum)
                             JOIN pg_attribute a ON a.attrelid = c.relation AND a.attnum = n.attnum), '{}')
                 = coalesce((SELECT array_agg(l.name ORDER BY l.name COLLATE "C") FROM unnest(c.column_list) AS l(name)), '{}') AS is_right
    FROM lintas.publication_candidates(schemas) c
    JOIN pg_class t ON t.oid = c.relation
    LEFT JOIN pg_publication_rel p ON p.prpubid = existing.oid AND p.prrelid = c.relation
    WHERE c.relation = c.root;

    UPDATE pg_temp.lintas_wanted SET why_not = format('it is owned by %s, and %s is not a member of that role', owner, current_user)
    WHERE why_not IS NULL AND NOT is_owned AND NOT is_right;

    SELECT count(*), array_agg(w.name ORDER BY w.name) FILTER (WHERE NOT w.is_published),
           array_agg(w.name ORDER BY w.name) FILTER (WHERE w.is_published AND NOT w.is_right),
           string_agg(CASE WHEN w.relkind = 'p' THEN w.name ELSE 'ONLY ' || w.name END
                      || coalesce((SELECT ' (' || string_agg(quote_ident(l.name), ', ') || ')' FROM unnest(w.column_list) AS l(name)), ''),
                      ', ' ORDER BY w.name)
    INTO wanted_count, fresh, altered, targets
    FROM pg_temp.lintas_wanted w
    WHERE w.why_not IS NULL;
    SELECT array_agg(p.prrelid::regclass::text ORDER BY p.prrelid::regclass::text) INTO removed
    FROM pg_publication_rel p
    WHERE p.prpubid = existing.oid AND p.prrelid NOT IN (SELECT w.relation FROM pg_temp.lintas_wanted w WHERE w.why_not IS NULL);

    BEGIN
        IF existing.puballtables THEN
            said := said || format(E'publication %I: left as it is, since it is FOR ALL TABLES and so was not made by lintas; name another one in database.feed.publication\n', publication);
        ELSE
            IF has_slot THEN
                FOR candidate IN SELECT w.name FROM pg_temp.lintas_wanted w WHERE w.why_not IS NULL AND NOT w.is_right ORDER BY w.relation LOOP
                    EXECUTE format('LOCK TABLE %s IN SHARE MODE', candidate.name);
                END LOOP;
            END IF;
            IF existing.oid IS NULL THEN
                EXECUTE format('CREATE PUBLICATION %I', publication)
                    || coalesce(' FOR TABLE ' || targets, '')
                    || format(' WITH (publish = %L, publish_via_partition_root = false)', mine);
                changed := true;
                said := said || format(E'publication %I: created, %s tables\n', publication, wanted_count);
            ELSE
                IF fresh IS NOT NULL OR altered IS NOT NULL OR removed IS NOT NULL
                   OR EXISTS (SELECT FROM pg_publication_namespace n WHERE n.pnpubid = existing.oid) THEN
                    IF targets IS NOT NULL THEN
                        EXECUTE format('ALTER PUBLICATION %I SET TABLE ', publication) || targets;
                    ELSE
                        EXECUTE format('ALTER PUBLICATION %I DROP TABLE ', publication) || array_to_string(removed, ', ');
                    END IF;
                    changed := true;
                    said := said || format(E'publication %I: changed, %s tables now', publication, wanted_count)
                        || coalesce('; added ' || array_to_string(fresh, ', '), '')
                        || coalesce('; other columns of ' || array_to_string(altered, ', '), '')
                        || coalesce('; removed ' || array_to_string(removed, ', '), '') || E'\n';
                ELSE
                    said := said || format(E'publication %I: unchanged, %s tables\n', publication, wanted_count);
                END IF;
                IF NOT (existing.pubinsert AND existing.pubupdate AND existing.pubdelete AND existing.pubtruncate)
                   OR existing.pubviaroot THEN
                    EXECUTE format('ALTER PUBLICATION %I SET (publish = %L, publish_via_partition_root = false)', publication, mine);
                    changed := true;
                    said := said || format(E'publication %I: publishes %s again, each partition under its own name\n', publication, mine);
                END IF;
            END IF;
            IF changed THEN
                PERFORM pg_logical_emit_message(true, 'lintas', 'ddl');
            END IF;
        END IF;
    EXCEPTION WHEN insufficient_privilege THEN
        said := format(E'publication %I: could not be made or changed: %s\n', publication, SQLERRM);
    END;

    FOR candidate IN SELECT w.name, w.why_not FROM pg_temp.lintas_wanted w WHERE w.why_not IS NOT NULL ORDER BY w.name LOOP
        said := said || format(E'table %s is not published: %s; answers that read it are cached by age only\n', candidate.name, candidate.why_not);
    END LOOP;
    DROP TABLE pg_temp.lintas_wanted;
    PERFORM set_config('lintas.report', current_setting('lintas.report') || said, true);
END
$lintas$)sql";

constexpr std::string_view kGrant = R"sql(DO $lintas$
DECLARE
    grantee text := current_setting('lintas.grant_to');
    statement text;
    given text[] := '{}';
BEGIN
    FOR statement IN
        SELECT 'USAGE ON SCHEMA lintas' WHERE NOT has_schema_privilege(grantee, 'lintas', 'USAGE')
        UNION ALL
        SELECT format('%s ON lintas.%I', w.privileges, w.name)
        FROM (VALUES ('version', 'SELECT'),
                     ('idempotency', 'SELECT, INSERT, UPDATE, DELETE'),
                     ('hub', 'SELECT, INSERT, UPDATE, DELETE')) AS w(name, privileges)
        WHERE EXISTS (SELECT FROM unnest(string_to_array(w.privileges, ', ')) AS p(privilege)
                      WHERE NOT has_table_privilege(grantee, 'lintas.' || w.name, p.privilege))
        UNION ALL
        SELECT 'EXECUTE ON FUNCTION lintas.publication_candidates(text[])'
        WHERE NOT has_function_privilege(grantee, 'lintas.publication_candidates(text[])', 'EXECUTE')
    LOOP
        EXECUTE format('GRANT %s TO %I', statement, grantee);
        given := given || statement;
    END LOOP;
    PERFORM set_config('lintas.report', current_setting('lintas.report')
        || CASE WHEN cardinality(given) > 0
                THEN format(E'role %I: granted %s\n', grantee, array_to_string(given, '; '))
                ELSE format(E'role %I: has its rights already\n', grantee) END, true);
END
$lintas$)sql";

constexpr std::string_view kReport =
    "SELECT line AS lintas_migrate FROM string_to_table(current_setting('lintas.report'), E'\\n') "
    "AS "
    "line WHERE line <> ''";

std::string setting(std::string_view name, std::string_view value) {
    std::string text = fmt::format("SET LOCAL {} = ", name);
    sql::append_literal(text, value);
    return text;
}

}  // namespace

std::vector<std::string> statements(const ScriptOptions& options) {
    const boost::json::array schemas(options.schemas.begin(), options.schemas.end());
    std::vector<std::string> out{
        std::string{kBegin},
        "SET LOCAL search_path = pg_catalog, pg_temp",
        // The planner overestimates catalogue joins and would compile for longer than they run.
        "SET LOCAL jit = off",
        // Migrating waits for others, but others wait behind it meanwhile.
        setting("lock_timeout", "10s"),
        setting("statement_timeout", "5min"),
        setting("lintas.report", ""),
        setting("lintas.schemas", boost::json::serialize(schemas)),
        setting("lintas.publication", options.publication),
        setting("lintas.grant_to", options.grant_to),
        fmt::format(kGuard, fmt::arg("lock", kAdvisoryLock)),
        fmt::format(kTables, fmt::arg("version", kSchemaVersion)),
        fmt::format(kFunctions, fmt::arg("candidates", candidates_query("schemas"))),
        std::string{kEventTriggers},
        std::string{kPublication},
    };
    if (!options.grant_to.empty()) out.emplace_back(kGrant);
    out.emplace_back(kReport);
    out.emplace_back("COMMIT");
    return out;
}

std::string script(const ScriptOptions& options) {
    std::string text =
        "-- Schema lintas, its event triggers and its publication; for psql -v ON_ERROR_STOP=1, as "
        "a "
        "superuser or the tables' owner.\n";
    for (const std::string& statement : statements(options)) text.append(statement).append(";\n");
    return text;
}

}  // namespace lintas::migrate
