#include "support.hpp"

namespace lintas::parse {

TEST_CASE("request: the path says root, relation or function", "[unit][parse]") {
    struct Row {
        std::string target;
        PathKind kind;
        std::string name;
    };
    const auto row = GENERATE(values<Row>({
        {"/", PathKind::root, ""},
        {"", PathKind::root, ""},
        {"/?select=a", PathKind::root, ""},
        {"/items", PathKind::relation, "items"},
        {"/items?", PathKind::relation, "items"},
        {"/rpc", PathKind::relation, "rpc"},
        {"/my%20items", PathKind::relation, "my items"},
        {"/a+b", PathKind::relation, "a+b"},
        {"/a%2Fb", PathKind::relation, "a/b"},
        {"/%D8%AA", PathKind::relation, "\xD8\xAA"},
        {"/Escap3e;", PathKind::relation, "Escap3e;"},
        {"/rpc/f", PathKind::rpc, "f"},
        {"/rpc/f?select=((", PathKind::rpc, "f"},
        {"/%72pc/f", PathKind::rpc, "f"},
        {"http://host:80/items?limit=1", PathKind::relation, "items"},
        {"http://host", PathKind::root, ""},
        {"http://host?limit=1", PathKind::root, ""},
    }));
    const Result<Request> result = parsed({.target = row.target});
    INFO(row.target);
    REQUIRE(result.has_value());
    CHECK(result->path == row.kind);
    CHECK(result->relation == row.name);
}

TEST_CASE("request: any other path does not exist", "[unit][parse]") {
    const auto target = GENERATE(as<std::string>{}, "/items/", "/items/1", "/rpc/", "/rpc/f/g",
                                 "//", "//items", "/a/b/c", "items", "*", "/-/x");
    const Error error = error_of({.target = target});
    CHECK(error.code == Errc::no_such_path);
    CHECK(error.message == "Invalid path specified in request URL");
}

TEST_CASE("request: a path that cannot be decoded is a syntax error", "[unit][parse]") {
    const auto target =
        GENERATE(as<std::string>{}, "/%", "/%zz", "/%00", "/%FF", "/rpc/%C3", "/\xFF");
    const Error error = error_of({.target = target});
    CHECK(error.code == Errc::query_syntax);
    CHECK(error.message == "The request path is not percent-encoded UTF-8");
}

TEST_CASE("request: methods are known by their path", "[unit][parse]") {
    struct Row {
        std::string method;
        std::string target;
        std::string message;  // empty: allowed
    };
    const auto row = GENERATE(values<Row>({
        {"GET", "/items", ""},
        {"HEAD", "/items", ""},
        {"POST", "/items", ""},
        {"PATCH", "/items", ""},
        {"PUT", "/items", ""},
        {"DELETE", "/items", ""},
        {"OPTIONS", "/items", ""},
        {"TRACE", "/items", "Unsupported HTTP method: TRACE"},
        {"get", "/items", "Unsupported HTTP method: get"},
        {"GET", "/", ""},
        {"HEAD", "/", ""},
        {"OPTIONS", "/", ""},
        {"OPTIONS", "*", ""},
        {"POST", "/", "Unsupported HTTP method: POST"},
        {"DELETE", "/", "Unsupported HTTP method: DELETE"},
        {"GET", "/rpc/f", ""},
        {"HEAD", "/rpc/f", ""},
        {"POST", "/rpc/f", ""},
        {"OPTIONS", "/rpc/f", ""},
        {"PATCH", "/rpc/f", "Cannot use the PATCH method on RPC"},
        {"PUT", "/rpc/f", "Cannot use the PUT method on RPC"},
        {"DELETE", "/rpc/f", "Cannot use the DELETE method on RPC"},
        {"FOO", "/rpc/f", "Cannot use the FOO method on RPC"},
    }));
    const Result<Request> result = parsed({.method = row.method, .target = row.target});
    INFO(row.method << ' ' << row.target);
    REQUIRE(result.has_value() == row.message.empty());
    if (result) return;
    CHECK(result.error().code ==
          (row.target == "/rpc/f" ? Errc::rpc_method : Errc::method_not_allowed));
    CHECK(result.error().message == row.message);
}

TEST_CASE("request: the profile header belongs to the method", "[unit][parse]") {
    struct Row {
        std::string method;
        std::string header;
        std::string schema;
        bool given;
    };
    const auto row = GENERATE(values<Row>({
        {"GET", "Accept-Profile", "api", true},
        {"HEAD", "accept-profile", "api", true},
        {"OPTIONS", "Accept-Profile", "api", true},
        {"GET", "Content-Profile", "public", false},
        {"POST", "Content-Profile", "api", true},
        {"PATCH", "Content-Profile", "api", true},
        {"PUT", "Content-Profile", "api", true},
        {"DELETE", "Content-Profile", "api", true},
        {"POST", "Accept-Profile", "public", false},
    }));
    const Result<Request> result = parsed({.method = row.method, .headers = {{row.header, "api"}}});
    REQUIRE(result.has_value());
    CHECK(result->schema == row.schema);
    CHECK(result->profile_given == row.given);
}

TEST_CASE("request: an unknown profile names the exposed ones", "[unit][parse]") {
    const auto value = GENERATE(as<std::string>{}, "secret", "", "Public");
    const Error error = error_of({.headers = {{"Accept-Profile", value}}});
    CHECK(error.code == Errc::unknown_schema);
    CHECK(error.message == "Invalid schema: " + value);
    CHECK(error.hint == "Only the following schemas are exposed: public, api");
}

TEST_CASE("request: bytes of a header that are not UTF-8 do not reach an error text",
          "[unit][parse]") {
    CHECK(error_of({.headers = {{"Accept-Profile", "a\xFF"}}}).message ==
          "Invalid schema: a\xEF\xBF\xBD");
}

TEST_CASE("request: the first error is the one of the earliest step", "[unit][parse]") {
    struct Row {
        std::string method;
        std::string target;
        std::vector<HeaderView> headers;
        Errc code;
    };
    const auto row = GENERATE(values<Row>({
        {"FOO", "/a/b?id=0", {{"Accept-Profile", "x"}}, Errc::no_such_path},
        {"FOO", "/items?id=0", {{"Accept-Profile", "x"}}, Errc::unknown_schema},
        {"FOO", "/items?id=0", {}, Errc::method_not_allowed},
        {"GET", "/items?id=0&limit=-1", {{"Lintas-Consistency", "x"}}, Errc::query_syntax},
        {"GET", "/items?limit=-1", {{"Lintas-Consistency", "x"}}, Errc::bad_range},
        {"GET", "/items?a.limit=1", {{"Lintas-Consistency", "x"}}, Errc::bad_header},
        {"POST", "/items?a.limit=1", {{"Idempotency-Key", "x"}}, Errc::not_implemented},
        {"GET", "/items?a.limit=1", {}, Errc::embed_not_selected},
    }));
    CHECK(error_of({.method = row.method, .target = row.target, .headers = row.headers}).code ==
          row.code);
}

TEST_CASE("request: OPTIONS looks at nothing but path and profile", "[unit][parse]") {
    const Result<Request> result = parsed({.method = "OPTIONS",
                                           .target = "/items?id=0&limit=-1",
                                           .headers = {{"Lintas-Consistency", "x"}}});
    REQUIRE(result.has_value());
    CHECK(result->method == Method::options);
    CHECK(result->relation == "items");
}

TEST_CASE("request: a write keeps its facts for the statement", "[unit][parse]") {
    const Result<Request> result = parsed({.method = "PATCH",
                                           .target = "/items?id=eq.1&select=id&or=(a.eq.1)",
                                           .headers = {{"Prefer", "return=representation"}}});
    REQUIRE(result.has_value());
    CHECK_FALSE(result->is_read());
    CHECK(result->query.has_logic);
    CHECK(result->query.where.size() == 2);
    CHECK(result->prefer.return_ == Preferences::Return::representation);
}

}  // namespace lintas::parse
