#include "parse/headers.hpp"

#include "support.hpp"

namespace lintas::parse {

namespace {

Preferences prefer_of(const std::vector<HeaderView>& headers) {
    return parse_preferences(TestRequest{.headers = headers}.raw());
}

std::vector<std::string> accept_of(const std::vector<HeaderView>& headers) {
    return parse_accept(TestRequest{.headers = headers}.raw()).types;
}

Result<LintasHeaders> lintas_of(const std::vector<HeaderView>& headers,
                                Method method = Method::get) {
    return parse_lintas_headers(TestRequest{.headers = headers}.raw(), method);
}

}  // namespace

TEST_CASE("prefer: every preference is recognised", "[unit][parse]") {
    using P = Preferences;
    CHECK(prefer_of({{"Prefer", "resolution=merge-duplicates"}}).resolution ==
          P::Resolution::merge_duplicates);
    CHECK(prefer_of({{"Prefer", "resolution=ignore-duplicates"}}).resolution ==
          P::Resolution::ignore_duplicates);
    CHECK(prefer_of({{"Prefer", "missing=default"}}).missing == P::Missing::as_default);
    CHECK(prefer_of({{"Prefer", "missing=null"}}).missing == P::Missing::as_null);
    CHECK(prefer_of({{"Prefer", "return=representation"}}).return_ == P::Return::representation);
    CHECK(prefer_of({{"Prefer", "return=minimal"}}).return_ == P::Return::minimal);
    CHECK(prefer_of({{"Prefer", "return=headers-only"}}).return_ == P::Return::headers_only);
    CHECK(prefer_of({{"Prefer", "count=exact"}}).count == P::Count::exact);
    CHECK(prefer_of({{"Prefer", "count=planned"}}).count == P::Count::planned);
    CHECK(prefer_of({{"Prefer", "count=estimated"}}).count == P::Count::estimated);
    CHECK(prefer_of({{"Prefer", "tx=commit"}}).tx == P::Tx::commit);
    CHECK(prefer_of({{"Prefer", "tx=rollback"}}).tx == P::Tx::rollback);
    CHECK(prefer_of({{"Prefer", "handling=strict"}}).handling == P::Handling::strict);
    CHECK(prefer_of({{"Prefer", "handling=lenient"}}).handling == P::Handling::lenient);
    CHECK(prefer_of({{"Prefer", "timezone=Asia/Jakarta"}}).timezone == "Asia/Jakarta");
    CHECK(prefer_of({{"Prefer", "max-affected=10"}}).max_affected == 10);
    CHECK(prefer_of({{"Prefer", "respond-async"}}).respond_async);
}

TEST_CASE("prefer: headers and lists are merged and the first of a kind wins", "[unit][parse]") {
    const Preferences prefer =
        prefer_of({{"Prefer", "count=exact,    tx=commit   ,\treturn=minimal,"},
                   {"prefer", "count=planned,return=representation, handling=strict"},
                   {"Other", "missing=null"}});
    CHECK(prefer.count == Preferences::Count::exact);
    CHECK(prefer.tx == Preferences::Tx::commit);
    CHECK(prefer.return_ == Preferences::Return::minimal);
    CHECK(prefer.handling == Preferences::Handling::strict);
    CHECK_FALSE(prefer.missing);
    CHECK(prefer.unrecognised.empty());
}

TEST_CASE("prefer: what is not recognised waits for handling=strict", "[unit][parse]") {
    const auto token = GENERATE(as<std::string>{}, "count=none", "Count=exact", "anything",
                                "count = exact", "timezone=", "max-affected=", "max-affected=x",
                                "max-affected=-1", "max-affected=99999999999999999999", "wait=10");
    const Preferences lenient = prefer_of({{"Prefer", token}});
    CHECK(lenient.unrecognised == std::vector<std::string>{token});
    CHECK(check_strict(lenient).has_value());

    const std::string list = "handling=strict, " + token + ", more";
    const Result<void> strict = check_strict(prefer_of({{"Prefer", list}}));
    REQUIRE_FALSE(strict.has_value());
    CHECK(strict.error().code == Errc::bad_preference);
    CHECK(strict.error().message == "Invalid preferences given with handling=strict");
    CHECK(strict.error().details == "Invalid preferences: " + token + ", more");
}

TEST_CASE("prefer: quotes do not hold a list together, so the echo reads as it was meant",
          "[unit][parse]") {
    const Preferences prefer = prefer_of({{"Prefer", "timezone=\"a, count=exact"}});
    CHECK(prefer.timezone == "\"a");
    CHECK(prefer.count == Preferences::Count::exact);
}

TEST_CASE("prefer: what is recognised passes handling=strict", "[unit][parse]") {
    const Preferences prefer =
        prefer_of({{"Prefer", "handling=strict, respond-async, count=exact, tx=rollback"}});
    CHECK(check_strict(prefer).has_value());
}

TEST_CASE("prefer: the echo has a fixed order and what applies to the method", "[unit][parse]") {
    struct Row {
        std::string method;
        std::string target;
        bool upsert;
        bool tx;
        std::string applied;
    };
    const auto row = GENERATE(values<Row>({
        {"GET", "/items", false, true, "count=exact, tx=rollback, handling=strict, timezone=UTC"},
        {"HEAD", "/items", false, false, "count=exact, handling=strict, timezone=UTC"},
        {"POST", "/items", true, true,
         "resolution=merge-duplicates, missing=default, return=minimal, count=exact, tx=rollback, "
         "handling=strict, timezone=UTC"},
        {"POST", "/items", false, false,
         "missing=default, return=minimal, count=exact, handling=strict, timezone=UTC"},
        {"PATCH", "/items", true, false,
         "missing=default, return=minimal, count=exact, handling=strict, timezone=UTC, "
         "max-affected=5"},
        {"PUT", "/items?id=eq.1", true, false,
         "return=minimal, count=exact, handling=strict, timezone=UTC"},
        {"DELETE", "/items", true, false,
         "return=minimal, count=exact, handling=strict, timezone=UTC, max-affected=5"},
        {"POST", "/rpc/f", true, false,
         "count=exact, handling=strict, timezone=UTC, max-affected=5"},
    }));
    const Result<Request> request =
        parsed({.method = row.method,
                .target = row.target,
                .headers = {{"Prefer",
                             "max-affected=5, timezone=UTC, handling=strict, tx=rollback, "
                             "count=exact, return=minimal, missing=default, "
                             "resolution=merge-duplicates"}}});
    REQUIRE(request.has_value());
    INFO(row.method << ' ' << row.target);
    CHECK(preference_applied(*request, row.upsert, row.tx) == row.applied);
}

TEST_CASE("prefer: max-affected is echoed under handling=strict alone", "[unit][parse]") {
    const Result<Request> request =
        parsed({.method = "DELETE", .headers = {{"Prefer", "max-affected=5"}}});
    REQUIRE(request.has_value());
    CHECK(preference_applied(*request, false, false).empty());
}

TEST_CASE("accept: types are ordered by quality, then by how specific they are", "[unit][parse]") {
    struct Row {
        std::string value;
        std::vector<std::string> types;
    };
    const auto row = GENERATE(values<Row>({
        {"text/csv", {"text/csv"}},
        {"text/csv, application/json", {"text/csv", "application/json"}},
        {"*/*, text/csv", {"text/csv", "*/*"}},
        {"text/csv;q=0.5, application/json", {"application/json", "text/csv"}},
        {"a/b;q=0.1,c/d;q=0.9,e/f;q=0.5", {"c/d", "e/f", "a/b"}},
        {"a/b, a/b;x=1", {"a/b;x=1", "a/b"}},
        {"Text/CSV", {"text/csv"}},
        {"application/vnd.pgrst.object+json ; nulls=stripped",
         {"application/vnd.pgrst.object+json;nulls=stripped"}},
        {"a/b;q=0, c/d", {"c/d"}},
        {"a/b;q=0", {}},
        {"a/b;q=x, c/d", {"a/b", "c/d"}},
        {"a/b;q=0.5;ext=1, c/d", {"c/d", "a/b"}},
        {"a/b;q=nan, c/d;q=0.9, e/f;q=inf", {"a/b", "e/f", "c/d"}},
        {"a/b;p=\"x,y\", c/d", {"a/b;p=\"x,y\"", "c/d"}},
        {"", {"*/*"}},
        {" , ,", {"*/*"}},
    }));
    CHECK(accept_of({{"Accept", row.value}}) == row.types);
}

TEST_CASE("accept: no header takes anything, several are one list", "[unit][parse]") {
    CHECK(accept_of({}) == std::vector<std::string>{"*/*"});
    CHECK(accept_of({{"Accept", "a/b;q=0.1"}, {"accept", "c/d"}}) ==
          std::vector<std::string>{"c/d", "a/b"});
}

TEST_CASE("accept: the first type that can be produced is chosen", "[unit][parse]") {
    struct Row {
        std::vector<std::string> types;
        Media media;
    };
    const auto row = GENERATE(values<Row>({
        {{"*/*"}, Media::json},
        {{"application/json"}, Media::json},
        {{"application/json;charset=utf-8"}, Media::json},
        {{"application/*"}, Media::json},
        {{"text/html", "text/csv", "*/*"}, Media::csv},
        {{"text/csv;charset=utf-8"}, Media::csv},
        {{"application/vnd.pgrst.array"}, Media::json},
        {{"application/vnd.pgrst.array+json;nulls=stripped"}, Media::json_stripped},
        {{"application/vnd.pgrst.array+json;nulls=kept"}, Media::json},
        {{"application/vnd.pgrst.object"}, Media::object},
        {{"application/vnd.pgrst.object+json"}, Media::object},
        {{"application/vnd.pgrst.object+json;nulls=stripped"}, Media::object_stripped},
        {{"application/vnd.pgrst.object+json;charset=utf-8;nulls=stripped"},
         Media::object_stripped},
        {{"application/geo+json", "application/json"}, Media::json},
        {{"application/vnd.pgrst.plan+json", "text/csv"}, Media::csv},
    }));
    const Result<Media> media = negotiate({row.types});
    REQUIRE(media.has_value());
    CHECK(*media == row.media);
}

TEST_CASE("accept: nothing that can be produced is an error that lists the types",
          "[unit][parse]") {
    const Result<Media> media = negotiate({{"text/html", "application/geo+json"}});
    REQUIRE_FALSE(media.has_value());
    CHECK(media.error().code == Errc::not_acceptable);
    CHECK(media.error().message ==
          "None of these media types are available: text/html, application/geo+json");
    CHECK_FALSE(negotiate({{}}).has_value());
}

TEST_CASE("lintas headers: consistency is one of two words", "[unit][parse]") {
    CHECK(lintas_of({})->consistency == std::nullopt);
    CHECK(lintas_of({{"Lintas-Consistency", "critical"}})->consistency ==
          LintasHeaders::Consistency::critical);
    CHECK(lintas_of({{"lintas-consistency", "eventual"}})->consistency ==
          LintasHeaders::Consistency::eventual);
    const auto value =
        GENERATE(as<std::string>{}, "", "Critical", "strong", "critical, eventual", "critical,");
    const Result<LintasHeaders> result = lintas_of({{"Lintas-Consistency", value}});
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::bad_header);
    CHECK(result.error().message == "Malformed Lintas-Consistency header");
    CHECK_FALSE(
        lintas_of({{"Lintas-Consistency", "critical"}, {"Lintas-Consistency", "critical"}}));
}

TEST_CASE("lintas headers: Cache-Control's request directives", "[unit][parse]") {
    struct Row {
        std::string value;
        std::optional<std::int64_t> max_age;
        bool no_cache;
        bool no_store;
        bool only_if_cached;
    };
    const auto row = GENERATE(values<Row>({
        {"", std::nullopt, false, false, false},
        {"max-age=0", 0, false, false, false},
        {"max-age=60", 60, false, false, false},
        {"MAX-AGE=60", 60, false, false, false},
        {"max-age=\"60\"", 60, false, false, false},
        {"max-age=2147483648", 2147483648, false, false, false},
        {"max-age=99999999999999999999999", 2147483648, false, false, false},
        {"max-age=60, max-age=5", 5, false, false, false},
        {"no-cache", std::nullopt, true, false, false},
        {"no-store,only-if-cached", std::nullopt, false, true, true},
        {"No-Cache , max-age=1", 1, true, false, false},
        {"min-fresh=x, max-stale, community=\"max-age=x, y\"", std::nullopt, false, false, false},
        {"no-cache=\"a,max-age=x\"", std::nullopt, true, false, false},
    }));
    const Result<LintasHeaders> result = lintas_of({{"Cache-Control", row.value}});
    INFO(row.value);
    REQUIRE(result.has_value());
    CHECK(result->max_age_s == row.max_age);
    CHECK(result->no_cache == row.no_cache);
    CHECK(result->no_store == row.no_store);
    CHECK(result->only_if_cached == row.only_if_cached);
}

TEST_CASE("lintas headers: several Cache-Control headers are one list", "[unit][parse]") {
    const Result<LintasHeaders> result =
        lintas_of({{"Cache-Control", "no-cache"}, {"cache-control", "max-age=3"}});
    REQUIRE(result.has_value());
    CHECK(result->no_cache);
    CHECK(result->max_age_s == 3);
}

TEST_CASE("lintas headers: a malformed max-age is refused", "[unit][parse]") {
    const auto value =
        GENERATE(as<std::string>{}, "max-age", "max-age=", "max-age=x", "max-age=-1", "max-age=1.5",
                 "max-age=\"\"", "max-age=\"1", "no-cache, max-age=+1", "max-age=5, max-age=x");
    const Result<LintasHeaders> result = lintas_of({{"Cache-Control", value}});
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::bad_header);
    CHECK(result.error().message == "Malformed Cache-Control header");
    CHECK(result.error().details == "Cache-Control: max-age takes a number of seconds");
}

TEST_CASE("lintas headers: what is not built is named, after it was checked", "[unit][parse]") {
    struct Row {
        std::string name;
        std::string value;
        Method method;
        std::optional<Errc> code;
    };
    const std::string longest(255, 'k');
    const auto row = GENERATE_COPY(values<Row>({
        {"Idempotency-Key", longest, Method::post, Errc::not_implemented},
        {"Idempotency-Key", longest, Method::del, Errc::not_implemented},
        {"Idempotency-Key", longest + "k", Method::post, Errc::bad_header},
        {"Idempotency-Key", "", Method::post, Errc::bad_header},
        {"Idempotency-Key", "a b", Method::post, Errc::bad_header},
        {"Idempotency-Key", "\xC3\xA9", Method::post, Errc::bad_header},
        {"Idempotency-Key", "k", Method::get, std::nullopt},
        {"Idempotency-Key", "a b", Method::get, Errc::bad_header},
        {"If-Match", "\"x\"", Method::post, Errc::not_implemented},
        {"If-Match", "x", Method::post, Errc::bad_header},
        {"If-Match", "\"x\"", Method::patch, std::nullopt},
        {"If-Match", "\"x\"", Method::put, std::nullopt},
        {"If-Match", "\"x\"", Method::del, std::nullopt},
        {"If-Match", "\"x\"", Method::get, std::nullopt},
        {"If-None-Match", "\"x\"", Method::get, std::nullopt},
        {"If-None-Match", "*", Method::head, std::nullopt},
        {"If-None-Match", "*", Method::put, Errc::not_implemented},
        {"If-None-Match", "\"x\"", Method::post, Errc::not_implemented},
        {"If-None-Match", "\"x\"", Method::patch, Errc::not_implemented},
        {"If-None-Match", "\"x\"", Method::del, Errc::not_implemented},
        {"Lintas-Session", "cart", Method::post, std::nullopt},
        {"Lintas-Session", std::string(64, 's'), Method::post, std::nullopt},
        {"Lintas-Session", std::string(65, 's'), Method::post, Errc::bad_header},
        {"Lintas-Session", "", Method::get, Errc::bad_header},
        {"Lintas-Session", "a b", Method::get, Errc::bad_header},
    }));
    const Result<LintasHeaders> result = lintas_of({{row.name, row.value}}, row.method);
    INFO(row.name << ": " << row.value);
    REQUIRE(result.has_value() == !row.code.has_value());
    if (result) return;
    CHECK(result.error().code == *row.code);
    CHECK(header_name_equal(result.error().message.starts_with("Malformed ")
                                ? result.error().message.substr(10, row.name.size())
                                : result.error().details.substr(4, row.name.size()),
                            row.name));
}

}  // namespace lintas::parse
