#include "support.hpp"

namespace lintas::parse {

namespace {

Result<Payload> payload_of(const TestRequest& test, std::size_t max_depth = 8) {
    Result<Request> request = parsed(test);
    REQUIRE(request.has_value());
    const Result<void> done = parse_payload(test.raw(), *request, max_depth);
    if (!done) return fail(done.error());
    REQUIRE(request->payload.has_value());
    return *std::move(request->payload);
}

Result<Payload> json_payload(std::string_view body, std::size_t max_depth = 8) {
    return payload_of({.method = "POST", .body = std::string{body}}, max_depth);
}

Result<Payload> typed_payload(std::string_view type, std::string_view body) {
    return payload_of(
        {.method = "POST", .headers = {{"Content-Type", type}}, .body = std::string{body}});
}

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("payload: JSON is passed on as it came, with its keys and rows", "[unit][parse]") {
    struct Row {
        std::string body;
        bool is_object;
        Keys keys;
        std::size_t rows;
    };
    const auto row = GENERATE(values<Row>({
        {"{}", true, {}, 1},
        {"[]", false, {}, 0},
        {"[{}]", false, {}, 1},
        {"[{},{}]", false, {}, 2},
        {" \n{\"a\":1, \"b\":[1,{\"c\":2}]} ", true, {"a", "b"}, 1},
        {"[{\"a\":1,\"b\":2},{\"b\":3,\"a\":4}]", false, {"a", "b"}, 2},
        {"[{\"b\":{\"x\":1},\"a\":2},{\"a\":1,\"b\":{\"y\":[]}}]", false, {"b", "a"}, 2},
        {"{\"a\":1,\"a\":2}", true, {"a"}, 1},
        {"[{\"a\":1},{\"a\":1,\"a\":2}]", false, {"a"}, 2},
        {"{\"\\u0061\\\"b\":1}", true, {"a\"b"}, 1},
        {"{\"\xC3\xA9\":1}", true, {"\xC3\xA9"}, 1},
        {"{\"\":1}", true, {""}, 1},
        {"{\"a\":1.10e400}", true, {"a"}, 1},
    }));
    const Result<Payload> payload = json_payload(row.body);
    INFO(row.body);
    REQUIRE(payload.has_value());
    CHECK(payload->json == row.body);
    CHECK(payload->is_object == row.is_object);
    CHECK(payload->keys_known);
    CHECK(payload->keys == row.keys);
    CHECK(payload->rows == row.rows);
}

TEST_CASE("payload: a JSON scalar counts as an empty array", "[unit][parse]") {
    const auto body = GENERATE(as<std::string>{}, "1", "\"x\"", "null", "true", " -1.5 ");
    const Result<Payload> payload = json_payload(body);
    REQUIRE(payload.has_value());
    CHECK(payload->json == "[]");
    CHECK(payload->rows == 0);
    CHECK_FALSE(payload->is_object);
}

TEST_CASE("payload: what is no JSON is refused with the dialect's text", "[unit][parse]") {
    const auto body = GENERATE(as<std::string>{}, "", "  ", "{", "{\"a\":1", "{\"a\":1}}", "[1,]",
                               "{a:1}", "{\"a\":1,}", "[{\"a\":1}] x", "\xFF", "{\"a\":\"\xFF\"}",
                               "{\"a\":\"\n\"}", "{\"a\":\"\\ud800\"}", "{\"\\u0000\":1}",
                               "[1,{\"a\"}]", "// x\n{}", "{\"a\":01}", "nul", "\xEF\xBB\xBF{}");
    const Result<Payload> payload = json_payload(body);
    INFO(body);
    REQUIRE_FALSE(payload.has_value());
    CHECK(payload.error().code == Errc::bad_body);
    CHECK(payload.error().message == "Empty or invalid json");
}

TEST_CASE("payload: a raw NUL is refused, parsed or not", "[unit][parse]") {
    const std::string body{"{\"a\":1}\0", 8};
    CHECK_FALSE(json_payload(body).has_value());
    const Result<Payload> raw =
        payload_of({.method = "POST", .target = "/items?columns=a", .body = body});
    REQUIRE_FALSE(raw.has_value());
    CHECK(raw.error().code == Errc::bad_body);
}

TEST_CASE("payload: rows must have one set of keys", "[unit][parse]") {
    const auto body =
        GENERATE(as<std::string>{}, "[{\"a\":1},{\"b\":1}]", "[{\"a\":1},{\"a\":1,\"b\":2}]",
                 "[{\"a\":1,\"b\":2},{\"a\":1}]", "[{\"a\":1},{}]", "[{},{\"a\":1}]", "[1]",
                 "[{\"a\":1},1]", "[{\"a\":1},[{\"a\":1}]]", "[[]]", "[null]", "[\"x\"]",
                 "[{\"a\":1,\"b\":1},{\"a\":1,\"a\":1}]", "[true,{}]");
    const Result<Payload> payload = json_payload(body);
    INFO(body);
    REQUIRE_FALSE(payload.has_value());
    CHECK(payload.error().code == Errc::bad_body);
    CHECK(payload.error().message == "All object keys must match");
}

TEST_CASE("payload: many keys in any order are compared as a set", "[unit][parse]") {
    std::string first;
    std::string second;
    for (int i = 0; i < 200; ++i) {
        const std::string member = "\"k" + std::to_string(i) + "\":1";
        first += (i > 0 ? "," : "") + member;
        second = member + (i > 0 ? "," : "") + second;
    }
    CHECK(json_payload("[{" + first + "},{" + second + "}]")->keys.size() == 200);
    CHECK_FALSE(json_payload("[{" + first + "},{" + second + ",\"x\":1}]").has_value());
}

TEST_CASE("payload: no object has more keys than a row has columns", "[unit][parse]") {
    std::string body = "{\"k\":1";
    for (int i = 1; i < 1664; ++i) body += ",\"k" + std::to_string(i) + "\":1";
    CHECK(json_payload(body + "}")->keys.size() == 1664);
    const Result<Payload> payload = json_payload(body + ",\"x\":1}");
    REQUIRE_FALSE(payload.has_value());
    CHECK(payload.error().message == "An object has more than 1664 keys");
}

TEST_CASE("payload: nesting is limited, parsed or not", "[unit][parse]") {
    const auto nested = [](std::size_t depth) {
        return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
    };
    const auto target = GENERATE(as<std::string>{}, "/items", "/items?columns=a");
    const auto payload = [&](std::size_t depth, std::size_t max_depth) {
        return payload_of({.method = "POST", .target = target, .body = nested(depth)}, max_depth);
    };
    CHECK(payload(8, 8).has_value());
    const Result<Payload> deep = payload(9, 8);
    REQUIRE_FALSE(deep.has_value());
    CHECK(deep.error().code == Errc::too_complex);
    CHECK(deep.error().details == "limits.nesting: the body has more than 8 levels");
    CHECK(payload(100000, 10000000).error().code == Errc::too_complex);  // the stack's own bound
}

TEST_CASE("payload: with columns the body is not parsed", "[unit][parse]") {
    struct Row {
        std::string method;
        std::string body;
        bool is_object;
        bool keys_known;
    };
    const auto row = GENERATE(values<Row>({
        {"POST", "{\"a\":1}", true, false},
        {"POST", "[{\"a\":1},{\"b\":1}]", false, false},
        {"PATCH", " \t\r\n{\"a\":", true, false},
        {"POST", "", false, false},
        {"POST", "{\"a\":\"[[[[[[[[[[[[\\\"[[[[[[[[[\"}", true, false},
        {"PUT", "{\"a\":1}", true, true},
    }));
    const Result<Payload> payload =
        payload_of({.method = row.method, .target = "/items?columns=a", .body = row.body});
    REQUIRE(payload.has_value());
    CHECK(payload->json == row.body);
    CHECK(payload->is_object == row.is_object);
    CHECK(payload->keys_known == row.keys_known);
}

TEST_CASE("payload: CSV becomes an array of objects", "[unit][parse]") {
    struct Row {
        std::string body;
        std::string json;
        Keys keys;
    };
    const auto row = GENERATE(values<Row>({
        {"a,b\n1,hi\n2,bye",
         "[{\"a\":\"1\",\"b\":\"hi\"},{\"a\":\"2\",\"b\":\"bye\"}]",
         {"a", "b"}},
        {"a,b\r\n1,\r\n", "[{\"a\":\"1\",\"b\":\"\"}]", {"a", "b"}},
        {"a\rNULL\r", "[{\"a\":null}]", {"a"}},
        {"a\n\"NULL\"\n", "[{\"a\":\"NULL\"}]", {"a"}},
        {"a\nnull", "[{\"a\":\"null\"}]", {"a"}},
        {"a,b\n\"x,\"\"y\"\"\nz\",2\n", "[{\"a\":\"x,\\\"y\\\"\\nz\",\"b\":\"2\"}]", {"a", "b"}},
        {"\"a,b\"\n1\n", "[{\"a,b\":\"1\"}]", {"a,b"}},
        {"a\n\n\n1\n\n", "[{\"a\":\"1\"}]", {"a"}},
        {"a\n\"\"\n", "[{\"a\":\"\"}]", {"a"}},
        {"a,b\n,\n", "[{\"a\":\"\",\"b\":\"\"}]", {"a", "b"}},
        {"a,b", "[]", {}},
        {"a\n\xC3\xA9\t\\", "[{\"a\":\"\xC3\xA9\\t\\\\\"}]", {"a"}},
    }));
    const Result<Payload> payload = typed_payload("text/csv", row.body);
    INFO(row.body);
    REQUIRE(payload.has_value());
    CHECK(payload->json == row.json);
    CHECK(payload->keys == row.keys);
    CHECK(payload->keys_known);
    CHECK_FALSE(payload->is_object);
}

TEST_CASE("payload: malformed CSV is refused with its line", "[unit][parse]") {
    struct Row {
        std::string body;
        std::string message;
        std::string details;
    };
    const auto row = GENERATE(values<Row>({
        {"", "Empty or invalid csv", "there is no header line"},
        {"\n\r\n", "Empty or invalid csv", "there is no header line"},
        {"a,b\n1\n", "All lines must have same number of fields", "line 2 has 1, the header has 2"},
        {"a\n1\n\n1,2\n", "All lines must have same number of fields",
         "line 4 has 2, the header has 1"},
        {"a\n\"x\ny\"\n1,2\n", "All lines must have same number of fields",
         "line 4 has 2, the header has 1"},
        {"a,a\n1,2\n", "Empty or invalid csv", "the header line names a column twice"},
        {"a\n\xFF\n", "Empty or invalid csv", "the body is not UTF-8, or contains a NUL byte"},
    }));
    const Result<Payload> payload = typed_payload("text/csv", row.body);
    REQUIRE_FALSE(payload.has_value());
    CHECK(payload.error().code == Errc::bad_body);
    CHECK(payload.error().message == row.message);
    CHECK(payload.error().details == row.details);
}

TEST_CASE("payload: a stray quote in CSV is refused", "[unit][parse]") {
    const auto body =
        GENERATE(as<std::string>{}, "a\n\"x", "a\nx\"y\n", "a\n\"x\"y\n", "a\n\"x\"\"", "\"a\n1");
    const Result<Payload> payload = typed_payload("text/csv", body);
    REQUIRE_FALSE(payload.has_value());
    CHECK(payload.error().message == "Empty or invalid csv");
    CHECK(payload.error().details.starts_with(body.starts_with('"') ? "line 1:" : "line 2:"));
}

TEST_CASE("payload: a small CSV cannot become a huge text", "[unit][parse]") {
    std::string body(60000, 'n');
    for (int i = 0; i < 2000; ++i) body += "\n1";
    const Result<Payload> payload = typed_payload("text/csv", body);
    REQUIRE_FALSE(payload.has_value());
    CHECK(payload.error().code == Errc::body_too_large);
}

TEST_CASE("payload: an urlencoded body becomes one object", "[unit][parse]") {
    struct Row {
        std::string body;
        std::string json;
        Keys keys;
    };
    const auto row = GENERATE(values<Row>({
        {"", "{}", {}},
        {"a=1&b=x+y", "{\"a\":\"1\",\"b\":\"x y\"}", {"a", "b"}},
        {"a=1&b=2&a=3", "{\"a\":\"3\",\"b\":\"2\"}", {"a", "b"}},
        {"a%20b=%22&c", "{\"a b\":\"\\\"\",\"c\":\"\"}", {"a b", "c"}},
        {"a=x=y&&", "{\"a\":\"x=y\"}", {"a"}},
    }));
    const Result<Payload> payload = typed_payload("application/x-www-form-urlencoded", row.body);
    REQUIRE(payload.has_value());
    CHECK(payload->json == row.json);
    CHECK(payload->keys == row.keys);
    CHECK(payload->is_object);
    CHECK(payload->rows == 1);
}

TEST_CASE("payload: an urlencoded body that cannot be decoded is refused", "[unit][parse]") {
    const auto body = GENERATE(as<std::string>{}, "a=%", "a=%00", "%FF=1", "a=%zz");
    const Result<Payload> payload = typed_payload("application/x-www-form-urlencoded", body);
    REQUIRE_FALSE(payload.has_value());
    CHECK(payload.error().code == Errc::bad_body);
    CHECK(payload.error().message == "Empty or invalid urlencoded body");
}

TEST_CASE("payload: the type of the body is taken from Content-Type", "[unit][parse]") {
    CHECK(typed_payload("application/json; charset=utf-8", "{}").has_value());
    CHECK(typed_payload("Application/JSON;charset=UTF-8", "{}").has_value());
    CHECK(typed_payload("", "{}").has_value());
    CHECK(typed_payload("text/csv; header=present", "a\n1").has_value());
    const Result<Payload> payload = typed_payload("text/html; charset=utf-8", "{}");
    REQUIRE_FALSE(payload.has_value());
    CHECK(payload.error().code == Errc::bad_body);
    CHECK(payload.error().message == "Content-Type not acceptable: text/html");
}

TEST_CASE("payload: methods without a payload have none", "[unit][parse]") {
    const auto method = GENERATE(as<std::string>{}, "GET", "HEAD", "DELETE", "OPTIONS");
    const TestRequest test{.method = method, .body = "not json"};
    Result<Request> request = parsed(test);
    REQUIRE(request.has_value());
    CHECK(parse_payload(test.raw(), *request, 8).has_value());
    CHECK_FALSE(request->payload);
}

}  // namespace lintas::parse
