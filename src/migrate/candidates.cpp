#include "migrate/candidates.hpp"

namespace lintas::migrate {

namespace {

// Reached is what the exposed relations read, through views of any depth, row-level policies, SQL
// bodies of functions, and children by inheritance.
//
// A partitioned table is published whole, without a column list, and not through its root:
// PostgreSQL 15 allows a column list on it only with publish_via_partition_root, and with that the
// TRUNCATE of a single partition is not sent at all. What is sent carries the partition's oid.
//
// An UPDATE or DELETE of a published table fails unless its replica identity works: a deferrable
// primary key does not, nor does USING INDEX after that index was dropped. A table for which it
// would fail is never a candidate. With USING INDEX the list holds the identity's columns too,
// since PostgreSQL refuses an UPDATE otherwise; with FULL it would have to hold every column, so
// there is none.
constexpr std::string_view kBefore = R"sql(
WITH RECURSIVE reached(class, id) AS (
    SELECT 'pg_class'::regclass::oid, c.oid
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY ()sql";

constexpr std::string_view kAfter = R"sql() AND c.relkind IN ('r', 'p', 'v', 'f')
    UNION
    SELECT next.class, next.id
    FROM reached r CROSS JOIN LATERAL (
        SELECT d.refclassid, d.refobjid
        FROM pg_rewrite w
        JOIN pg_class v ON v.oid = w.ev_class AND v.relkind = 'v'
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
        WHERE r.class = 'pg_class'::regclass AND w.ev_class = r.id AND w.ev_type = '1'
        UNION ALL
        SELECT d.refclassid, d.refobjid
        FROM pg_policy p
        JOIN pg_class t ON t.oid = p.polrelid AND t.relrowsecurity
        JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
        WHERE r.class = 'pg_class'::regclass AND p.polrelid = r.id
        UNION ALL
        SELECT d.refclassid, d.refobjid
        FROM pg_depend d
        WHERE r.class = 'pg_proc'::regclass AND d.classid = 'pg_proc'::regclass AND d.objid = r.id
        UNION ALL
        SELECT 'pg_class'::regclass::oid, i.inhrelid
        FROM pg_inherits i
        WHERE r.class = 'pg_class'::regclass AND i.inhparent = r.id) AS next(class, id)
    WHERE next.class IN ('pg_class'::regclass, 'pg_proc'::regclass) AND next.id >= 16384
),
roots AS (
    SELECT DISTINCT coalesce(pg_partition_root(c.oid), c.oid)::oid AS root
    FROM reached r JOIN pg_class c ON c.oid = r.id
    WHERE r.class = 'pg_class'::regclass AND c.relkind IN ('r', 'p', 'f')
),
members AS (
    SELECT r.root, r.root AS relation FROM roots r
    UNION
    SELECT r.root, t.relid::oid
    FROM roots r
    JOIN pg_class c ON c.oid = r.root AND c.relkind = 'p'
    CROSS JOIN LATERAL pg_partition_tree(r.root) t
),
keys AS (
    SELECT i.indrelid, i.indisprimary, i.indisreplident,
           array_agg(a.attname::text ORDER BY k.position) AS list,
           bool_or(a.attgenerated <> '') AS generated
    FROM pg_index i
    CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS k(position)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.position]
    WHERE (i.indisprimary OR i.indisreplident) AND i.indisvalid AND i.indimmediate
      AND i.indrelid IN (SELECT m.relation FROM members m)
    GROUP BY i.indexrelid, i.indrelid, i.indisprimary, i.indisreplident
),
facts AS (
    SELECT m.root, m.relation, c.relkind, c.relreplident, p.list AS key_columns, i.list AS identity,
           format('%I.%I', n.nspname, c.relname) AS name,
           CASE
               WHEN c.relkind = 'f' THEN 'it is a foreign table, whose changes pass by this server'
               WHEN c.relpersistence = 'u' THEN 'it is unlogged, so its changes are in no feed'
               WHEN c.relpersistence = 't' THEN 'it is temporary'
               WHEN p.list IS NULL AND EXISTS (
                       SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisprimary)
                   THEN 'its primary key is deferrable or not valid, so it cannot identify rows'
               WHEN p.list IS NULL THEN 'it has no primary key'
               WHEN p.generated OR (c.relreplident = 'i' AND i.generated)
                   THEN 'its key holds a generated column, which PostgreSQL does not publish'
               WHEN c.relkind = 'r' AND c.relreplident = 'n'
                   THEN 'it has REPLICA IDENTITY NOTHING, so publishing it would make its UPDATE and DELETE fail'
               WHEN c.relkind = 'r' AND c.relreplident = 'i' AND i.list IS NULL
                   THEN 'the index of its REPLICA IDENTITY is gone, so publishing it would make its UPDATE and DELETE fail'
           END AS why_not
    FROM members m
    JOIN pg_class c ON c.oid = m.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN keys p ON p.indrelid = c.oid AND p.indisprimary
    LEFT JOIN keys i ON i.indrelid = c.oid AND i.indisreplident
),
verdicts AS (
    SELECT f.root,
           (array_agg(CASE WHEN f.relation = f.root THEN f.why_not
                           ELSE format('as to its partition %s, %s', f.name, f.why_not) END
                      ORDER BY f.relation <> f.root, f.name) FILTER (WHERE f.why_not IS NOT NULL))[1] AS why_not
    FROM facts f
    GROUP BY f.root
)
SELECT f.relation, f.root, f.name, r.key_columns,
       CASE WHEN r.relkind = 'r' AND r.relreplident = 'i'
            THEN ARRAY(SELECT u.name FROM unnest(r.key_columns || r.identity) WITH ORDINALITY AS u(name, position)
                       GROUP BY u.name ORDER BY min(u.position))
            WHEN r.relkind = 'r' AND r.relreplident <> 'f' THEN r.key_columns
       END AS column_list,
       v.why_not
FROM facts f
JOIN facts r ON r.relation = f.root
JOIN verdicts v ON v.root = f.root
ORDER BY r.name, f.relation <> f.root, f.name
)sql";

}  // namespace

std::string candidates_query(std::string_view schemas) {
    return std::string{kBefore}.append(schemas).append(kAfter);
}

}  // namespace lintas::migrate
