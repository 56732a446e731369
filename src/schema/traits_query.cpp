// The query that looks through views, policies and functions; the longest of queries.hpp.

#include "schema/queries.hpp"

namespace lintas::schema::queries {

// Views and policies are read as the stored trees that the server executes (pg_node_tree), not
// through pg_depend, which leaves out what is built in (set_config, random, pg_locks) by design. In
// a tree, blanks and braces within names are escaped, so a name cannot imitate a field; to find too
// much is harmless here.
//
// A function is volatile if it says so, or if what it calls is: the functions of an aggregate, of a
// SQL body's tree, and, since a string body is opaque, every function whose name is followed by "("
// in it, whatever its schema. A body with EXECUTE may call anything. Materialized views are stored
// rows: their own query does not run when they are read.
//
// What a cache must know (POSITIONS 7) is asked of the trees that run on a read (`on_read`):
// - Immutable functions are believed. Of the stable ones, those of `known` depend on nothing but
//   their arguments and settings that are part of every cache key (role, time zone, schema); not
//   among them is what reads the clock, the catalogues, or text into dates ('today'). age(x),
//   timetz(time) and timezone(text, timetz) look at the clock behind names that are harmless
//   otherwise.
// - An aggregate is what its functions are.
// - Any other stable function may read tables that nobody sees. The exception is `helper`, the
// usual
//   way for policies to name their user: a SQL function without parameters that reads no table, and
//   calls only what is harmless and current_setting() of claims.
// - current_setting() is found in the tree as 2077 or 3294 with a constant of the bytes
//   "request.jwt.claim…" or "role".
// - SQLValueFunction 0 to 8 are the clock, 9 to 11 the role. A cast by input function (CoerceViaIO
//   is the only node in which resultcollid follows resulttype) reads the clock if the type's input
//   does; so may the columns of XMLTABLE and of the JSON functions with RETURNING.
//
// `definition` changes with whatever an answer's text depends on and no row: trees, policies'
// roles, functions' bodies, labels of enums, composite types, casts (to_json uses a cast to json).
const char* const kTraits = R"sql(
WITH RECURSIVE
exposed AS (
    SELECT c.oid
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN (SELECT json_array_elements_text($1::json))
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
),
tree AS NOT MATERIALIZED (
    SELECT c.oid, true AS on_read, r.ev_action::text AS body, '' AS label
    FROM pg_class c JOIN pg_rewrite r ON r.ev_class = c.oid AND r.ev_type = '1'
    WHERE c.relkind = 'v'
    UNION ALL
    SELECT c.oid, part.on_read AND p.polcmd IN ('r', '*'), part.body,
           concat(part.on_read, p.polcmd, p.polpermissive, p.polroles::text, c.relforcerowsecurity)
    FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid
    CROSS JOIN LATERAL (VALUES (true, concat(p.polqual::text, ' ')),
                               (false, concat(p.polwithcheck::text, ' '))) AS part(on_read, body)
    WHERE c.relrowsecurity
),
reached(oid) AS (
    SELECT oid FROM exposed
    UNION
    SELECT split_part(part.text, ' ', 1)::oid
    FROM reached r JOIN tree t ON t.oid = r.oid
    CROSS JOIN LATERAL unnest(string_to_array(t.body, ' :relid ')) AS part(text)
    WHERE part.text ~ '^[1-9][0-9]* '
),
reached_tree AS MATERIALIZED (
    SELECT t.* FROM reached r JOIN tree t ON t.oid = r.oid
),
reads AS MATERIALIZED (
    SELECT DISTINCT t.oid, split_part(part.text, ' ', 1)::oid AS other
    FROM reached_tree t CROSS JOIN LATERAL unnest(string_to_array(t.body, ' :relid ')) AS part(text)
    WHERE part.text ~ '^[1-9][0-9]* '
),
through(oid, other) AS (
    SELECT oid, oid FROM exposed
    UNION
    SELECT t.oid, r.other FROM through t JOIN reads r ON r.oid = t.other
),
calls AS MATERIALIZED (
    SELECT f.oid, f.function, bool_or(f.on_read) AS on_read
    FROM (
        SELECT t.oid, t.on_read, split_part(part.text, ' ', 1)::oid AS function
        FROM reached_tree t
        CROSS JOIN unnest(ARRAY[' :funcid ', ' :opfuncid ', ' :aggfnoid ', ' :winfnoid ', ' :tsmhandler ']) AS field(name)
        CROSS JOIN LATERAL unnest(string_to_array(t.body, field.name)) AS part(text)
        WHERE part.text ~ '^[1-9][0-9]* '
        UNION ALL
        SELECT t.oid, t.on_read, o.oprcode::oid
        FROM reached_tree t
        CROSS JOIN LATERAL unnest(string_to_array(t.body, ' :opno ')) AS part(text)
        JOIN pg_operator o ON o.oid = CASE WHEN part.text ~ '^[1-9][0-9]* ' THEN split_part(part.text, ' ', 1)::oid END) f
    GROUP BY f.oid, f.function
),
called(start, function) AS (
    SELECT DISTINCT function, function FROM calls
    UNION
    SELECT c.start, next.function
    FROM called c
    JOIN pg_proc p ON p.oid = c.function
    JOIN pg_language l ON l.oid = p.prolang
    CROSS JOIN LATERAL (
        SELECT f.function::oid
        FROM pg_aggregate g
        CROSS JOIN LATERAL unnest(ARRAY[g.aggtransfn, g.aggfinalfn, g.aggmtransfn, g.aggmfinalfn]) AS f(function)
        WHERE p.prokind IN ('a', 'w') AND g.aggfnoid = p.oid AND f.function::oid <> 0
        UNION ALL
        SELECT m[1]::oid
        FROM regexp_matches(CASE WHEN l.lanname = 'sql' THEN to_jsonb(p) ->> 'prosqlbody' END,
                            ':(?:funcid|opfuncid|aggfnoid|winfnoid) ([1-9][0-9]*)', 'g') m
        UNION ALL
        SELECT f.oid
        FROM regexp_matches(CASE WHEN l.lanname NOT IN ('internal', 'c') THEN p.prosrc END,
                            '([[:alpha:]_][[:alnum:]_$]*)"?\s*\(', 'g') m
        JOIN pg_proc f ON f.proname IN (m[1]::name, lower(m[1])::name)
        WHERE f.provolatile = 'v' OR f.oid >= 16384
    ) next
    WHERE p.provolatile <> 'v'
),
volatile_start AS (
    SELECT DISTINCT c.start
    FROM called c
    JOIN pg_proc p ON p.oid = c.function
    JOIN pg_language l ON l.oid = p.prolang
    WHERE (p.prokind = 'f' AND p.provolatile = 'v')
       OR (l.lanname NOT IN ('internal', 'c') AND p.prosrc ~* '\mexecute\M')
),
is_volatile AS (
    SELECT DISTINCT c.oid FROM calls c JOIN volatile_start v ON v.start = c.function
),
known AS MATERIALIZED (
    SELECT p.oid, p.proname
    FROM pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 16384
      AND p.proname = ANY (string_to_array(
          'age anytextcat array_to_json array_to_string concat concat_ws convert convert_from convert_to '
          'current_database current_schema date date_cmp_timestamptz date_eq_timestamptz date_ge_timestamptz '
          'date_gt_timestamptz date_le_timestamptz date_lt_timestamptz date_ne_timestamptz date_part date_trunc '
          'enum_first enum_last enum_range extract format generate_series in_range interval_pl_timestamptz '
          'json_agg_transfn json_build_array json_build_object json_object_agg_transfn jsonb_agg_finalfn '
          'jsonb_agg_transfn jsonb_build_array jsonb_build_object jsonb_object_agg_finalfn '
          'jsonb_object_agg_transfn jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz '
          'jsonb_path_query_first_tz jsonb_path_query_tz length make_timestamptz overlaps quote_literal '
          'quote_nullable row_to_json textanycat time timestamp timestamp_cmp_timestamptz '
          'timestamp_eq_timestamptz timestamp_ge_timestamptz timestamp_gt_timestamptz timestamp_le_timestamptz '
          'timestamp_lt_timestamptz timestamp_ne_timestamptz timestamptz timestamptz_cmp_date '
          'timestamptz_cmp_timestamp timestamptz_eq_date timestamptz_eq_timestamp timestamptz_ge_date '
          'timestamptz_ge_timestamp timestamptz_gt_date timestamptz_gt_timestamp timestamptz_le_date '
          'timestamptz_le_timestamp timestamptz_lt_date timestamptz_lt_timestamp timestamptz_mi_interval '
          'timestamptz_ne_date timestamptz_ne_timestamp timestamptz_pl_interval timetz timezone to_char to_date '
          'to_json to_jsonb to_number to_timestamp', ' ')::name[])
      AND p.provolatile = 's'
      AND NOT (p.proname = 'age' AND p.pronargs = 1)
      AND NOT (p.proname = 'timetz' AND p.proargtypes[0] = 'time'::regtype)
      AND NOT (p.proname = 'timezone' AND 'timetz'::regtype = ANY (p.proargtypes::oid[]))
),
candidate AS MATERIALIZED (
    SELECT p.oid, p.proname,
           regexp_replace(lower(p.prosrc),
               '\mcurrent_setting\s*\(\s*''(request\.jwt\.claims?(\.[a-z0-9_.]+)?|role)''\s*(,\s*(true|false))?\s*\)',
               ' claim ', 'g') AS body
    FROM (SELECT DISTINCT function FROM called) c
    JOIN pg_proc p ON p.oid = c.function
    JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'sql'
    WHERE p.prokind = 'f' AND p.provolatile = 's' AND p.pronargs = 0 AND NOT p.proretset AND p.prosrc <> ''
),
without_tables AS MATERIALIZED (
    SELECT c.oid, c.proname, c.body
    FROM candidate c
    WHERE c.body !~ ('"|\)\s*\.|\m(e|u&|b|x)''|\m('
                     'from|join|table|with|execute|copy|call|do|into|using|insert|update|delete|merge|values|now|'
                     'today|tomorrow|yesterday|current_date|current_time|current_timestamp|localtime|localtimestamp|'
                     'date|time|timetz|timestamp|timestamptz|current_setting|reg[a-z]+)\M')
),
helper_call AS MATERIALIZED (
    SELECT DISTINCT w.oid, f.oid AS function,
           (f.oid < 16384 AND f.provolatile = 'i') OR f.oid IN (SELECT k.oid FROM known k) AS harmless
    FROM without_tables w
    CROSS JOIN LATERAL regexp_matches(w.body, '([[:alpha:]_][[:alnum:]_$]*)\s*\(', 'g') m
    JOIN pg_proc f ON f.proname = m[1]::name
),
plain_helper AS MATERIALIZED (
    SELECT w.oid FROM without_tables w
    WHERE NOT EXISTS (SELECT FROM helper_call h WHERE h.oid = w.oid AND NOT h.harmless)
),
helper AS MATERIALIZED (
    SELECT w.oid FROM without_tables w
    WHERE NOT EXISTS (SELECT FROM helper_call h
                      WHERE h.oid = w.oid AND NOT h.harmless AND h.function NOT IN (SELECT oid FROM plain_helper))
),
run AS (
    SELECT c.oid, c.function FROM calls c WHERE c.on_read
    UNION
    SELECT c.oid, f.function::oid
    FROM calls c
    JOIN pg_aggregate g ON g.aggfnoid = c.function
    CROSS JOIN LATERAL unnest(ARRAY[g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggmtransfn, g.aggminvtransfn,
                                    g.aggmfinalfn]) AS f(function)
    WHERE c.on_read
),
unknown_call AS MATERIALIZED (
    SELECT r.oid, min(format('%I.%I', n.nspname, p.proname)) AS name
    FROM run r
    JOIN pg_proc p ON p.oid = r.function
    JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.provolatile <> 'i' AND p.prokind <> 'a' AND p.oid NOT IN (2077, 3294)
      AND NOT EXISTS (SELECT FROM known k WHERE k.oid = p.oid)
      AND NOT EXISTS (SELECT FROM helper h WHERE h.oid = p.oid)
    GROUP BY r.oid
),
called_text AS MATERIALIZED (
    SELECT c.oid, string_agg(DISTINCT md5(concat_ws(' ', p.prosrc, to_jsonb(p) ->> 'prosqlbody', p.provolatile,
                                                    p.proconfig::text)), '') AS hash
    FROM calls c
    JOIN called d ON d.start = c.function
    JOIN pg_proc p ON p.oid = d.function AND p.oid >= 16384
    GROUP BY c.oid
),
clock_type AS MATERIALIZED (
    SELECT t.oid
    FROM pg_type t
    LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
    JOIN pg_type s ON s.oid = coalesce(e.oid, t.oid)
    LEFT JOIN pg_proc i ON i.oid = s.typinput
    WHERE NOT (s.typtype = 'e' OR s.oid = 'interval'::regtype OR (s.typtype = 'b' AND i.provolatile = 'i'))
),
tree_fact AS MATERIALIZED (
    SELECT t.oid,
           md5(string_agg(md5(concat(t.label, t.body)), '' ORDER BY md5(concat(t.label, t.body)))) AS hash,
           bool_or(has.settings OR (has.values AND t.body ~ '\{SQLVALUEFUNCTION :op (9|10|11) ')) AS claims,
           bool_or(t.on_read AND has.values AND t.body ~ '\{SQLVALUEFUNCTION :op [0-8] ') AS clock,
           bool_or(t.on_read AND has.settings AND EXISTS (
               SELECT FROM unnest(string_to_array(t.body, ' :funcid ')) AS part(text)
               WHERE part.text ~ '^(2077|3294) '
                 AND part.text !~ '^\d+ [^{}]*:args \(\{CONST [^{}]*:constvalue (\d+ \[ -?\d+ -?\d+ 0 0 114 101 113 117 101 115 116 46 106 119 116 46 99 108 97 105 109 |8 \[ -?\d+ 0 0 0 114 111 108 101 \])'
           )) AS setting,
           bool_or(t.on_read AND (has.columns OR (has.casts AND EXISTS (
               SELECT FROM regexp_matches(t.body, ':resulttype (\d+) :resultcollid ', 'g') m
               JOIN clock_type k ON k.oid = m[1]::oid)))) AS input
    FROM reached_tree t
    CROSS JOIN LATERAL (
        SELECT strpos(t.body, '{SQLVALUEFUNCTION ') > 0 AS values,
               strpos(t.body, ':funcid 2077 ') > 0 OR strpos(t.body, ':funcid 3294 ') > 0 AS settings,
               strpos(t.body, '{COERCEVIAIO ') > 0 AS casts,
               strpos(t.body, '{TABLEFUNC ') > 0 OR strpos(t.body, '{JSONEXPR ') > 0 AS columns) has
    GROUP BY t.oid
),
base AS MATERIALIZED (
    SELECT DISTINCT t.other AS oid FROM through t JOIN pg_class c ON c.oid = t.other AND c.relkind <> 'v'
),
below(top, oid) AS (
    SELECT oid, oid FROM base
    UNION
    SELECT b.top, h.inhrelid FROM below b JOIN pg_inherits h ON h.inhparent = b.oid
),
above(oid, top) AS (
    SELECT b.oid, b.oid FROM base b JOIN pg_class c ON c.oid = b.oid AND c.relispartition
    UNION
    SELECT a.oid, h.inhparent
    FROM above a JOIN pg_class c ON c.oid = a.top AND c.relispartition JOIN pg_inherits h ON h.inhrelid = a.top
),
base_fact AS MATERIALIZED (
    SELECT b.top AS oid,
           array_agg(DISTINCT CASE WHEN c.relispartition THEN coalesce(r.top, b.top) ELSE c.oid END) AS stamped,
           bool_or(c.relpersistence = 'u') AS unlogged,
           bool_or(c.relpersistence = 't') AS temporary,
           bool_or(c.relkind = 'f') AS is_foreign,
           bool_or(c.relkind = 'S') AS is_sequence,
           bool_or(c.relkind = 'm') AS materialized,
           bool_or(c.oid < 16384) AS is_system
    FROM below b
    JOIN pg_class c ON c.oid = b.oid
    LEFT JOIN (SELECT a.oid, a.top FROM above a JOIN pg_class c ON c.oid = a.top AND NOT c.relispartition) r
           ON r.oid = b.top
    GROUP BY b.top
),
stamped AS MATERIALIZED (
    SELECT t.oid, json_agg(DISTINCT s.oid::bigint ORDER BY s.oid::bigint) AS list
    FROM through t JOIN base_fact b ON b.oid = t.other CROSS JOIN LATERAL unnest(b.stamped) AS s(oid)
    GROUP BY t.oid
),
catalogue_output AS MATERIALIZED (
    SELECT DISTINCT a.attrelid AS oid
    FROM pg_attribute a
    JOIN exposed e ON e.oid = a.attrelid
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type s ON s.oid = CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem ELSE t.oid END
    JOIN pg_proc o ON o.oid = s.typoutput
    WHERE a.attnum > 0 AND NOT a.attisdropped
      AND o.provolatile <> 'i' AND s.typtype = 'b' AND s.typcategory NOT IN ('A', 'D', 'T')
),
shared AS MATERIALIZED (
    SELECT md5(concat(
               (SELECT string_agg(md5(concat_ws(' ', n.enumtypid, n.enumsortorder, n.enumlabel)), ''
                                  ORDER BY n.enumtypid, n.enumsortorder) FROM pg_enum n),
               (SELECT string_agg(md5(concat_ws(' ', a.attrelid, a.attnum, a.attname, a.atttypid, a.attisdropped)), ''
                                  ORDER BY a.attrelid, a.attnum)
                FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relkind = 'c'),
               (SELECT string_agg(md5(concat_ws(' ', c.castsource, c.casttarget, c.castfunc, p.prosrc)), '' ORDER BY c.oid)
                FROM pg_cast c LEFT JOIN pg_proc p ON p.oid = c.castfunc WHERE c.oid >= 16384))) AS hash,
           EXISTS (SELECT FROM pg_cast c JOIN pg_proc p ON p.oid = c.castfunc
                   WHERE c.oid >= 16384 AND c.casttarget = 'json'::regtype AND p.provolatile <> 'i') AS odd_cast
),
fact AS (
    SELECT t.oid,
           bool_or(c.relrowsecurity) AS row_security,
           bool_or(v.oid IS NOT NULL) AS has_volatile_parts,
           bool_or(b.unlogged) AS unlogged,
           bool_or(b.temporary) AS temporary,
           bool_or(b.is_foreign) AS is_foreign,
           bool_or(b.is_sequence) AS is_sequence,
           bool_or(b.materialized) AS materialized,
           bool_or(b.is_system) AS is_system,
           bool_or(f.claims OR h.oid IS NOT NULL) AS claims,
           bool_or(f.clock) AS clock,
           bool_or(f.setting) AS setting,
           bool_or(f.input) AS input,
           min(u.name) AS unknown_call,
           md5(string_agg(concat(t.other, f.hash, x.hash), ' ' ORDER BY t.other)) AS hash
    FROM through t
    JOIN pg_class c ON c.oid = t.other
    LEFT JOIN is_volatile v ON v.oid = t.other
    LEFT JOIN base_fact b ON b.oid = t.other
    LEFT JOIN tree_fact f ON f.oid = t.other
    LEFT JOIN unknown_call u ON u.oid = t.other
    LEFT JOIN called_text x ON x.oid = t.other
    LEFT JOIN (SELECT DISTINCT r.oid FROM run r JOIN helper h ON h.oid = r.function) h ON h.oid = t.other
    GROUP BY t.oid
)
SELECT f.oid, f.row_security, f.has_volatile_parts,
       coalesce(s.list, '[]'),
       coalesce(f.unlogged OR f.temporary OR f.is_foreign OR f.is_sequence, false),
       coalesce(f.materialized, false),
       f.row_security OR coalesce(f.claims, false),
       CASE WHEN f.is_foreign THEN 'reads a foreign table'
            WHEN f.temporary THEN 'reads a temporary table'
            WHEN f.unlogged THEN 'reads an unlogged table'
            WHEN f.is_sequence THEN 'reads a sequence'
            WHEN f.is_system THEN 'reads a system catalogue'
            WHEN f.clock THEN 'uses the current date or time'
            WHEN f.unknown_call IS NOT NULL THEN format('calls %s, which is not immutable', f.unknown_call)
            WHEN f.setting THEN 'reads a setting other than the claims of the request'
            WHEN f.has_volatile_parts THEN 'has volatile parts'
            WHEN f.input THEN 'casts text to a type whose values may mean the current date or time'
            WHEN o.oid IS NOT NULL THEN 'has a column whose text depends on a system catalogue'
            WHEN d.odd_cast THEN 'a cast to json in this database is not immutable' END,
       concat(f.hash, d.hash)
FROM fact f
CROSS JOIN shared d
LEFT JOIN stamped s ON s.oid = f.oid
LEFT JOIN catalogue_output o ON o.oid = f.oid
)sql";

}  // namespace lintas::schema::queries
