#include "replica/read.hpp"

#include <catch2/catch.hpp>

#include "../postgres/rows_of.hpp"

namespace lintas::replica {

namespace {

using position::Lsn;
using postgres::test::Cell;
using postgres::test::rows_of;

struct Row {
    std::vector<Cell> before, after;
};

}  // namespace

TEST_CASE("replica marks: as of before, replayed and received after", "[unit][replica]") {
    const Result<Marks> marks =
        decode_marks(rows_of(2, {{"t", "0/10"}}), rows_of(3, {{"t", "0/20", "0/30"}}));
    REQUIRE(marks);
    CHECK(marks->in_recovery);
    CHECK(marks->as_of == Lsn{0x10});
    CHECK(marks->replayed == Lsn{0x20});
    CHECK(marks->received == Lsn{0x30});
}

TEST_CASE("replica marks: promoted on the way is not a replica", "[unit][replica]") {
    const auto row = GENERATE(values<Row>({
        {{"f", "0/10"}, {"f", "0/20", "0/30"}},
        {{"t", "0/10"}, {"f", "0/20", "0/30"}},
        {{"f", "0/10"}, {"t", "0/20", "0/30"}},
        {{std::nullopt, "0/10"}, {"t", "0/20", "0/30"}},
    }));
    const Result<Marks> marks = decode_marks(rows_of(2, {row.before}), rows_of(3, {row.after}));
    REQUIRE(marks);
    CHECK_FALSE(marks->in_recovery);
}

TEST_CASE("replica marks: what has not been replayed or received is before everything",
          "[unit][replica]") {
    const Result<Marks> marks =
        decode_marks(rows_of(2, {{"t", std::nullopt}}), rows_of(3, {{"t", "0/20", std::nullopt}}));
    REQUIRE(marks);
    CHECK(marks->as_of == position::kNoLsn);
    CHECK(marks->received == position::kNoLsn);
}

TEST_CASE("replica marks: garbage is an error", "[unit][replica]") {
    const postgres::Rows before = rows_of(2, {{"t", "0/10"}});
    const postgres::Rows after = rows_of(3, {{"t", "0/20", "0/30"}});
    CHECK_FALSE(decode_marks(rows_of(2, {{"t", "10"}}), after));
    CHECK_FALSE(decode_marks(rows_of(2, {}), after));
    CHECK_FALSE(decode_marks(before, rows_of(3, {{"t", "0/20", "x"}})));
    CHECK_FALSE(decode_marks(before, rows_of(2, {{"t", "0/20"}})));
}

}  // namespace lintas::replica
