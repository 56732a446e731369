#include "support.hpp"

namespace lintas::parse {

TEST_CASE("query: columns and on_conflict are lists of names", "[unit][parse]") {
    struct Row {
        std::string text;
        std::vector<std::string> names;
    };
    const auto row = GENERATE(values<Row>({
        {"a", {"a"}},
        {"a,b", {"a", "b"}},
        {"%22a%22,%22b,c%22", {"a", "b,c"}},
        {" a , b ", {"a", "b"}},
        {"a b,c-d", {"a b", "c-d"}},
    }));
    CHECK(query_of("columns=" + row.text).columns == row.names);
    CHECK(query_of("on_conflict=" + row.text).on_conflict == row.names);
}

TEST_CASE("query: a column named twice in columns is taken once, in its first place",
          "[unit][parse]") {
    CHECK(query_of("columns=b,a,b,c,a").columns == std::vector<std::string>{"b", "a", "c"});
}

TEST_CASE("query: of repeated select, columns and on_conflict the first wins", "[unit][parse]") {
    const Query query =
        query_of("select=a&select=b&columns=c&columns=d&on_conflict=e&on_conflict=f");
    CHECK(shown(query.select) == "<a>");
    CHECK(query.columns == std::vector<std::string>{"c"});
    CHECK(query.on_conflict == std::vector<std::string>{"e"});
}

TEST_CASE("query: what was not sent stays unset", "[unit][parse]") {
    const Query query = query_of("select&columns&on_conflict&order&limit&or&a");
    CHECK(query.select.empty());
    CHECK(query.where.empty());
    CHECK(query.order.empty());
    CHECK_FALSE(query.columns);
    CHECK_FALSE(query.on_conflict);
    CHECK_FALSE(query.window_given);
    CHECK_FALSE(query.has_logic);
}

TEST_CASE("query: a mistake in a list of names is named with its column", "[unit][parse]") {
    const Error empty = query_error("columns=");
    CHECK(empty.message == "\"failed to parse columns parameter ()\" (line 1, column 1)");
    CHECK(empty.details == "unexpected end of input expecting field name (* or [a..z0..9_$])");
    const Error gap = query_error("columns=a,,b");
    CHECK(gap.message == "\"failed to parse columns parameter (a,,b)\" (line 1, column 3)");
    const Error conflict = query_error("on_conflict=a(b)");
    CHECK(conflict.message ==
          "\"failed to parse on_conflict parameter (a(b))\" (line 1, column 2)");
}

TEST_CASE("query: the canonical form is sorted by key and encoded again", "[unit][parse]") {
    struct Row {
        std::string query;
        std::string canonical;
    };
    const auto row = GENERATE(values<Row>({
        {"", ""},
        {"a=eq.1", "a=eq.1"},
        {"c=eq.3&a=eq.1&b=eq.2", "a=eq.1&b=eq.2&c=eq.3"},
        {"b=eq.2&a=gt.1&a=lt.9", "a=gt.1&a=lt.9&b=eq.2"},
        {"a=lt.9&b=eq.2&a=gt.1", "a=lt.9&a=gt.1&b=eq.2"},
        {"select=a,b", "select=a%2Cb"},
        {"a=eq.x+y", "a=eq.x%20y"},
        {"a=eq.x%2By", "a=eq.x%2By"},
        {"a=eq.~-_.", "a=eq.~-_."},
        {"a=eq.%c3%a9", "a=eq.%C3%A9"},
        {"z&a=eq.1", "a=eq.1&z"},
        {"&&a=eq.1&", "a=eq.1"},
        {"data-%3E%3Ea=eq.1", "data-%3E%3Ea=eq.1"},
        {"a=eq.1;b", "a=eq.1%3Bb"},
    }));
    const std::string canonical = query_of(row.query).canonical;
    CHECK(canonical == row.canonical);
    CHECK(query_of(canonical).canonical == canonical);
}

TEST_CASE("query: a sort of many repeated keys keeps their order", "[unit][parse]") {
    std::string text;
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        if (i > 0) text += '&';
        text += "limit=" + std::to_string(i);
        expected += (i > 0 ? "&limit=" : "limit=") + std::to_string(i);
    }
    CHECK(query_of(text).canonical == expected);
}

TEST_CASE("query: what cannot be decoded is a mistake of its own", "[unit][parse]") {
    const auto text = GENERATE(as<std::string>{}, "a=eq.%", "a=eq.%4", "a=eq.%zz", "%00=eq.1",
                               "a=eq.%00", "a=eq.%FF", "a=eq.%C3", "a=eq.%ED%A0%80", "a=eq.\xFF");
    const Error error = query_error(text);
    CHECK(error.code == Errc::query_syntax);
    CHECK(error.message == "The query string is not percent-encoded UTF-8");
}

TEST_CASE("query: an error of syntax comes before a feature that is not built", "[unit][parse]") {
    CHECK(query_error("select=clients(id)&id=0").code == Errc::query_syntax);
    CHECK(query_error("select=clients(id)&limit=-1").code == Errc::bad_range);
}

}  // namespace lintas::parse
