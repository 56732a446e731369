#include <array>

#include "parse/headers.hpp"
#include "support.hpp"

namespace lintas::parse {

namespace {

using Tags = std::vector<std::string>;

Result<LintasHeaders> lintas_of(const std::vector<HeaderView>& headers,
                                Method method = Method::get) {
    return parse_lintas_headers(TestRequest{.headers = headers}.raw(), method);
}

std::optional<std::string> cookie_of(const std::vector<HeaderView>& headers) {
    const std::optional<std::string_view> value =
        position_cookie(TestRequest{.headers = headers}.raw());
    if (!value) return std::nullopt;
    return std::string{*value};
}

}  // namespace

TEST_CASE("lintas headers: every position of every field counts", "[unit][parse]") {
    CHECK(lintas_of({})->positions.empty());
    CHECK(lintas_of({{"Lintas-Position", "a-Z_0.~"}})->positions == Tags{"a-Z_0.~"});
    CHECK(lintas_of({{"lintas-position", "b , a,,c"}, {"Lintas-Position", "a"}})->positions ==
          Tags{"b", "a", "c", "a"});
    CHECK(lintas_of({{"Lintas-Position", "t"}}, Method::post)->positions == Tags{"t"});
    CHECK(lintas_of({{"Lintas-Position", std::string(256, 'x')}})->positions.size() == 1);
}

TEST_CASE("lintas headers: a malformed position is refused", "[unit][parse]") {
    const auto value = GENERATE(as<std::string>{}, "", ",", " , ", "a b", "\"a\"", "a=", "a/b",
                                "a;q=1", "\xC3\xA9", "good,b@d", std::string(257, 'x'));
    const Result<LintasHeaders> result = lintas_of({{"Lintas-Position", value}});
    INFO(value);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::bad_header);
    CHECK(result.error().message == "Malformed Lintas-Position header");
    CHECK(result.error().details == "Lintas-Position: 1 to 16 tokens as lintas sent them");
}

TEST_CASE("lintas headers: there are at most 16 positions", "[unit][parse]") {
    std::string list = "t";
    for (int i = 1; i < 16; ++i) list += ",t";
    CHECK(lintas_of({{"Lintas-Position", list}})->positions.size() == 16);
    CHECK_FALSE(lintas_of({{"Lintas-Position", list}, {"Lintas-Position", "t"}}).has_value());
}

TEST_CASE("entity tags: lists, weak tags and the star", "[unit][parse]") {
    struct Row {
        std::string value;
        bool any;
        Tags strong;
        Tags weak;
    };
    const auto row = GENERATE(values<Row>({
        {"*", true, {}, {}},
        {" * ", true, {}, {}},
        {"\"a\"", false, {"\"a\""}, {"\"a\""}},
        {"\"\"", false, {"\"\""}, {"\"\""}},
        {"W/\"a\"", false, {}, {"\"a\""}},
        {"\"a\",W/\"b\" ,\t\"c\"", false, {"\"a\"", "\"c\""}, {"\"a\"", "\"b\"", "\"c\""}},
        {", \"a\",, \"b\",", false, {"\"a\"", "\"b\""}, {"\"a\"", "\"b\""}},
        // A comma, a star and a backslash are ordinary characters of a tag.
        {"\"a,b\", \"*\", \"\\\"",
         false,
         {"\"a,b\"", "\"*\"", "\"\\\""},
         {"\"a,b\"", "\"*\"", "\"\\\""}},
        {"\"\xC3\xA9\"", false, {"\"\xC3\xA9\""}, {"\"\xC3\xA9\""}},
    }));
    INFO(row.value);
    const Result<LintasHeaders> match = lintas_of({{"If-Match", row.value}}, Method::patch);
    REQUIRE(match.has_value());
    REQUIRE(match->if_match.has_value());
    CHECK(match->if_match->any == row.any);
    CHECK(match->if_match->tags == row.strong);
    CHECK_FALSE(match->if_none_match.has_value());

    const Result<LintasHeaders> none = lintas_of({{"if-none-match", row.value}});
    REQUIRE(none.has_value());
    REQUIRE(none->if_none_match.has_value());
    CHECK(none->if_none_match->any == row.any);
    CHECK(none->if_none_match->tags == row.weak);
    CHECK_FALSE(none->if_match.has_value());
}

TEST_CASE("entity tags: several fields are one list", "[unit][parse]") {
    const std::vector<HeaderView> headers{
        {"If-None-Match", "\"a\", W/\"b\""}, {"If-Match", "\"m\""}, {"If-None-Match", "\"c\""}};
    const Result<LintasHeaders> result = lintas_of(headers);
    REQUIRE(result.has_value());
    CHECK(result->if_none_match->tags == Tags{"\"a\"", "\"b\"", "\"c\""});
    CHECK(result->if_match->tags == Tags{"\"m\""});
}

TEST_CASE("entity tags: a malformed list is refused and named", "[unit][parse]") {
    const std::string name = GENERATE(as<std::string>{}, "If-Match", "If-None-Match");
    const auto value = GENERATE(as<std::string>{}, "", ",", "a", "\"a", "a\"", "w/\"a\"", "W/a",
                                "W/ \"a\"", "W/*", "*, \"a\"", "\"a\", *", "*,*", "\"a\" \"b\"",
                                "\"a b\"", "\"a\"b", "\"a\"; x", "\"a\x7F\"", "**");
    INFO(name << ": " << value);
    const Result<LintasHeaders> result = lintas_of({{name, value}});
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::bad_header);
    CHECK(result.error().message == "Malformed " + name + " header");
    CHECK_FALSE(lintas_of({{name, "*"}, {name, "\"a\""}}).has_value());
    CHECK_FALSE(lintas_of({{name, "\"a\""}, {name, "*"}}).has_value());
}

TEST_CASE("entity tags: there are at most 64, those that cannot match included", "[unit][parse]") {
    const auto tag = GENERATE(as<std::string>{}, "\"t\"", "W/\"t\"");
    std::string list = tag;
    for (int i = 1; i < 64; ++i) list += "," + tag;
    CHECK(lintas_of({{"If-Match", list}}).has_value());
    CHECK_FALSE(lintas_of({{"If-Match", list + "," + tag}}).has_value());
    CHECK_FALSE(lintas_of({{"If-Match", list}, {"If-Match", tag}}).has_value());
}

TEST_CASE("entity tags: strong and weak comparison", "[unit][parse]") {
    struct Row {
        EntityTags wanted;
        std::string etag;
        bool weakly;
        bool strongly;
    };
    const auto row = GENERATE(values<Row>({
        {{false, {"\"1\"", "\"2\""}}, "\"2\"", true, true},
        {{false, {"\"1\"", "\"2\""}}, "\"3\"", false, false},
        {{false, {"\"1\""}}, "W/\"1\"", true, false},
        {{false, {}}, "\"1\"", false, false},
        {{true, {}}, "\"1\"", true, true},
        {{true, {}}, "W/\"1\"", true, true},
        {{true, {}}, "", false, false},
        {{false, {"\"\""}}, "", false, false},
    }));
    INFO(row.etag);
    CHECK(matches_weakly(row.wanted, row.etag) == row.weakly);
    CHECK(matches_strongly(row.wanted, row.etag) == row.strongly);
}

TEST_CASE("position cookie: found among others, first one wins", "[unit][parse]") {
    CHECK(cookie_of({}) == std::nullopt);
    CHECK(cookie_of({{"Cookie", ""}}) == std::nullopt);
    CHECK(cookie_of({{"Cookie", "lintas-position=abc"}}) == "abc");
    CHECK(cookie_of({{"cookie", "a=b; lintas-position=abc; c=d"}}) == "abc");
    CHECK(cookie_of({{"Cookie", "a=b"}, {"Cookie", "lintas-position=\"abc\""}}) == "abc");
    CHECK(cookie_of({{"Cookie", "lintas-position=1;lintas-position=2"}}) == "1");
    CHECK(cookie_of({{"Cookie", "lintas-position="}}) == "");
    CHECK(cookie_of({{"Cookie", "lintas-position"}}) == std::nullopt);
    CHECK(cookie_of({{"Cookie", "xlintas-position=1; Lintas-Position=2; a=lintas-position=3"}}) ==
          std::nullopt);
    CHECK(cookie_of({{"Cookie", ";;=;lintas-position=a=b;"}}) == "a=b");
}

}  // namespace lintas::parse
