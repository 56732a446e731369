#include "migrate/preflight.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "migrate/candidates.hpp"
#include "sql/quote.hpp"

namespace lintas::migrate {

namespace {

namespace json = boost::json;

// On Amazon RDS the right to replicate is a role. The creation of a slot waits for every
// transaction of the whole server that has an id, so prepared ones of other databases count.
constexpr std::string_view kBefore = R"sql(
WITH candidates AS MATERIALIZED (
    SELECT c.*, p.oid IS NOT NULL AS is_published
    FROM ()sql";
constexpr std::string_view kAfter = R"sql() c
    LEFT JOIN pg_publication b ON b.pubname = $2
    LEFT JOIN pg_publication_rel p ON p.prpubid = b.oid AND p.prrelid = c.relation
    WHERE c.relation = c.root
),
prepared AS (
    SELECT gid, extract(epoch FROM now() - prepared)::bigint AS seconds
    FROM pg_prepared_xacts ORDER BY prepared LIMIT 1
),
slot AS (
    SELECT coalesce(plugin = 'pgoutput' AND database = current_database(), false) AS is_pgoutput,
           coalesce(wal_status = 'lost', false) AS is_lost
    FROM pg_replication_slots WHERE slot_name = $3
)
SELECT json_build_object(
    'user', current_user,
    'in_recovery', pg_is_in_recovery(),
    'wal_level', current_setting('wal_level'),
    'slot_wal_keep_mb', (SELECT nullif(setting::bigint, -1) FROM pg_settings WHERE name = 'max_slot_wal_keep_size'),
    'has_replication_right', (
        SELECT rolreplication OR rolsuper
               OR EXISTS (SELECT FROM pg_roles g WHERE g.rolname = 'rds_replication'
                          AND pg_has_role(current_user, g.oid, 'MEMBER'))
        FROM pg_roles WHERE rolname = current_user),
    'has_schema', EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                          WHERE n.nspname = 'lintas' AND c.relname = 'hub'),
    'has_publication', EXISTS (SELECT FROM pg_publication WHERE pubname = $2),
    'publishes_all_tables', EXISTS (SELECT FROM pg_publication WHERE pubname = $2 AND puballtables),
    'has_slot', EXISTS (SELECT FROM slot),
    'slot_is_pgoutput', coalesce((SELECT is_pgoutput FROM slot), true),
    'slot_lost', coalesce((SELECT is_lost FROM slot), false),
    'free_slots', current_setting('max_replication_slots')::bigint - (SELECT count(*) FROM pg_replication_slots),
    'oldest_prepared_seconds', (SELECT seconds FROM prepared),
    'oldest_prepared', (SELECT gid FROM prepared),
    'has_event_triggers', (SELECT count(*) = 2 FROM pg_event_trigger
                           WHERE evtname IN ('lintas_ddl', 'lintas_drop') AND evtenabled IN ('A', 'O')),
    'unpublishable', (SELECT coalesce(json_agg(json_build_array(t.name, t.why_not)), '[]')
                      FROM (SELECT name, why_not FROM candidates WHERE why_not IS NOT NULL AND NOT is_published
                            ORDER BY name LIMIT {most}) t),
    'unpublishable_count', (SELECT count(*) FROM candidates WHERE why_not IS NOT NULL AND NOT is_published),
    'unpublished', (SELECT coalesce(json_agg(t.name), '[]')
                    FROM (SELECT name FROM candidates WHERE why_not IS NULL AND NOT is_published
                          ORDER BY name LIMIT {most}) t),
    'unpublished_count', (SELECT count(*) FROM candidates WHERE why_not IS NULL AND NOT is_published))::text
)sql";

/// "a, b and 3 more"
std::string named(const std::vector<std::string>& names, std::int64_t count) {
    std::string out;
    for (const std::string& name : names) out.append(out.empty() ? "" : ", ").append(name);
    const std::int64_t more = count - static_cast<std::int64_t>(names.size());
    return more > 0 ? fmt::format("{} and {} more", out, more) : out;
}

std::string quoted(std::string_view name) {
    std::string out;
    sql::append_identifier(out, name);
    return out;
}

constexpr const char* kMigrate = "run lintas migrate";

PreflightFacts facts_of(const json::object& o) {
    const auto flag = [&](const char* name) { return o.at(name).as_bool(); };
    const auto count = [&](const char* name) { return o.at(name).as_int64(); };
    const auto text = [](const json::value& v) { return std::string{v.as_string()}; };
    const auto optional_count = [&](const char* name) {
        const json::value& v = o.at(name);
        return v.is_null() ? std::nullopt : std::optional{v.as_int64()};
    };
    PreflightFacts facts;
    facts.user = text(o.at("user"));
    facts.in_recovery = flag("in_recovery");
    facts.wal_level = text(o.at("wal_level"));
    facts.slot_wal_keep_mb = optional_count("slot_wal_keep_mb");
    facts.has_replication_right = flag("has_replication_right");
    facts.has_schema = flag("has_schema");
    facts.has_publication = flag("has_publication");
    facts.publishes_all_tables = flag("publishes_all_tables");
    facts.has_slot = flag("has_slot");
    facts.slot_is_pgoutput = flag("slot_is_pgoutput");
    facts.slot_lost = flag("slot_lost");
    facts.free_slots = count("free_slots");
    facts.oldest_prepared_seconds = optional_count("oldest_prepared_seconds");
    if (!o.at("oldest_prepared").is_null()) facts.oldest_prepared = text(o.at("oldest_prepared"));
    facts.has_event_triggers = flag("has_event_triggers");
    for (const json::value& pair : o.at("unpublishable").as_array()) {
        facts.unpublishable.push_back({text(pair.as_array().at(0)), text(pair.as_array().at(1))});
    }
    facts.unpublishable_count = count("unpublishable_count");
    for (const json::value& name : o.at("unpublished").as_array()) {
        facts.unpublished.push_back(text(name));
    }
    facts.unpublished_count = count("unpublished_count");
    return facts;
}

}  // namespace

std::vector<Statement> preflight_unit(const std::vector<std::string>& schemas,
                                      std::string_view publication, std::string_view slot) {
    std::string text = std::string{kBefore} + candidates_query("$1::text[]");
    text.append(fmt::format(kAfter, fmt::arg("most", kTablesMax)));
    std::vector<Statement> unit;
    unit.push_back({"BEGIN READ ONLY"});
    // The planner overestimates catalogue joins: compiling takes 100 times as long as running.
    unit.push_back({"SET LOCAL jit = off"});
    unit.push_back({std::move(text),
                    {sql::array_literal(schemas), std::string{publication}, std::string{slot}}});
    unit.push_back({"COMMIT"});
    return unit;
}

Result<PreflightFacts> decode_preflight(std::string_view text) {
    // as_*() and at() throw on what is not there: caught here, once, instead of asking 20 times.
    try {
        return facts_of(json::parse({text.data(), text.size()}).as_object());
    } catch (const std::exception& e) {
        return fail(Errc::internal, "the answer to the preflight query is not readable", e.what());
    }
}

std::vector<Finding> findings(const PreflightFacts& facts, std::string_view publication,
                              std::string_view slot) {
    std::vector<Finding> out;
    const auto add = [&](Severity severity, std::string sentence, std::string remedy) {
        out.push_back({severity, std::move(sentence), std::move(remedy)});
    };
    const auto blocks = [&](std::string sentence, std::string remedy) {
        add(Severity::blocks_feed, std::move(sentence), std::move(remedy));
    };
    if (facts.in_recovery) {
        blocks("the server of the feed is a standby, which has no changes of its own to send",
               "name the primary in database.feed.url");
    }
    if (facts.wal_level != "logical") {
        blocks(fmt::format("wal_level is {}; a feed needs logical", facts.wal_level),
               "ALTER SYSTEM SET wal_level = logical, and restart PostgreSQL");
    }
    if (!facts.slot_wal_keep_mb) {
        blocks(
            "max_slot_wal_keep_size is -1: if nobody reads the slot for long, it fills the "
            "primary's disk",
            "ALTER SYSTEM SET max_slot_wal_keep_size = '10GB', or what the disk can spare, and "
            "SELECT pg_reload_conf()");
    }
    if (!facts.has_replication_right) {
        blocks(fmt::format("the role {} has no right to replicate", facts.user),
               "ALTER ROLE " + quoted(facts.user) + " REPLICATION");
    }
    if (!facts.has_publication) {
        blocks(fmt::format("the publication {} does not exist", publication), kMigrate);
    } else if (facts.publishes_all_tables) {
        blocks(
            fmt::format("the publication {} is FOR ALL TABLES, so whoever made it sends whole rows "
                        "and makes UPDATE fail on tables without a replica identity",
                        publication),
            "name another one in database.feed.publication, and run lintas migrate");
    }
    if (facts.has_slot && !facts.slot_is_pgoutput) {
        blocks(fmt::format("the replication slot {} belongs to something else", slot),
               "name another one in database.feed.slot");
    }
    const bool creates_slot = !facts.has_slot || facts.slot_lost;
    if (!facts.has_slot && facts.free_slots < 1) {
        blocks("all replication slots of the server are taken",
               "raise max_replication_slots, and restart PostgreSQL");
    }
    if (creates_slot && facts.oldest_prepared_seconds.value_or(0) >= kOldPreparedSeconds) {
        blocks(fmt::format("the transaction \"{}\" has been prepared for {} s and not ended; the "
                           "replication slot cannot be created before it is",
                           facts.oldest_prepared, *facts.oldest_prepared_seconds),
               "COMMIT PREPARED or ROLLBACK PREPARED it");
    }
    const auto warns = [&](std::string sentence, std::string remedy) {
        add(Severity::warns, std::move(sentence), std::move(remedy));
    };
    if (facts.slot_lost) {
        warns(
            fmt::format("the replication slot {} has lost its WAL and is made anew: nothing cached "
                        "before that is served any more",
                        slot),
            "raise max_slot_wal_keep_size if it happens again");
    }
    if (!facts.has_schema) {
        warns(
            "the schema lintas is missing or incomplete, so other processes cannot find the one "
            "that reads the feed",
            kMigrate);
    }
    if (!facts.has_event_triggers) {
        warns(
            "the event triggers are missing: DDL is found by polling the catalogue, and "
            "materialized views are not cached",
            "run lintas migrate as a superuser");
    }
    for (const TableProblem& problem : facts.unpublishable) {
        warns(fmt::format("table {} is not in the feed: {}", problem.table, problem.why),
              "answers that read it are cached by age only until that changes and lintas migrate "
              "is run again");
    }
    if (const auto listed = static_cast<std::int64_t>(facts.unpublishable.size());
        facts.unpublishable_count > listed) {
        warns(fmt::format("{} more tables are not in the feed", facts.unpublishable_count - listed),
              "lintas migrate lists them all");
    }
    if (facts.unpublished_count > 0 && facts.has_publication && !facts.publishes_all_tables) {
        warns(fmt::format("not in the publication {} yet: {}", publication,
                          named(facts.unpublished, facts.unpublished_count)),
              kMigrate);
    }
    return out;
}

bool may_feed(const std::vector<Finding>& findings) {
    return std::ranges::none_of(
        findings, [](const Finding& f) { return f.severity == Severity::blocks_feed; });
}

}  // namespace lintas::migrate
