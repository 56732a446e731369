#include <catch2/catch.hpp>

#include "requests.hpp"

using namespace lintas;
using namespace lintas::sql;
using namespace lintas::sql::test;

namespace {

Statement requested(std::vector<HeaderView> headers, std::string_view target = "/t?id=eq.1") {
    RawRequest raw;
    raw.method = "GET";
    raw.target = target;
    raw.headers = headers;
    return request_settings(raw);
}

}  // namespace

TEST_CASE("settings: the order of the dialect, with the role's own settings before the role",
          "[unit][sql]") {
    const std::vector<std::string> extra{"public", "a\"b"};
    const auth::Identity identity{"web", false, R"({"role":"web"})"};
    const schema::Role role{"web", {{"statement_timeout", "3s"}, {"work_mem", "1MB"}}, ""};
    parse::Preferences prefer;
    prefer.timezone = "Asia/Jakarta";
    const SettingsInput input{.schema = "api",
                              .extra_search_path = extra,
                              .identity = identity,
                              .role = &role,
                              .prefer = prefer,
                              .read_only = true};
    const Statement all = shared_settings(input, true);
    CHECK(
        all.text ==
        "SELECT set_config('search_path', $1, true), set_config($2, $3, true), set_config($4, $5, "
        "true), set_config('role', $6, true), set_config('request.jwt.claims', $7, true), "
        "set_config('timezone', $8, true), set_config('transaction_read_only', 'on', true)");
    CHECK(all.params == Params{R"("api", "public", "a""b")", "statement_timeout", "3s", "work_mem",
                               "1MB", "web", R"({"role":"web"})", "Asia/Jakarta"});
    CHECK(shared_settings(input, false).text.find("claims") == std::string::npos);
}

TEST_CASE("settings: without role, time zone and claims little is left", "[unit][sql]") {
    const std::vector<std::string> extra;
    const auth::Identity identity;
    const parse::Preferences prefer;
    const SettingsInput input{.schema = "api",
                              .extra_search_path = extra,
                              .identity = identity,
                              .prefer = prefer,
                              .read_only = true};
    const std::string read_only = ", set_config('transaction_read_only', 'on', true)";
    CHECK(shared_settings(input, false).text ==
          "SELECT set_config('search_path', $1, true)" + read_only);
    CHECK(shared_settings(input, true).text ==
          "SELECT set_config('search_path', $1, true), set_config('request.jwt.claims', $2, true)" +
              read_only);
}

TEST_CASE("settings: a write waits for its log record, after the role's settings said it need not",
          "[unit][sql]") {
    const std::vector<std::string> extra;
    const auth::Identity identity;
    const parse::Preferences prefer;
    schema::Role role;
    role.settings = {{"synchronous_commit", "off"}};
    const SettingsInput input{.schema = "api",
                              .extra_search_path = extra,
                              .identity = identity,
                              .role = &role,
                              .prefer = prefer};
    CHECK(shared_settings(input, false).text ==
          "SELECT set_config('search_path', $1, true), set_config($2, $3, true), "
          "set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' "
          "THEN 'local' ELSE current_setting('synchronous_commit') END, true)");
}

TEST_CASE("settings: one request's settings, and what the last one may have left behind",
          "[unit][sql]") {
    const Statement plain = requested({});
    CHECK(plain.text ==
          "SELECT set_config('request.method', $1, true), set_config('request.path', $2, true), "
          "set_config('request.headers', $3, true), set_config('request.cookies', $4, true), "
          "set_config('response.headers', '', true), set_config('response.status', '', true)");
    CHECK(plain.params == Params{"GET", "/t", "{}", "{}"});
    CHECK(requested({{"X", "'"}}, "/other").text == plain.text);
}

TEST_CASE("settings: header names are lower case, lines of one name one list, cookies apart",
          "[unit][sql]") {
    const Statement built = requested({{"X-Thing", "a"},
                                       {"Prefer", "count=exact"},
                                       {"x-thing", "b \"c\" \\"},
                                       {"Cookie", "a=1; b=\"2\";c; a=3;;=x"},
                                       {"COOKIE", "d=4"}});
    CHECK(built.params[2] == R"({"x-thing":"a, b \"c\" \\","prefer":"count=exact"})");
    CHECK(built.params[3] == R"({"a":"3","b":"\"2\"","c":"","":"x","d":"4"})");
}

TEST_CASE("settings: bytes that are not UTF-8 do not spoil the request", "[unit][sql]") {
    const Statement built = requested({{"X", "a\xff\x01z"}}, "/\xc3\x28");
    CHECK(built.params[2] == "{\"x\":\"a\xEF\xBF\xBD\\u0001z\"}");
    CHECK(built.params[1] == "/\xEF\xBF\xBD(");
}

TEST_CASE("settings: the pre-request function is quoted in both parts", "[unit][sql]") {
    CHECK(pre_request_call("api.check").text == R"(SELECT "api"."check"())");
    CHECK(pre_request_call("check").text == R"(SELECT "check"())");
    CHECK(pre_request_call("a\"p.c(").text == R"(SELECT "a""p"."c("())");
}
