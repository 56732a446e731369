#include "feed/tables.hpp"

#include <algorithm>
#include <charconv>

#include "postgres/rows.hpp"

namespace lintas::feed {

namespace {

template <class T>
T number(std::optional<std::string_view> digits) {
    T value{};
    if (digits) std::from_chars(digits->data(), digits->data() + digits->size(), value);
    return value;
}

bool same_shape(const PublishedTable& a, const PublishedTable& b) {
    return a.oid == b.oid && a.root == b.root && a.key == b.key;
}

constexpr const char* kPublication = R"sql(
SELECT p.oid IS NOT NULL,
       coalesce(p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate, false),
       coalesce(p.pubviaroot, false),
       (SELECT count(*) = 2 FROM pg_event_trigger
        WHERE evtname IN ('lintas_ddl', 'lintas_drop') AND evtenabled IN ('A', 'O')),
       (SELECT sum(pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid)
                   + pg_stat_get_tuples_deleted(c.oid))
        FROM pg_class c
        WHERE c.oid = ANY ('{pg_class,pg_attribute,pg_proc,pg_rewrite,pg_policy,pg_constraint,
                            pg_inherits,pg_publication_rel,pg_auth_members}'::regclass[]))
FROM (SELECT $1::text AS name) AS wanted
LEFT JOIN pg_publication p ON p.pubname = wanted.name
)sql";

// A deferrable key does not identify rows. Never-analysed tables have reltuples -1, so the
// statistics count as well. Nothing here locks a table (pg_relation_size() and pg_partition_tree()
// would): an ALTER TABLE that takes an hour must not stop the feed.
constexpr const char* kTables = R"sql(
WITH RECURSIVE published AS (
    SELECT t.relid AS oid, t.qual IS NULL AS whole
    FROM pg_publication p CROSS JOIN LATERAL pg_get_publication_tables(p.pubname) t
    WHERE p.pubname = $1
),
members AS (
    SELECT p.oid, coalesce(pg_partition_root(p.oid), p.oid)::oid AS root, p.whole FROM published p
),
tree(root, oid) AS (
    SELECT m.root, m.root FROM members m
    UNION
    SELECT t.root, h.inhrelid
    FROM tree t JOIN pg_inherits h ON h.inhparent = t.oid
    JOIN pg_class c ON c.oid = h.inhrelid AND c.relispartition
),
roots AS (
    SELECT m.root FROM members m
    GROUP BY m.root
    HAVING bool_and(m.whole) AND NOT EXISTS (
        SELECT FROM tree t JOIN pg_class c ON c.oid = t.oid
        WHERE t.root = m.root AND c.relkind <> 'p' AND t.oid NOT IN (SELECT p.oid FROM published p))
)
SELECT m.oid, m.root, greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)::bigint, k.position,
       a.attname
FROM members m
JOIN roots r ON r.root = m.root
JOIN pg_class c ON c.oid = m.oid
LEFT JOIN pg_index i ON i.indrelid = m.root AND i.indisprimary AND i.indisvalid AND i.indimmediate
LEFT JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS k(position) ON true
LEFT JOIN pg_attribute a ON a.attrelid = m.root AND a.attnum = i.indkey[k.position]
UNION ALL
SELECT c.oid, c.oid, 0, NULL, NULL FROM pg_class c
WHERE c.relkind = 'm' AND (SELECT count(*) = 2 FROM pg_event_trigger
    WHERE evtname IN ('lintas_ddl', 'lintas_drop') AND evtenabled IN ('A', 'O'))
ORDER BY 1, 4
)sql";

}  // namespace

std::vector<Statement> table_look_statements(const std::string& publication) {
    return {{"SELECT pg_current_snapshot()"},
            {kPublication, {publication}},
            {kTables, {publication}},
            {"SELECT pg_current_snapshot(), pg_current_wal_insert_lsn()"}};
}

Result<TableLook> decode_table_look(const std::vector<postgres::Rows>& results) {
    const auto unreadable = [] {
        return fail(Errc::internal, "the catalogue's list of published tables cannot be read");
    };
    if (results.size() != 4 || results[0].rows() != 1 || results[1].rows() != 1 ||
        results[3].rows() != 1 || results[1].columns() != 5 || results[2].columns() != 5) {
        return unreadable();
    }
    TableLook look;
    const auto before = position::Snapshot::parse(results[0].at(0, 0).value_or(""));
    const auto after = position::Snapshot::parse(results[3].at(0, 0).value_or(""));
    const auto insert = position::parse_lsn(results[3].at(0, 1).value_or(""));
    if (!before || !after || !insert) return unreadable();
    look.before = *before;
    look.after = *after;
    look.insert = *insert;
    const postgres::Rows& publication = results[1];
    look.publication_exists = publication.at(0, 0) == "t";
    look.publishes_everything = publication.at(0, 1) == "t";
    look.via_root = publication.at(0, 2) == "t";
    look.has_triggers = publication.at(0, 3) == "t";
    look.fingerprint = number<std::uint64_t>(publication.at(0, 4));
    const postgres::Rows& rows = results[2];
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        const auto oid = number<std::uint32_t>(rows.at(i, 0));
        if (look.tables.empty() || look.tables.back().oid != oid) {
            look.tables.push_back({oid, number<std::uint32_t>(rows.at(i, 1)),
                                   static_cast<double>(number<std::int64_t>(rows.at(i, 2)))});
        }
        const std::optional<std::string_view> column = rows.at(i, 4);
        if (column) look.tables.back().key.emplace_back(*column);
    }
    return look;
}

TableBook::Taken TableBook::take(const TableLook& look) {
    Taken taken;
    std::map<std::uint32_t, PublishedTable> tables;
    std::map<std::uint32_t, double> roots;
    for (const PublishedTable& table : look.tables) {
        tables.emplace(table.oid, table);
        roots[table.root] += table.rows;
    }
    for (const auto& [oid, table] : tables_) {
        if (!followed_.contains(table.root)) continue;
        const auto now = tables.find(oid);
        if (now == tables.end() || !same_shape(now->second, table)) taken.changed = true;
    }
    std::map<std::uint32_t, std::uint64_t> pending;
    std::map<std::uint32_t, std::size_t> followed;
    for (const auto& [root, rows] : roots) {
        const std::size_t buckets = position::buckets_for(rows);
        const auto known = followed_.find(root);
        if (known != followed_.end()) {
            if (buckets > known->second) taken.followed = true;
            followed.emplace(root, std::max(buckets, known->second));
            continue;
        }
        const auto seen = pending_.find(root);
        const std::uint64_t from = seen == pending_.end() ? look.after.next() : seen->second;
        if (look.after.oldest_running() >= from) {
            followed.emplace(root, buckets);
            taken.followed = true;
        } else {
            pending.emplace(root, from);
        }
    }
    for (const auto& [oid, table] : tables) {
        // A partition more of a table that was followed: its rows may have come with it.
        if (followed_.contains(table.root) && !tables_.contains(oid)) taken.changed = true;
    }
    for (const auto& [root, buckets] : followed_) {
        if (!followed.contains(root)) taken.followed = true;
    }
    taken.pending = !pending.empty();
    tables_ = std::move(tables);
    followed_ = std::move(followed);
    pending_ = std::move(pending);
    return taken;
}

void TableBook::replace(std::vector<PublishedTable> tables) {
    clear();
    std::map<std::uint32_t, double> roots;
    for (PublishedTable& table : tables) {
        roots[table.root] += table.rows;
        const std::uint32_t oid = table.oid;
        tables_.insert_or_assign(oid, std::move(table));
    }
    for (const auto& [root, rows] : roots) followed_.emplace(root, position::buckets_for(rows));
}

const PublishedTable* TableBook::find(std::uint32_t oid) const {
    const auto found = tables_.find(oid);
    return found == tables_.end() ? nullptr : &found->second;
}

std::vector<position::Stamps::Table> TableBook::followed() const {
    std::map<std::uint32_t, double> roots;
    for (const auto& [oid, table] : tables_) {
        if (followed_.contains(table.root)) roots[table.root] += table.rows;
    }
    std::vector<position::Stamps::Table> list;
    list.reserve(roots.size());
    for (const auto& [root, rows] : roots) list.push_back({root, rows});
    return list;
}

std::vector<PublishedTable> TableBook::followed_members() const {
    std::vector<PublishedTable> list;
    for (const auto& [oid, table] : tables_) {
        if (followed_.contains(table.root)) list.push_back(table);
    }
    return list;
}

}  // namespace lintas::feed
