#include "postgres/pipeline.hpp"

#include <libpq-fe.h>

#include <catch2/catch.hpp>

namespace lintas::postgres {

namespace {

using Expect = Pipeline::Expect;

std::shared_ptr<Unit> unit_of(std::vector<std::string> texts) {
    auto unit = std::make_shared<Unit>();
    for (std::string& text : texts) unit->statements.push_back(Statement{std::move(text)});
    return unit;
}

Rows some_rows() {
    return Rows{PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK)};
}

Error sql_error(std::string sqlstate) {
    return Error{Errc::sql, "said by the server", {}, {}, std::move(sqlstate)};
}

}  // namespace

TEST_CASE("pipeline: each statement of a unit gets its result and the Sync completes it",
          "[unit][postgres]") {
    Pipeline pipeline;
    const auto unit = unit_of({"a", "b"});
    pipeline.sent(Expect::prepare, unit);
    pipeline.sent(Expect::execute, unit);
    pipeline.sent(Expect::execute, unit);
    pipeline.sent(Expect::sync, unit);
    CHECK(pipeline.units() == 1);

    for (int i = 0; i < 3; ++i) {
        pipeline.on_rows(some_rows());
        pipeline.on_end();
    }
    CHECK(pipeline.front_is_sync());
    CHECK(pipeline.on_sync() == unit);
    CHECK(pipeline.empty());
    CHECK(pipeline.units() == 0);
    REQUIRE(unit->results.size() == 2);
    CHECK(unit->results[0]);
    CHECK(unit->results[1]);
    CHECK(pipeline.take_unprepared().empty());
}

TEST_CASE("pipeline: an error skips the rest of its unit and not the next unit",
          "[unit][postgres]") {
    Pipeline pipeline;
    const auto first = unit_of({"a", "b", "c"});
    const auto second = unit_of({"d"});
    for (int i = 0; i < 3; ++i) pipeline.sent(Expect::execute, first);
    pipeline.sent(Expect::sync, first);
    pipeline.sent(Expect::execute, second);
    pipeline.sent(Expect::sync, second);

    pipeline.on_rows(some_rows());
    pipeline.on_end();
    pipeline.on_error(sql_error("22P02"));
    pipeline.on_end();
    pipeline.on_skipped();
    pipeline.on_end();
    CHECK(pipeline.on_sync() == first);
    pipeline.on_rows(some_rows());
    pipeline.on_end();
    CHECK(pipeline.on_sync() == second);

    REQUIRE(first->results.size() == 3);
    CHECK(first->results[0]);
    CHECK(first->results[1].error().sqlstate == "22P02");
    CHECK(first->results[2].error().code == Errc::cancelled);
    CHECK(second->results[0]);
}

TEST_CASE("pipeline: the error of a Parse is reported by its statement, which is not prepared",
          "[unit][postgres]") {
    Pipeline pipeline;
    const auto unit = unit_of({"broken", "unlucky"});
    pipeline.sent(Expect::prepare, unit);
    pipeline.sent(Expect::execute, unit);
    pipeline.sent(Expect::prepare, unit);
    pipeline.sent(Expect::execute, unit);
    pipeline.sent(Expect::sync, unit);

    pipeline.on_error(sql_error("42601"));
    pipeline.on_end();
    for (int i = 0; i < 3; ++i) {
        pipeline.on_skipped();
        pipeline.on_end();
    }
    pipeline.on_sync();
    REQUIRE(unit->results.size() == 2);
    CHECK(unit->results[0].error().sqlstate == "42601");
    CHECK(unit->results[1].error().code == Errc::cancelled);
    CHECK(pipeline.take_unprepared() == std::vector<std::string>{"broken", "unlucky"});
    CHECK(pipeline.take_unprepared().empty());
}

TEST_CASE("pipeline: a prepared statement that the server lost or outdated is prepared anew",
          "[unit][postgres]") {
    const std::string sqlstate = GENERATE("26000", "0A000");
    Pipeline pipeline;
    const auto unit = unit_of({"stale"});
    pipeline.sent(Expect::execute, unit);
    pipeline.sent(Expect::sync, unit);
    pipeline.on_error(sql_error(sqlstate));
    pipeline.on_end();
    pipeline.on_sync();
    CHECK(pipeline.take_unprepared() == std::vector<std::string>{"stale"});
}

TEST_CASE("pipeline: a DEALLOCATE that fails costs nothing", "[unit][postgres]") {
    Pipeline pipeline;
    const auto unit = unit_of({"a"});
    pipeline.sent(Expect::deallocate, unit);
    pipeline.sent(Expect::execute, unit);
    pipeline.sent(Expect::sync, unit);
    pipeline.on_rows(some_rows());
    pipeline.on_end();
    pipeline.on_rows(some_rows());
    pipeline.on_end();
    pipeline.on_sync();
    REQUIRE(unit->results.size() == 1);
    CHECK(unit->results[0]);
}

TEST_CASE("pipeline: an error of the implicit commit belongs to the last statement",
          "[unit][postgres]") {
    Pipeline pipeline;
    const auto unit = unit_of({"a", "b"});
    pipeline.sent(Expect::execute, unit);
    pipeline.sent(Expect::execute, unit);
    pipeline.sent(Expect::sync, unit);
    for (int i = 0; i < 2; ++i) {
        pipeline.on_rows(some_rows());
        pipeline.on_end();
    }
    pipeline.on_error(sql_error("23505"));
    pipeline.on_sync();
    CHECK(unit->results[0]);
    CHECK(unit->results[1].error().sqlstate == "23505");
}

TEST_CASE("pipeline: a session that ends after its last answer takes back no answer",
          "[unit][postgres]") {
    const Error end = GENERATE(sql_error("57P01"), sql_error("08P01"),
                               Error{Errc::connection_lost, "said by libpq"});
    Pipeline pipeline;
    const auto unit = unit_of({"BEGIN", "COMMIT"});
    pipeline.sent(Expect::execute, unit);
    pipeline.sent(Expect::execute, unit);
    pipeline.sent(Expect::sync, unit);
    for (int i = 0; i < 2; ++i) {
        pipeline.on_rows(some_rows());
        pipeline.on_end();
    }
    pipeline.on_error(end);
    CHECK(unit->results[1]);
    CHECK(pipeline.on_lost(Error{Errc::connection_lost, "gone"}).size() == 1);
    CHECK(unit->results[1]);
    CHECK(unit->broken);
}

TEST_CASE("pipeline: a connection lost after any number of results leaves no statement without one",
          "[unit][postgres]") {
    const int heard = GENERATE(range(0, 4));
    Pipeline pipeline;
    const auto first = unit_of({"a", "b"});
    const auto second = unit_of({"c"});
    pipeline.sent(Expect::execute, first);
    pipeline.sent(Expect::execute, first);
    pipeline.sent(Expect::sync, first);
    pipeline.sent(Expect::execute, second);
    pipeline.sent(Expect::sync, second);
    for (int i = 0; i < heard; ++i) {
        if (pipeline.front_is_sync()) {
            pipeline.on_sync();
        } else {
            pipeline.on_rows(some_rows());
            pipeline.on_end();
        }
    }
    const auto lost = pipeline.on_lost(Error{Errc::connection_lost, "gone"});
    CHECK(lost.size() == (heard >= 3 ? 1U : 2U));
    CHECK(first->results.size() == 2);
    REQUIRE(second->results.size() == 1);
    CHECK(second->results[0].error().code == Errc::connection_lost);
    CHECK(second->broken);
    CHECK(first->broken == (heard < 3));
    CHECK(pipeline.empty());
}

}  // namespace lintas::postgres
