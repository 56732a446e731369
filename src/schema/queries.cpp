#include "schema/queries.hpp"

namespace lintas::schema::queries {

// jit: the planner overestimates catalogue joins and would compile for longer than they run.
const char* const kSettings = R"sql(
SELECT pg_catalog.set_config('search_path', '', true),
       pg_catalog.set_config('jit', 'off', true),
       pg_catalog.set_config('statement_timeout', $1, true)
)sql";

const char* const kMissingSchemas = R"sql(
SELECT s.name
FROM json_array_elements_text($1::json) WITH ORDINALITY AS s(name, position)
WHERE NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = s.name)
ORDER BY s.position
)sql";

// - pg_relation_is_updatable() is asked of views and foreign tables only, and not of foreign tables
//   without a handler and views on them (`unhandled`), for which it raises an error.
// - A default is looked for in the column, its identity sequence, then its own domain: PostgreSQL
//   copies an inner domain's default when the outer one is created.
// - A type's input function is immutable unless it knows words such as 'today', or it looks into a
//   catalogue (enum) or at a style of output (interval); those two are constants as well.
// - A unique key promises that `key = value` finds at most one row. So: not-null plain columns,
//   checked at once, in use, no inheritance children (an index covers only its own table), the
//   type's own equality, and either the column's collation or one that cannot be laxer than the
//   column's.
const char* const kRelations = R"sql(
WITH RECURSIVE
exposed AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relhassubclass
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN (SELECT json_array_elements_text($1::json))
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
),
unhandled(oid) AS (
    SELECT t.ftrelid
    FROM pg_foreign_table t
    JOIN pg_foreign_server s ON s.oid = t.ftserver
    JOIN pg_foreign_data_wrapper f ON f.oid = s.srvfdw AND f.fdwhandler = 0
    UNION
    SELECT r.ev_class
    FROM unhandled u
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = u.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid
),
resolved_domain(oid, base, not_null) AS (
    SELECT t.oid, t.typbasetype, t.typnotnull FROM pg_type t WHERE t.typtype = 'd'
    UNION ALL
    SELECT r.oid, t.typbasetype, r.not_null OR t.typnotnull
    FROM resolved_domain r JOIN pg_type t ON t.oid = r.base AND t.typtype = 'd'
),
domain_base AS (
    SELECT r.oid, max(r.base) FILTER (WHERE b.typtype <> 'd') AS base, bool_or(r.not_null) AS not_null
    FROM resolved_domain r JOIN pg_type b ON b.oid = r.base
    GROUP BY r.oid
),
identity_sequence AS (
    SELECT d.refobjid AS relation, d.refobjsubid AS attnum, format('%I.%I', n.nspname, s.relname) AS name
    FROM pg_depend d
    JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace n ON n.oid = s.relnamespace
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
),
columns AS (
    SELECT a.attrelid AS oid, json_agg(json_build_array(
               a.attname,
               format_type(a.atttypid, a.atttypmod),
               NOT (a.attnotnull OR coalesce(b.not_null, false)),
               coalesce(b.base, a.atttypid) IN ('json'::regtype, 'jsonb'::regtype),
               coalesce(b.base, a.atttypid) = 'tsvector'::regtype,
               a.attgenerated <> '',
               CASE WHEN coalesce(b.base, a.atttypid) IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'i'
                    WHEN coalesce(b.base, a.atttypid) = 'uuid'::regtype THEN 'u'
                    WHEN coalesce(b.base, a.atttypid) IN ('text'::regtype, 'varchar'::regtype)
                         AND l.collisdeterministic THEN 't'
                    ELSE 'o' END,
               NOT (s.typtype = 'e' OR s.oid = 'interval'::regtype OR (s.typtype = 'b' AND i.provolatile = 'i')),
               CASE WHEN a.attgenerated <> '' THEN NULL
                    WHEN a.attidentity <> '' THEN format('nextval(%L::regclass)', q.name)
                    WHEN d.adbin IS NOT NULL THEN pg_get_expr(d.adbin, d.adrelid)
                    WHEN t.typtype = 'd' THEN pg_get_expr(t.typdefaultbin, 0)
               END) ORDER BY a.attnum) AS list
    FROM pg_attribute a
    JOIN exposed e ON e.oid = a.attrelid
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN domain_base b ON b.oid = a.atttypid
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    LEFT JOIN pg_type base ON base.oid = coalesce(b.base, a.atttypid)
    LEFT JOIN pg_type element ON element.oid = base.typelem AND base.typcategory = 'A'
    LEFT JOIN domain_base eb ON eb.oid = element.oid
    LEFT JOIN pg_type s ON s.oid = coalesce(eb.base, element.oid, base.oid)
    LEFT JOIN pg_proc i ON i.oid = s.typinput
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN identity_sequence q ON a.attidentity <> '' AND q.relation = a.attrelid AND q.attnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
    GROUP BY a.attrelid
),
index_columns AS (
    SELECT i.indrelid, i.indexrelid, i.indisprimary,
           i.indimmediate AND i.indpred IS NULL
               AND NOT (e.relkind = 'r' AND e.relhassubclass
                        AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = e.oid))
               AND bool_and(a.attnum IS NOT NULL AND a.attnotnull AND o.opcdefault
                            AND (a.attcollation = k.collation OR coalesce(l.collisdeterministic, true)))
               AS is_key,
           json_agg(a.attname ORDER BY k.position) AS list
    FROM pg_index i
    JOIN exposed e ON e.oid = i.indrelid
    CROSS JOIN LATERAL (
        SELECT s.i + 1 AS position, i.indkey[s.i] AS attnum, i.indclass[s.i] AS class, i.indcollation[s.i] AS collation
        FROM generate_series(0, i.indnkeyatts - 1) AS s(i)) k
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    JOIN pg_opclass o ON o.oid = k.class
    WHERE i.indisunique AND i.indisvalid AND i.indisready AND i.indislive
    GROUP BY i.indrelid, i.indexrelid, i.indisprimary, i.indimmediate, i.indpred, e.oid, e.relkind, e.relhassubclass
),
keys AS (
    SELECT indrelid AS oid,
           (json_agg(list) FILTER (WHERE indisprimary)) -> 0 AS primary_key,
           json_agg(list ORDER BY indisprimary DESC, indexrelid) FILTER (WHERE is_key) AS unique_keys
    FROM index_columns
    GROUP BY indrelid
)
SELECT e.oid, e.nspname, e.relname, e.relkind,
       e.relkind IN ('r', 'p') OR w.events & 8 <> 0,
       e.relkind IN ('r', 'p') OR w.events & 4 <> 0,
       e.relkind IN ('r', 'p') OR w.events & 16 <> 0,
       coalesce(c.list, '[]'),
       coalesce(k.primary_key, '[]'),
       coalesce(k.unique_keys, '[]'),
       e.relkind IN ('v', 'p', 'f') OR e.relhassubclass
           OR EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = e.oid AND NOT g.tgisinternal)
           OR EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = e.oid)
           OR EXISTS (SELECT FROM pg_class s WHERE s.oid = e.oid AND s.relrowsecurity)
           OR EXISTS (SELECT FROM pg_attrdef a
                      JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
                      WHERE a.adrelid = e.oid AND d.refclassid = 'pg_proc'::regclass)
           OR EXISTS (SELECT FROM pg_constraint k
                      JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = k.oid
                      WHERE k.conrelid = e.oid AND d.refclassid = 'pg_proc'::regclass),
       EXISTS (SELECT FROM pg_constraint k
               WHERE k.confrelid = e.oid AND k.contype = 'f'
                 AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))),
       (e.relhassubclass AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = e.oid))
           OR EXISTS (SELECT FROM pg_class s JOIN pg_policy y ON y.polrelid = s.oid
                      WHERE s.oid = e.oid AND s.relrowsecurity AND strpos(y.polqual::text, '{QUERY ') > 0)
FROM exposed e
LEFT JOIN columns c ON c.oid = e.oid
LEFT JOIN keys k ON k.oid = e.oid
CROSS JOIN LATERAL (
    SELECT CASE WHEN e.relkind IN ('v', 'f') AND e.oid NOT IN (SELECT u.oid FROM unhandled u)
                THEN pg_relation_is_updatable(e.oid, true)
                ELSE 0 END AS events) w
ORDER BY e.nspname, e.relname
)sql";

// A view passes a key on when each row of one relation appears in it at most once: one query, one
// FROM item, no grouping, no set-returning select list. Each target entry of the stored tree names
// the column it copies (resorigtbl, resorigcol); chains of such views are followed down to the
// table.
const char* const kViewKeys = R"sql(
WITH RECURSIVE
simple AS MATERIALIZED (
    SELECT r.ev_class AS oid, r.ev_action::text AS body
    FROM pg_rewrite r
    JOIN pg_class c ON c.oid = r.ev_class AND c.relkind = 'v'
    WHERE r.ev_type = '1' AND c.oid >= 16384
),
copies AS MATERIALIZED (
    SELECT s.oid, split_part(entry.text, ' ', 1)::smallint AS attnum,
           entry.fields[3]::oid AS source, entry.fields[5]::smallint AS source_attnum
    FROM simple s
    CROSS JOIN LATERAL (
        SELECT part.text, string_to_array(left(split_part(part.text, ' :ressortgroupref ', 2), 100), ' ') AS fields
        FROM unnest(string_to_array(s.body, ' :resno ')) AS part(text)
        WHERE part.text ~ '^[1-9][0-9]* ') entry
    WHERE s.body NOT LIKE '%{QUERY %{QUERY %'
      AND s.body LIKE '%{RANGETBLREF %' AND s.body NOT LIKE '%{RANGETBLREF %{RANGETBLREF %'
      AND s.body NOT LIKE '%{JOINEXPR %'
      AND s.body LIKE '%:hasAggs false %' AND s.body LIKE '%:hasTargetSRFs false %'
      AND s.body LIKE '%:groupClause <> %' AND s.body LIKE '%:groupingSets <> %'
      AND s.body LIKE '%:distinctClause <> %' AND s.body LIKE '%:setOperations <> %'
      AND entry.fields[2] = ':resorigtbl' AND entry.fields[3] ~ '^[1-9][0-9]*$'
      AND entry.fields[4] = ':resorigcol' AND entry.fields[5] ~ '^[1-9][0-9]*$'
      AND entry.fields[6] = ':resjunk' AND entry.fields[7] LIKE 'false%'
),
traced(oid, attnum, source, source_attnum) AS (
    SELECT oid, attnum, source, source_attnum FROM copies
    UNION ALL
    SELECT t.oid, t.attnum, c.source, c.source_attnum
    FROM traced t JOIN copies c ON c.oid = t.source AND c.attnum = t.source_attnum
),
key_column AS (
    SELECT i.indrelid AS source, k.position, k.attnum, i.indnkeyatts
    FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(attnum, position)
    WHERE i.indisprimary AND i.indisvalid AND k.position <= i.indnkeyatts
),
view_key AS (
    SELECT t.oid, k.source, k.position, k.indnkeyatts, min(t.attnum) AS attnum
    FROM traced t JOIN key_column k ON k.source = t.source AND k.attnum = t.source_attnum
    GROUP BY t.oid, k.source, k.position, k.indnkeyatts
)
SELECT v.oid, json_agg(a.attname ORDER BY v.position)
FROM view_key v
JOIN pg_class c ON c.oid = v.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum = v.attnum
WHERE n.nspname IN (SELECT json_array_elements_text($1::json))
GROUP BY v.oid, v.source, v.indnkeyatts
HAVING count(*) = v.indnkeyatts
)sql";

// Not callable by a request and so not a function to it: procedures, aggregates, window functions,
// triggers, and unnamed parameters but for one that takes the whole body.
const char* const kFunctions = R"sql(
SELECT n.nspname, p.proname,
       CASE WHEN bool_or(p.provolatile = 'v') THEN 'v' WHEN bool_or(p.provolatile = 's') THEN 's' ELSE 'i' END
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE coalesce(p.proargnames[a.i], '') = '') AS unnamed
    FROM generate_series(1, coalesce(cardinality(p.proallargtypes), p.pronargs)) AS a(i)
    WHERE p.proargmodes IS NULL OR p.proargmodes[a.i] IN ('i', 'b', 'v')) inputs
WHERE n.nspname IN (SELECT json_array_elements_text($1::json))
  AND p.prokind = 'f'
  AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
  AND (inputs.unnamed = 0
       OR (p.pronargs = 1 AND p.proargtypes[0] IN ('json'::regtype, 'jsonb'::regtype, 'text'::regtype,
                                                   'xml'::regtype, 'bytea'::regtype)))
GROUP BY n.nspname, p.proname
ORDER BY n.nspname, p.proname
)sql";

// The session's user sets them before it becomes the role, so only what it may set itself:
// user-context settings, those granted to it, and custom ones (dotted names the server does not
// know). Left out is what the request or the driver owns: search_path, the role, transaction modes,
// and the two that would change how this connection's bytes are read.
std::string roles(int server_version) {
    std::string text = R"sql(
SELECT r.rolname,
       coalesce((
           SELECT json_agg(json_build_array(s.name, s.value) ORDER BY s.position)
           FROM settings s
           LEFT JOIN pg_settings p ON lower(p.name) = lower(s.name)
           WHERE s.oid = r.oid
             AND CASE WHEN p.name IS NULL THEN s.name LIKE '%.%'
                      ELSE p.context = 'user')sql";
    if (server_version >= 150000)
        text += " OR has_parameter_privilege(session_user, p.name, 'SET')";
    text += R"sql( END
             AND lower(s.name) NOT IN ('search_path', 'role', 'session_authorization', 'client_encoding',
                                       'standard_conforming_strings', 'default_transaction_isolation',
                                       'transaction_isolation', 'transaction_read_only',
                                       'transaction_deferrable')), '[]'),
       (SELECT lower(s.value) FROM settings s
        WHERE s.oid = r.oid AND s.name = 'default_transaction_isolation')
FROM pg_roles r
WHERE pg_has_role(session_user, r.oid, 'MEMBER')
ORDER BY r.rolname
)sql";
    return R"sql(
WITH settings AS (
    SELECT r.oid, s.position, split_part(s.pair, '=', 1) AS name, substr(s.pair, strpos(s.pair, '=') + 1) AS value
    FROM pg_roles r CROSS JOIN LATERAL unnest(r.rolconfig) WITH ORDINALITY AS s(pair, position)
))sql" + text;
}

}  // namespace lintas::schema::queries
