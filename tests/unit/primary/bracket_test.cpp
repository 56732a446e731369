#include "primary/bracket.hpp"

#include <catch2/catch.hpp>

#include "../postgres/rows_of.hpp"
#include "primary/database.hpp"

namespace lintas::primary {

namespace {

using position::Lsn;
using postgres::test::Cell;
using postgres::test::rows_of;

postgres::Marks marks(std::vector<Cell> before, Cell after) {
    const std::size_t columns = before.size();
    return {rows_of(columns, {std::move(before)}), rows_of(1, {{std::move(after)}}), {}, nullptr};
}

}  // namespace

TEST_CASE("bracket: the marks of a session whose server is known", "[unit][primary]") {
    postgres::Marks seen = marks({"f", "0/10", "5:9:6"}, "1/20");
    seen.sent_at = Clock::time_point{std::chrono::seconds{7}};
    seen.session = std::make_shared<const postgres::SessionIdentity>(
        postgres::SessionIdentity{77, "1.0", false, 3});
    const Result<PrimaryMarks> decoded = decode_marks(seen);
    REQUIRE(decoded);
    CHECK(decoded->flush == Lsn{0x10});
    CHECK(decoded->insert == Lsn{0x1'0000'0020});
    CHECK(decoded->snapshot.oldest_running() == 5);
    CHECK(decoded->timeline == 3);
    CHECK(decoded->session->system_id == 77);
    CHECK(decoded->read_committed);
    CHECK(decoded->asked == seen.sent_at);
}

TEST_CASE("bracket: through a pooler timeline and isolation come with each batch",
          "[unit][primary]") {
    const Result<PrimaryMarks> plain =
        decode_marks(marks({"f", "0/10", "5:9:", "read committed", "00000002"}, "0/20"));
    REQUIRE(plain);
    CHECK(plain->timeline == 2);
    CHECK(plain->read_committed);
    const Result<PrimaryMarks> repeatable =
        decode_marks(marks({"f", "0/10", "5:9:", "repeatable read", "00000002"}, "0/20"));
    REQUIRE(repeatable);
    CHECK_FALSE(repeatable->read_committed);
    CHECK(bracket(true).before.text.find("transaction_isolation") != std::string::npos);
    CHECK(bracket(false).before.text.find("transaction_isolation") == std::string::npos);
}

TEST_CASE("bracket: a server in recovery is not the primary", "[unit][primary]") {
    const Result<PrimaryMarks> decoded = decode_marks(marks({"t", std::nullopt, "5:9:"}, "0/20"));
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == Errc::connection_lost);
    CHECK_FALSE(refuse_standby({1, "1", true, 0}).empty());
    CHECK(refuse_standby({1, "1", false, 1}).empty());
}

TEST_CASE("bracket: marks that cannot be read are an error and not a position", "[unit][primary]") {
    struct Row {
        std::vector<Cell> before;
        Cell after;
    };
    const auto row = GENERATE(values<Row>({
        {{"f", std::nullopt, "5:9:"}, "0/20"},
        {{"f", "0-10", "5:9:"}, "0/20"},
        {{"f", "0/10", "x"}, "0/20"},
        {{"f", "0/10", "5:9:"}, std::nullopt},
        {{"f", "0/10"}, "0/20"},
    }));
    const Result<PrimaryMarks> decoded = decode_marks(marks(row.before, row.after));
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == Errc::internal);
}

TEST_CASE("bracket: how far a write was flushed", "[unit][primary]") {
    const auto direct = decode_flushed(rows_of(1, {{"0/10"}}));
    REQUIRE(direct);
    CHECK(direct->flush == Lsn{0x10});
    CHECK(direct->timeline == 0);
    const auto pooled = decode_flushed(rows_of(2, {{"0/10", "0000000B"}}));
    REQUIRE(pooled);
    CHECK(pooled->timeline == 11);
    CHECK_FALSE(decode_flushed(rows_of(1, {})));
    CHECK_FALSE(decode_flushed(rows_of(1, {{std::nullopt}})));
}

}  // namespace lintas::primary
