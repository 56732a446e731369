#include "support.hpp"

namespace lintas::parse {

namespace {

std::string shown_window(const Window& window) {
    return std::to_string(window.offset) + "+" +
           (window.limit ? std::to_string(*window.limit) : "all");
}

constexpr auto kNegative = "Limit should be greater than or equal to zero.";
constexpr auto kUpsideDown =
    "The lower boundary must be lower than or equal to the upper boundary in the Range header.";
constexpr auto kApart =
    "The Range header and the limit and offset parameters have no row in common.";

}  // namespace

TEST_CASE("window: limit, offset and Range make one window", "[unit][parse]") {
    struct Row {
        std::string query;
        std::string range;
        std::string window;  // or the details of a 416
    };
    const auto row = GENERATE(values<Row>({
        {"", "", "0+all"},
        {"limit=3", "", "0+3"},
        {"offset=2", "", "2+all"},
        {"limit=3&offset=2", "", "2+3"},
        {"limit=1&limit=3", "", "0+3"},
        {"limit=0", "", "0+0"},
        {"limit=0&offset=5", "", "0+0"},
        {"limit=abc", "", "0+all"},
        {"limit=1.5", "", "0+all"},
        {"limit=", "", "0+all"},
        {"offset=abc", "", "0+all"},
        {"limit=abc&offset=5", "", "0+0"},
        {"limit=5&offset=abc", "", "0+5"},
        {"limit=99999999999999999999", "", "0+all"},
        {"limit=9223372036854775807", "", "0+9223372036854775807"},
        {"limit=9223372036854775807&offset=5", "", "5+all"},
        {"limit=2&offset=9223372036854775807", "", "9223372036854775807+all"},
        {"offset=-4", "", "0+all"},
        {"offset=-4&limit=10", "", "0+6"},
        {"offset=-4&limit=4", "", "0+0"},
        {"offset=-4&limit=3", "", kNegative},
        {"offset=-9223372036854775808&limit=9223372036854775807", "", kNegative},
        {"limit=-1", "", kNegative},
        {"limit=-1&offset=5", "", kNegative},
        {"", "0-1", "0+2"},
        {"", "5-", "5+all"},
        {"", "0-0", "0+1"},
        {"", "1-0", kUpsideDown},
        {"", "items=0-1", "0+all"},
        {"", "bytes=0-1", "0+all"},
        {"", "0-1,3-4", "0+all"},
        {"", "-5", "0+all"},
        {"", "-", "0+all"},
        {"", "x-y", "0+all"},
        {"", "99999999999999999999-", "0+all"},
        {"", "5-99999999999999999999", "5+all"},
        {"", "9223372036854775807-", "9223372036854775807+all"},
        {"limit=3", "0-1", "0+2"},
        {"limit=3", "0-9", "0+3"},
        {"offset=2", "0-4", "2+3"},
        {"offset=5&limit=2", "0-5", "5+1"},
        {"offset=5", "0-4", kApart},
        {"limit=0", "1-0", "0+0"},
        {"limit=0", "3-4", "0+0"},
    }));
    TestRequest request{.target = "/items?" + row.query};
    if (!row.range.empty()) request.headers.push_back({"Range", row.range});
    const Result<Request> result = parsed(request);
    INFO(row.query << " with " << row.range);
    if (result) {
        CHECK(shown_window(result->window) == row.window);
    } else {
        CHECK(result.error().code == Errc::bad_range);
        CHECK(result.error().message == "Requested range not satisfiable");
        CHECK(result.error().details == row.window);
    }
}

TEST_CASE("window: the Range header counts for GET alone", "[unit][parse]") {
    const auto method = GENERATE(as<std::string>{}, "HEAD", "POST", "PATCH", "DELETE", "PUT");
    const Result<Request> result =
        parsed({.method = method, .target = "/items", .headers = {{"Range", "1-0"}}});
    REQUIRE(result.has_value());
    CHECK(result->window.everything());
}

TEST_CASE("window: the query keeps what limit and offset said without the header",
          "[unit][parse]") {
    const Result<Request> result =
        parsed({.target = "/items?limit=5&offset=1", .headers = {{"Range", "2-3"}}});
    REQUIRE(result.has_value());
    CHECK(shown_window(result->query.window) == "1+5");
    CHECK(shown_window(result->window) == "2+2");
    CHECK(result->query.window_given);
}

TEST_CASE("window: PUT refuses limit and offset", "[unit][parse]") {
    const auto text = GENERATE(as<std::string>{}, "limit=1", "offset=0", "limit=x");
    const Error error = error_of({.method = "PUT", .target = "/items?id=eq.1&" + text});
    CHECK(error.code == Errc::put_window);
    CHECK(error.message == "limit/offset querystring parameters are not allowed for PUT");
}

}  // namespace lintas::parse
