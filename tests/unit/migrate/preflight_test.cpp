#include "migrate/preflight.hpp"

#include <catch2/catch.hpp>

namespace lintas::migrate {

namespace {

/// A server on which everything is as it should be.
PreflightFacts ready() {
    PreflightFacts facts;
    facts.user = "feeder";
    facts.slot_wal_keep_mb = 1024;
    return facts;
}

std::vector<Finding> found(const PreflightFacts& facts) {
    return findings(facts, "pub", "slot");
}

constexpr const char* kReadyJson = R"({"user": "feeder", "in_recovery": false,
    "wal_level": "logical", "slot_wal_keep_mb": 1024, "has_replication_right": true,
    "has_schema": true, "has_publication": true, "publishes_all_tables": false, "has_slot": false,
    "slot_is_pgoutput": true, "slot_lost": false, "free_slots": 1, "oldest_prepared_seconds": null,
    "oldest_prepared": null, "has_event_triggers": true, "unpublishable": [],
    "unpublishable_count": 0, "unpublished": [], "unpublished_count": 0})";

std::string with(std::string_view member, std::string_view value) {
    std::string text = kReadyJson;
    const std::size_t at = text.find(":", text.find("\"" + std::string{member} + "\"")) + 2;
    text.replace(at, text.find_first_of(",}", at) - at, value);
    return text;
}

}  // namespace

TEST_CASE("preflight: nothing is said of a server that is ready", "[unit][migrate]") {
    CHECK(found(ready()).empty());
    CHECK(may_feed(found(ready())));
}

TEST_CASE("preflight: what would make the feed fail, hang or fill the disk blocks it",
          "[unit][migrate]") {
    struct Row {
        void (*spoil)(PreflightFacts&);
        const char* sentence;
        const char* remedy;
    };
    const auto row = GENERATE(values<Row>({
        {[](PreflightFacts& f) { f.in_recovery = true; },
         "the server of the feed is a standby, which has no changes of its own to send",
         "name the primary in database.feed.url"},
        {[](PreflightFacts& f) { f.wal_level = "replica"; },
         "wal_level is replica; a feed needs logical",
         "ALTER SYSTEM SET wal_level = logical, and restart PostgreSQL"},
        {[](PreflightFacts& f) { f.slot_wal_keep_mb.reset(); },
         "max_slot_wal_keep_size is -1: if nobody reads the slot for long, it fills the primary's "
         "disk",
         "ALTER SYSTEM SET max_slot_wal_keep_size = '10GB', or what the disk can spare, and SELECT "
         "pg_reload_conf()"},
        {[](PreflightFacts& f) {
             f.has_replication_right = false;
             f.user = "a \"b\"";
         },
         "the role a \"b\" has no right to replicate", "ALTER ROLE \"a \"\"b\"\"\" REPLICATION"},
        {[](PreflightFacts& f) { f.has_publication = false; }, "the publication pub does not exist",
         "run lintas migrate"},
        {[](PreflightFacts& f) { f.publishes_all_tables = true; },
         "the publication pub is FOR ALL TABLES, so whoever made it sends whole rows and makes "
         "UPDATE fail on tables without a replica identity",
         "name another one in database.feed.publication, and run lintas migrate"},
        {[](PreflightFacts& f) {
             f.has_slot = true;
             f.slot_is_pgoutput = false;
         },
         "the replication slot slot belongs to something else",
         "name another one in database.feed.slot"},
        {[](PreflightFacts& f) { f.free_slots = 0; },
         "all replication slots of the server are taken",
         "raise max_replication_slots, and restart PostgreSQL"},
        {[](PreflightFacts& f) {
             f.oldest_prepared_seconds = 10;
             f.oldest_prepared = "tx";
         },
         "the transaction \"tx\" has been prepared for 10 s and not ended; the replication slot "
         "cannot be created before it is",
         "COMMIT PREPARED or ROLLBACK PREPARED it"},
    }));
    PreflightFacts facts = ready();
    row.spoil(facts);
    CHECK(found(facts) == std::vector<Finding>{{Severity::blocks_feed, row.sentence, row.remedy}});
    CHECK_FALSE(may_feed(found(facts)));
}

TEST_CASE("preflight: a slot that is there needs no other and waits for nobody",
          "[unit][migrate]") {
    PreflightFacts facts = ready();
    facts.has_slot = true;
    facts.free_slots = 0;
    facts.oldest_prepared_seconds = 1000;
    CHECK(found(facts).empty());
    // Lost: it is made anew, in its own place.
    facts.slot_lost = true;
    REQUIRE(found(facts).size() == 2);
    CHECK(found(facts)[0].severity == Severity::blocks_feed);
    facts.oldest_prepared_seconds = 9;
    REQUIRE(found(facts).size() == 1);
    CHECK(may_feed(found(facts)));
}

TEST_CASE("preflight: what only makes it slower is a warning", "[unit][migrate]") {
    PreflightFacts facts = ready();
    facts.has_schema = false;
    facts.has_event_triggers = false;
    facts.unpublishable = {{"api.log", "it has no primary key"}};
    facts.unpublishable_count = 3;
    facts.unpublished = {"api.a", "api.b"};
    facts.unpublished_count = 7;
    const std::vector<Finding> all = found(facts);
    std::vector<std::string> sentences;
    for (const Finding& finding : all) {
        CHECK(finding.severity == Severity::warns);
        CHECK_FALSE(finding.remedy.empty());
        sentences.push_back(finding.sentence);
    }
    CHECK(sentences ==
          std::vector<std::string>{
              "the schema lintas is missing or incomplete, so other processes cannot find the one "
              "that reads the feed",
              "the event triggers are missing: DDL is found by polling the catalogue, and "
              "materialized views are not cached",
              "table api.log is not in the feed: it has no primary key",
              "2 more tables are not in the feed",
              "not in the publication pub yet: api.a, api.b and 5 more"});
    CHECK(may_feed(all));
    // That tables are missing from a publication that is not there goes without saying.
    facts.has_publication = false;
    CHECK(found(facts).size() == all.size());
    CHECK(found(facts).front().severity == Severity::blocks_feed);
}

TEST_CASE("preflight: the query's answer is read into facts", "[unit][migrate]") {
    CHECK(decode_preflight(kReadyJson).value() == ready());
    PreflightFacts facts = ready();
    facts.slot_wal_keep_mb.reset();
    CHECK(decode_preflight(with("slot_wal_keep_mb", "null")).value() == facts);
    facts = ready();
    facts.oldest_prepared_seconds = 4;
    CHECK(decode_preflight(with("oldest_prepared_seconds", "4")).value() == facts);
    facts = ready();
    facts.unpublishable = {{"a", "b"}};
    CHECK(decode_preflight(with("unpublishable", R"([["a", "b"]])")).value() != ready());
}

TEST_CASE("preflight: an answer that is something else is an error", "[unit][migrate]") {
    const std::string text = GENERATE_COPY(values<std::string>(
        {"", "null", "[]", "{}", "{", with("user", "3"), with("has_slot", "null"),
         with("free_slots", "\"1\""), with("unpublished", "{}"), with("unpublishable", "[1]"),
         with("unpublishable", "[[]]")}));
    CAPTURE(text);
    const auto facts = decode_preflight(text);
    REQUIRE_FALSE(facts.has_value());
    CHECK(facts.error().code == Errc::internal);
}

TEST_CASE("preflight: the query takes its names as parameters", "[unit][migrate]") {
    const std::vector<Statement> unit = preflight_unit({"a", "b,\"c\""}, "p'", "s");
    REQUIRE(unit.size() > kPreflightAnswer);
    const Statement& query = unit[kPreflightAnswer];
    CHECK(query.params == std::vector<std::optional<std::string>>{R"({"a","b,\"c\""})", "p'", "s"});
    CHECK(query.text == preflight_unit({"x"}, "y", "z")[kPreflightAnswer].text);
}

}  // namespace lintas::migrate
