#include "sql/quote.hpp"

#include <catch2/catch.hpp>

#include "sql/statements.hpp"

using namespace lintas::sql;

TEST_CASE("quote: an identifier cannot leave its quotes", "[unit][sql]") {
    struct Row {
        std::string name;
        std::string quoted;
    };
    const auto row = GENERATE(values<Row>({
        {"id", R"("id")"},
        {"", R"("")"},
        {"a b", R"("a b")"},
        {R"(a"b)", R"("a""b")"},
        {R"("; drop table t; --)", R"("""; drop table t; --")"},
        {std::string("ab\0cd", 5), R"("ab")"},
        {"a\\b", R"("a\b")"},
        {"größe", R"("größe")"},
    }));
    CHECK(quoted_identifier(row.name) == row.quoted);
}

TEST_CASE("quote: a literal reads the same with and without standard_conforming_strings",
          "[unit][sql]") {
    const auto literal = [](std::string_view text) {
        std::string sql;
        append_literal(sql, text);
        return sql;
    };
    CHECK(literal("name") == "'name'");
    CHECK(literal("it's") == "'it''s'");
    CHECK(literal("a\\b'c") == "E'a\\\\b''c'");
    CHECK(literal(std::string_view("a\0b", 3)) == "'a'");
}

TEST_CASE("quote: every element of an array literal is quoted and escaped", "[unit][sql]") {
    CHECK(array_literal({}) == "{}");
    CHECK(array_literal({""}) == R"({""})");
    CHECK(array_literal({"a", "b c"}) == R"({"a","b c"})");
    CHECK(array_literal({"NULL", "{}", "a,b"}) == R"({"NULL","{}","a,b"})");
    CHECK(array_literal({R"(q"x)", R"(b\s)"}) == R"({"q\"x","b\\s"})");
}

TEST_CASE("quote: a cast has the characters of the grammar and no others", "[unit][sql]") {
    CHECK(is_cast_safe("double precision"));
    CHECK(is_cast_safe("int4"));
    CHECK(is_cast_safe("my$type_1"));
    CHECK(is_cast_safe("größe"));
    for (const char* bad : {"", "numeric(3)", "int[]", "a.b", "x)", "a\"b", "a;b", "a-b", "a\nb"}) {
        CAPTURE(bad);
        CHECK_FALSE(is_cast_safe(bad));
    }
}
