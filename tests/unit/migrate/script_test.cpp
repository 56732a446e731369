#include "migrate/script.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

namespace lintas::migrate {

namespace {

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("script: one transaction, its report before the COMMIT", "[unit][migrate]") {
    const std::vector<std::string> all = statements({});
    REQUIRE(all.size() > 5);
    CHECK(all.front() == "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
    CHECK(all.back() == "COMMIT");
    CHECK(contains(all[all.size() - 2], "current_setting('lintas.report')"));
    for (const std::string& statement : all) {
        CAPTURE(statement);
        CHECK_FALSE(statement.ends_with(';'));
        // What fmt::format() left behind: a placeholder, or a brace that was meant to be one.
        CHECK_FALSE(contains(statement, "{version}"));
        CHECK_FALSE(contains(statement, "{candidates}"));
        CHECK_FALSE(contains(statement, "{{"));
    }
}

TEST_CASE("script: what is printed is what is run", "[unit][migrate]") {
    const ScriptOptions options{{"a", "b"}, "p", "r"};
    std::string text = script(options);
    CHECK(text.starts_with("-- "));
    text.erase(0, text.find('\n') + 1);
    for (const std::string& statement : statements(options)) {
        REQUIRE(text.starts_with(statement + ";\n"));
        text.erase(0, statement.size() + 2);
    }
    CHECK(text.empty());
}

TEST_CASE("script: names reach the server as constants, whatever they hold", "[unit][migrate]") {
    struct Row {
        const char* name;
        const char* schemas;
        const char* publication;
    };
    const auto row = GENERATE(values<Row>({
        {"plain", R"(SET LOCAL lintas.schemas = '["plain"]')",
         "SET LOCAL lintas.publication = 'plain'"},
        {"it's", R"(SET LOCAL lintas.schemas = '["it''s"]')",
         "SET LOCAL lintas.publication = 'it''s'"},
        {"$lintas$", R"(SET LOCAL lintas.schemas = '["$lintas$"]')",
         "SET LOCAL lintas.publication = '$lintas$'"},
        {"a\"b\\", R"(SET LOCAL lintas.schemas = E'["a\\"b\\\\"]')",
         "SET LOCAL lintas.publication = E'a\"b\\\\'"},
        {"{version}", R"(SET LOCAL lintas.schemas = '["{version}"]')",
         "SET LOCAL lintas.publication = '{version}'"},
    }));
    const std::vector<std::string> all = statements({{row.name}, row.name, row.name});
    CHECK(std::ranges::count(all, row.schemas) == 1);
    CHECK(std::ranges::count(all, row.publication) == 1);
    const auto blocks = [](const ScriptOptions& options) {
        std::vector<std::string> out = statements(options);
        std::erase_if(out, [](const std::string& s) { return s.starts_with("SET LOCAL"); });
        return out;
    };
    CHECK(blocks({{row.name}, row.name, row.name}) == blocks({{"a"}, "b", "c"}));
}

TEST_CASE("script: rights are granted only when a role is named", "[unit][migrate]") {
    const auto grants = [](const ScriptOptions& options) {
        const std::vector<std::string> all = statements(options);
        return std::ranges::count_if(
            all, [](const std::string& s) { return contains(s, "'GRANT %s TO %I'"); });
    };
    CHECK(grants({}) == 0);
    CHECK(grants({{"public"}, "lintas", "somebody"}) == 1);
}

}  // namespace lintas::migrate
