#include <catch2/catch.hpp>

#include "requests.hpp"
#include "sql/clause.hpp"

using namespace lintas;
using namespace lintas::sql;
using namespace lintas::sql::test;

namespace {

Result<std::string> list(const std::vector<parse::SelectItem>& items, bool expand_star = false) {
    const schema::Relation relation = table();
    Parameters params;
    std::string sql;
    if (Result<void> done =
            append_select_list(sql, params, scope_of_relation(relation), items, expand_star);
        !done) {
        return fail(done.error());
    }
    for (const auto& value : std::move(params).take()) sql += " | " + value.value_or("NULL");
    return sql;
}

}  // namespace

TEST_CASE("select: items become columns, paths, casts and names", "[unit][sql]") {
    const auto cast = [](parse::SelectItem result, std::string type) {
        result.cast = std::move(type);
        return result;
    };
    const auto named = [](parse::SelectItem result, std::string alias) {
        result.alias = std::move(alias);
        return result;
    };
    CHECK(list({}).value() == R"("s"."t".*)");
    CHECK(list({star()}).value() == R"("s"."t".*)");
    CHECK(list({item("id"), item("no such")}).value() == R"("s"."t"."id", "s"."t"."no such")");
    CHECK(list({named(item("id"), R"(a"b)")}).value() == R"("s"."t"."id" AS "a""b")");
    CHECK(list({cast(item("id"), "text")}).value() == R"(CAST("s"."t"."id" AS text) AS "id")");
    CHECK(list({named(cast(item("data", {key_text("k")}), "int"), "n")}).value() ==
          R"(CAST("s"."t"."data"->>$1 AS int) AS "n" | k)");
    CHECK(list({item("tags", {index(0)})}).value() ==
          R"(to_jsonb("s"."t"."tags")->$1::int AS "tags" | 0)");
}

TEST_CASE("select: the name of a JSON path is its last key", "[unit][sql]") {
    CHECK(output_name(item("data")) == "data");
    CHECK(output_name(item("data", {key("a"), key_text("b")})) == "b");
    CHECK(output_name(item("data", {key("a"), index(1), index(2)})) == "a");
    CHECK(output_name(item("data", {index(1)})) == "data");
}

TEST_CASE("select: a cast with other characters than the grammar's is refused", "[unit][sql]") {
    parse::SelectItem bad = item("id");
    bad.cast = "int) FROM secrets --";
    const Result<std::string> sql = list({bad});
    REQUIRE_FALSE(sql);
    CHECK(sql.error().code == Errc::not_implemented);
}

TEST_CASE("select: an expanded star is the catalogue's columns", "[unit][sql]") {
    CHECK(
        list({}, true).value() ==
        R"("s"."t"."id", "s"."t"."name", "s"."t"."data", "s"."t"."tags", "s"."t"."tv", "s"."t"."up")");
}

TEST_CASE("order: terms with direction, nulls and JSON paths", "[unit][sql]") {
    using Direction = parse::OrderTerm::Direction;
    using Nulls = parse::OrderTerm::Nulls;
    const schema::Relation relation = table();
    Parameters params;
    std::string sql;
    append_order(sql, params, scope_of_relation(relation),
                 {{{"id", {}}, Direction::unsaid, Nulls::unsaid},
                  {{"name", {}}, Direction::desc, Nulls::last},
                  {{"data", {key("k")}}, Direction::asc, Nulls::first},
                  {{"fn", {}}, Direction::unsaid, Nulls::last}});
    CHECK(
        sql ==
        R"( ORDER BY "s"."t"."id", "s"."t"."name" DESC NULLS LAST, "s"."t"."data"->$1 ASC NULLS FIRST, )"
        R"("s"."t"."fn" NULLS LAST)");
    CHECK(std::move(params).take() == Params{"k"});
}

TEST_CASE("window: bound, and absent when it is everything", "[unit][sql]") {
    struct Row {
        parse::Window window;
        std::string sql;
        Params params;
    };
    const auto row = GENERATE(values<Row>({
        {{0, std::nullopt}, "", {}},
        {{0, 0}, " LIMIT $1 OFFSET $2", {"0", "0"}},
        {{0, 10}, " LIMIT $1 OFFSET $2", {"10", "0"}},
        {{5, 10}, " LIMIT $1 OFFSET $2", {"10", "5"}},
        {{5, std::nullopt}, " LIMIT ALL OFFSET $1", {"5"}},
    }));
    Parameters params;
    std::string sql;
    append_window(sql, params, row.window);
    CHECK(sql == row.sql);
    CHECK(std::move(params).take() == row.params);
}
