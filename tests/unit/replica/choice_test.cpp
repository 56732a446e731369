#include <catch2/catch.hpp>

#include "replica/replica_set.hpp"

namespace lintas::replica {

namespace {

using std::chrono::microseconds;

Error sql_error(std::string state) {
    Error error;
    error.code = Errc::sql;
    error.sqlstate = std::move(state);
    return error;
}

}  // namespace

TEST_CASE("choice: up before lagging, then least load, then round trip", "[unit][replica]") {
    struct Row {
        std::vector<Candidate> candidates;
        std::optional<std::size_t> expected;
    };
    const auto row = GENERATE(values<Row>({
        {{}, std::nullopt},
        {{{3, true, 9, microseconds{900}}}, 3},
        {{{0, true, 0, microseconds{1}}, {1, false, 50, microseconds{900}}}, 1},
        {{{0, false, 2, microseconds{1}}, {1, false, 1, microseconds{900}}}, 1},
        {{{0, false, 1, microseconds{300}}, {1, false, 1, microseconds{200}}}, 1},
        {{{0, false, 1, microseconds{200}}, {1, false, 1, microseconds{200}}}, 0},
    }));
    CHECK(best_of(row.candidates) == row.expected);
}

TEST_CASE("choice: what may be the replica's fault alone is asked elsewhere", "[unit][replica]") {
    struct Row {
        const char* state;
        bool elsewhere;
    };
    const auto row = GENERATE(values<Row>({
        {"40001", true},   // canceled by a conflict with recovery
        {"40P01", true},   // the same, as a deadlock
        {"57P01", true},   // terminated
        {"57P03", true},   // starting up
        {"08006", true},   // connection failure
        {"53300", true},   // too many connections
        {"0A000", true},   // an unlogged table during recovery
        {"55000", true},   // recovery is in progress
        {"42P01", true},   // a table that it has not replayed yet
        {"42501", true},   // a right that it has not replayed yet
        {"XX001", true},   // its own damage
        {"57014", false},  // the statement's time is up: so is the request's
        {"22012", false},  // division by zero
        {"23505", false},  // whatever the data says
        {"P0001", false},  // RAISE
        {"PGRST", false},
    }));
    INFO(row.state);
    CHECK(retry_elsewhere(sql_error(row.state)) == row.elsewhere);
}

TEST_CASE("choice: a lost connection is asked elsewhere, a passed deadline is not",
          "[unit][replica]") {
    CHECK(retry_elsewhere(Error{Errc::connection_lost, ""}));
    CHECK(retry_elsewhere(Error{Errc::connect_failed, ""}));
    CHECK(retry_elsewhere(Error{Errc::overloaded, ""}));
    CHECK(retry_elsewhere(Error{Errc::pool_timeout, ""}));
    CHECK_FALSE(retry_elsewhere(Error{Errc::deadline_exceeded, ""}));
    CHECK_FALSE(retry_elsewhere(Error{Errc::cancelled, ""}));
    CHECK_FALSE(retry_elsewhere(Error{Errc::internal, ""}));
}

}  // namespace lintas::replica
