#include "primary/decode.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <limits>

#include "../postgres/rows_of.hpp"
#include "sql/statements.hpp"

namespace lintas::primary {

namespace {

using postgres::test::Cell;
using postgres::test::rows_of;
using postgres::test::Values;
using sql::MainColumn;

constexpr std::size_t kMainColumns = static_cast<std::size_t>(MainColumn::inserted) + 1;

/// The main row with one column set; the others are NULL.
postgres::Rows main_row(MainColumn column, Cell value) {
    std::vector<Cell> row(kMainColumns);
    row[static_cast<std::size_t>(column)] = std::move(value);
    return rows_of(kMainColumns, {row});
}

std::string text_of(const Body& body) {
    std::string text;
    for (const std::string_view piece : body.pieces) text += piece;
    return text;
}

}  // namespace

TEST_CASE("decode: a main row without values is an empty outcome", "[unit][primary]") {
    const Result<Outcome> outcome = decode_main_row(main_row(MainColumn::page, std::nullopt));
    REQUIRE(outcome);
    CHECK(outcome->page == 0);
    CHECK_FALSE(outcome->total);
    CHECK(outcome->body.size() == 0);
    CHECK(outcome->key_values.empty());
    CHECK(outcome->response_headers.empty());
    CHECK(outcome->response_status.empty());
    CHECK(outcome->any_inserted);
    CHECK_FALSE(outcome->planned);
}

TEST_CASE("decode: each column of the main row has its place in the outcome", "[unit][primary]") {
    CHECK(decode_main_row(main_row(MainColumn::page, "17"))->page == 17);
    CHECK(decode_main_row(main_row(MainColumn::total, "3000000000"))->total == 3'000'000'000);
    CHECK(decode_main_row(main_row(MainColumn::response_headers, "[{}]"))->response_headers ==
          "[{}]");
    CHECK(decode_main_row(main_row(MainColumn::response_status, "418"))->response_status == "418");
    CHECK_FALSE(decode_main_row(main_row(MainColumn::inserted, "0"))->any_inserted);
    CHECK(decode_main_row(main_row(MainColumn::inserted, "2"))->any_inserted);
}

TEST_CASE("decode: the body lives as long as the outcome, not as the rows", "[unit][primary]") {
    Result<Outcome> outcome = fail(Errc::internal, "not decoded");
    {
        const postgres::Rows rows = main_row(MainColumn::body, R"([{"id":1}])");
        outcome = decode_main_row(rows);
    }
    REQUIRE(outcome);
    CHECK(text_of(outcome->body) == R"([{"id":1}])");
}

TEST_CASE("decode: key values are text in key order, and NULL where they are not text",
          "[unit][primary]") {
    struct Row {
        std::string location;
        std::vector<Cell> expected;
    };
    const Row row = GENERATE(values<Row>({
        {R"(["1"])", {"1"}},
        {R"(["a b","c/d"])", {"a b", "c/d"}},
        {R"(["1",null])", {"1", std::nullopt}},
        {"[]", {}},
        {R"({"id":"1"})", {}},
        {"[", {}},
        {"", {}},
    }));
    CAPTURE(row.location);
    const Result<Outcome> outcome = decode_main_row(main_row(MainColumn::location, row.location));
    REQUIRE(outcome);
    CHECK(outcome->key_values == row.expected);
}

TEST_CASE("decode: a number that is none is not half a number", "[unit][primary]") {
    const std::string text = GENERATE("", "x", "1x", "1.5", " 1", "9223372036854775808");
    CAPTURE(text);
    CHECK(decode_main_row(main_row(MainColumn::page, text))->page == 0);
    CHECK_FALSE(decode_main_row(main_row(MainColumn::total, text))->total);
}

TEST_CASE("decode: rows of another shape than the main statement's are an internal error",
          "[unit][primary]") {
    const std::vector<Cell> row(kMainColumns);
    CHECK_FALSE(decode_main_row(rows_of(kMainColumns, {})));
    CHECK_FALSE(decode_main_row(rows_of(kMainColumns, {row, row})));
    const Result<Outcome> narrow =
        decode_main_row(rows_of(kMainColumns - 1, {std::vector<Cell>(kMainColumns - 1)}));
    REQUIRE_FALSE(narrow);
    CHECK(narrow.error().code == Errc::internal);
}

TEST_CASE("decode: plain rows are joined as json_agg joins them", "[unit][primary]") {
    const auto decode = [](const Values& values, bool as_array, bool with_body) {
        return decode_plain_rows(rows_of(1, values), as_array, with_body);
    };
    const Values two{{R"({"id":1})"}, {R"({"id":2})"}};
    CHECK(text_of(decode({}, true, true).body) == "[]");
    CHECK(text_of(decode({{R"({"id":1})"}}, true, true).body) == R"([{"id":1}])");
    CHECK(text_of(decode(two, true, true).body) == "[{\"id\":1}, \n {\"id\":2}]");
    CHECK(text_of(decode({{R"({"id":1})"}}, false, true).body) == R"({"id":1})");
    CHECK(decode(two, true, false).body.size() == 0);
    CHECK(decode(two, true, false).page == 2);
}

TEST_CASE("decode: the planner's estimate is found, and held to what a number can be",
          "[unit][primary]") {
    struct Row {
        Cell plan;
        std::optional<std::int64_t> expected;
    };
    const Row row = GENERATE(values<Row>({
        {R"([{"Plan":{"Plan Rows":42}}])", 42},
        {R"([{"Plan":{"Plan Rows":42.9}}])", 42},
        {R"([{"Plan":{"Plan Rows":1e100}}])", 9'000'000'000'000'000'000},
        {R"([{"Plan":{"Plan Rows":-1e100}}])", 0},
        {R"([{"Plan":{"Plan Rows":18446744073709551615}}])",
         std::numeric_limits<std::int64_t>::max()},
        {R"([{"Plan":{"Plan Rows":"42"}}])", std::nullopt},
        {R"([{"Plan":{}}])", std::nullopt},
        {"[]", std::nullopt},
        {"not JSON", std::nullopt},
        {std::nullopt, std::nullopt},
    }));
    CAPTURE(row.plan.value_or("NULL"));
    CHECK(planned_rows(rows_of(1, {{row.plan}})) == row.expected);
    CHECK_FALSE(planned_rows(rows_of(1, {})));
}

}  // namespace lintas::primary
