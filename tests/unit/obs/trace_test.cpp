#include "obs/trace.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

using namespace lintas;
using namespace lintas::obs;

namespace {

constexpr std::string_view kTrace = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view kParent = "b7ad6b7169203331";

std::string parent_header(std::string_view flags = "01") {
    return "00-" + std::string{kTrace} + "-" + std::string{kParent} + "-" + std::string{flags};
}

RawRequest with(const std::vector<HeaderView>& headers) {
    RawRequest raw;
    raw.headers = headers;
    return raw;
}

bool is_id(std::string_view id) {
    return id.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
           id.find_first_not_of('0') != std::string_view::npos;
}

IdSource ids() {
    return IdSource{{1, 2, 3, 4}};
}

}  // namespace

TEST_CASE("trace: a valid traceparent is continued under a new span id", "[unit][obs]") {
    IdSource source = ids();
    const std::string header = parent_header();
    const TraceContext trace =
        trace_from(with({{"TraceParent", header}, {"tracestate", "a=1,b=2"}}), source);
    CHECK(trace.continued());
    CHECK(trace.trace_id_text() == kTrace);
    CHECK(trace.parent_id_text() == kParent);
    CHECK(is_id(trace.span_id_text()));
    CHECK(trace.span_id_text() != kParent);
    CHECK(trace.flags == kSampled);
    CHECK(trace.tracestate == "a=1,b=2");
    CHECK(trace.traceparent() ==
          "00-" + std::string{kTrace} + "-" + std::string{trace.span_id_text()} + "-01");
    CHECK(trace_from(with({{"traceparent", header}}), source).span_id_text() !=
          trace.span_id_text());
}

TEST_CASE("trace: flags are kept as far as they are defined", "[unit][obs]") {
    struct Row {
        std::string header;
        std::uint8_t flags;
    };
    const Row row = GENERATE(values<Row>({
        {parent_header("00"), 0},
        {parent_header("01"), 1},
        {parent_header("02"), 2},
        {parent_header("03"), 3},
        {parent_header("ff"), 3},
        {"cc-" + parent_header("ff").substr(3), 1},  // a later version: the sampled bit alone
        {"cc-" + parent_header("02").substr(3), 0},
    }));
    const auto parsed = parse_traceparent(row.header);
    REQUIRE(parsed);
    CHECK(parsed->flags == row.flags);
}

TEST_CASE("trace: a malformed traceparent begins a new trace", "[unit][obs]") {
    const std::string good = parent_header();
    std::string upper = good;
    std::ranges::transform(upper, upper.begin(), [](char c) {
        return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
    });
    const std::vector<std::string> bad{
        "",
        "00",
        good.substr(0, 54),
        good + "-",  // nothing may follow version 00
        good + "-what",
        "cc" + good.substr(2) + "x",  // a later version needs a dash
        "ff" + good.substr(2),
        "0x" + good.substr(2),
        upper,
        "00-00000000000000000000000000000000-" + std::string{kParent} + "-01",
        "00-" + std::string{kTrace} + "-0000000000000000-01",
        "00_" + good.substr(3),
        good.substr(0, 35) + "_" + good.substr(36),
        good.substr(0, 52) + "_" + good.substr(53),
        good.substr(0, 53) + "0g",
        " " + good,
    };
    for (const std::string& header : bad) {
        CAPTURE(header);
        CHECK_FALSE(parse_traceparent(header));
        IdSource source = ids();
        const TraceContext trace =
            trace_from(with({{"traceparent", header}, {"tracestate", "a=1"}}), source);
        CHECK_FALSE(trace.continued());
        CHECK(is_id(trace.trace_id_text()));
        CHECK(trace.trace_id_text() != kTrace);
        CHECK(trace.parent_id_text().empty());
        CHECK(trace.tracestate.empty());
        CHECK(trace.flags == 0);
    }
    CHECK(parse_traceparent("cc" + good.substr(2)));
    CHECK(parse_traceparent("cc" + good.substr(2) + "-what-the-future-is-like"));
}

TEST_CASE("trace: two traceparents, or a malformed tracestate, begin a new trace", "[unit][obs]") {
    IdSource source = ids();
    const std::string header = parent_header();
    CHECK_FALSE(
        trace_from(with({{"traceparent", header}, {"traceparent", header}}), source).continued());
    CHECK_FALSE(
        trace_from(with({{"traceparent", header}, {"tracestate", "A=1"}}), source).continued());
    CHECK_FALSE(trace_from(with({}), source).continued());
    CHECK_FALSE(trace_from(with({{"tracestate", "a=1"}}), source).continued());
}

TEST_CASE("trace: several tracestate headers are one list in their order", "[unit][obs]") {
    IdSource source = ids();
    const std::string header = parent_header();
    const TraceContext trace = trace_from(
        with({{"tracestate", "a=1"}, {"traceparent", header}, {"tracestate", "b=2"}}), source);
    CHECK(trace.tracestate == "a=1,b=2");
}

TEST_CASE("trace: tracestate follows its grammar", "[unit][obs]") {
    struct Row {
        std::string header;
        bool valid;
    };
    std::string members;
    for (int i = 0; i < 32; ++i) members += (i > 0 ? ",k" : "k") + std::to_string(i) + "=v";
    const Row row = GENERATE_COPY(values<Row>({
        {"", true},
        {"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", true},
        {"a=1, b=2\t,\t c=3 ", true},
        {"a=1,,b=2", true},
        {"a_-*/9=x y", true},
        {"0tenant@vendor=x", true},
        {std::string(256, 'a') + "=x", true},
        {"a=" + std::string(256, 'x'), true},
        {members, true},
        {members + ",more=v", false},
        {std::string(257, 'a') + "=x", false},
        {"a=" + std::string(257, 'x'), false},
        {"a", false},
        {"=1", false},
        {"a=", false},
        {"A=1", false},
        {"0a=1", false},
        {"a=1=2", false},
        {"a =1", false},
        {"a@b@c=1", false},
        {"a@=1", false},
        {"a@0vendor=1", false},
        {"a@" + std::string(15, 'v') + "=1", false},
        {"a=1,a=2", false},
        {"a=\xC3\xA9", false},
    }));
    CAPTURE(row.header);
    CHECK(valid_tracestate(row.header) == row.valid);
}

TEST_CASE("request id: 1 to 128 visible ASCII characters", "[unit][obs]") {
    CHECK(valid_request_id("a"));
    CHECK(valid_request_id("!~{\"}"));
    CHECK(valid_request_id(std::string(128, 'x')));
    CHECK_FALSE(valid_request_id(""));
    CHECK_FALSE(valid_request_id(std::string(129, 'x')));
    CHECK_FALSE(valid_request_id("a b"));
    CHECK_FALSE(valid_request_id("a\x7f"));
    CHECK_FALSE(valid_request_id("caf\xC3\xA9"));
}

TEST_CASE("request id: echoed when it is good, made when it is absent, refused otherwise",
          "[unit][obs]") {
    IdSource source = ids();
    CHECK(*request_id_from(with({{"X-Request-ID", "abc-1"}}), source) == "abc-1");
    const auto made = request_id_from(with({}), source);
    REQUIRE(made);
    CHECK(made->size() == 15);
    CHECK(valid_request_id(*made));
    for (const std::vector<HeaderView>& headers :
         {std::vector<HeaderView>{{"x-request-id", ""}},
          std::vector<HeaderView>{{"x-request-id", "a b"}},
          std::vector<HeaderView>{{"x-request-id", "a"}, {"X-Request-Id", "a"}}}) {
        const auto id = request_id_from(with(headers), source);
        REQUIRE_FALSE(id);
        CHECK(id.error().code == Errc::bad_header);
        CHECK(id.error().message.find("X-Request-Id") != std::string::npos);
    }
}

TEST_CASE("ids: differ within a thread and between threads", "[unit][obs]") {
    IdSource a;
    IdSource b;
    std::set<std::string> seen;
    for (int i = 0; i < 20000; ++i) {
        REQUIRE(seen.insert(new_request_id(a)).second);
        REQUIRE(seen.insert(new_request_id(b)).second);
        const TraceContext trace = new_trace(a);
        REQUIRE(is_id(trace.trace_id_text()));
        REQUIRE(seen.insert(std::string{trace.trace_id_text()}).second);
        REQUIRE(seen.insert(std::string{trace.span_id_text()}).second);
    }
}

TEST_CASE("ids: xoshiro256++ gives its published sequence", "[unit][obs]") {
    IdSource source = ids();
    CHECK(source.next() == 41943041);
    CHECK(source.next() == 58720359);
    CHECK(source.next() == 3588806011781223);
    CHECK(source.next() == 3591011842654386);
}
