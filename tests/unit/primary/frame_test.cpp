#include "primary/frame.hpp"

#include <catch2/catch.hpp>

namespace lintas::primary {

namespace {

Frame a_frame() {
    Frame frame;
    frame.settings = Statement{"SELECT set_config('role', $1, true)", {"anna"}};
    return frame;
}

}  // namespace

TEST_CASE("frame: a transaction opens with BEGIN, settings, request, pre-request",
          "[unit][primary]") {
    Frame frame = a_frame();
    frame.request = Statement{"request"};
    frame.pre_request = Statement{"check"};
    const std::vector<Statement> unit =
        opening(std::move(frame), false, Deadline::in(std::chrono::seconds{3}));
    REQUIRE(unit.size() == 4);
    CHECK(unit[0].text == "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
    CHECK(unit[2].text == "request");
    CHECK(unit[3].text == "check");
}

TEST_CASE("frame: the statement timeout stands before the role's own settings", "[unit][primary]") {
    const Statement settings =
        with_statement_timeout(a_frame().settings, std::chrono::milliseconds{1500});
    CHECK(settings.text ==
          "SELECT set_config('statement_timeout', $2, true), set_config('role', $1, true)");
    REQUIRE(settings.params.size() == 2);
    CHECK(settings.params[1] == "1500");
}

TEST_CASE("frame: a deadline that has passed never means no timeout", "[unit][primary]") {
    const Statement settings =
        with_statement_timeout(a_frame().settings, std::chrono::milliseconds{0});
    CHECK(settings.params[1] == "1");  // 0 would turn the timeout off
}

TEST_CASE("frame: only PostgreSQL's own isolation levels are spliced", "[unit][primary]") {
    struct Row {
        std::string isolation;
        std::string begin;
    };
    const Row row = GENERATE(values<Row>({
        {"", "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"},
        {"read committed", "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"},
        {"repeatable read", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
        {"serializable", "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"},
        {"serializable; DROP TABLE t", "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"},
    }));
    Frame frame = a_frame();
    frame.isolation = row.isolation;
    CHECK(opening(std::move(frame), true, Deadline::in(std::chrono::seconds{1}))[0].text ==
          row.begin);
}

TEST_CASE("frame: a query cancelled at the request's deadline is named so", "[unit][primary]") {
    const Error cancelled{
        Errc::sql, "canceling statement due to statement timeout", {}, {}, "57014"};
    CHECK(with_deadline_named(cancelled, Deadline{Clock::now()}).code == Errc::deadline_exceeded);
    CHECK(with_deadline_named(cancelled, Deadline::in(std::chrono::seconds{2})).code == Errc::sql);
    const Error other{Errc::sql, "no", {}, {}, "42601"};
    CHECK(with_deadline_named(other, Deadline{Clock::now()}).code == Errc::sql);
}

}  // namespace lintas::primary
