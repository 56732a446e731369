#include "respond/freshness.hpp"

#include <array>
#include <catch2/catch.hpp>

#include "replies.hpp"

using namespace lintas;
using namespace lintas::respond;
using namespace std::chrono_literals;

TEST_CASE("freshness: Age is whole seconds, rounded up", "[unit][respond]") {
    struct Row {
        std::chrono::nanoseconds behind;
        std::string age;
    };
    const auto row = GENERATE(values<Row>({
        {0ns, "0"},
        {1ns, "1"},
        {1s, "1"},
        {1s + 1ns, "2"},
        {4900ms, "5"},
        {-3s, "0"},
        {24h, "86400"},
        {std::chrono::nanoseconds::max(), "9223372037"},
    }));
    Reply reply;
    reply.add("Age", "77");
    set_age(reply, row.behind);
    REQUIRE(reply.headers.size() == 1);
    CHECK(reply.header("Age") == row.age);
}

TEST_CASE("freshness: the cache's status is RFC 9211's", "[unit][respond]") {
    struct Row {
        CacheResult result;
        std::string_view detail;
        std::string text;
    };
    const auto row = GENERATE(values<Row>({
        {CacheResult::hit, "", "lintas; hit"},
        {CacheResult::hit, "", "lintas; hit"},
        {CacheResult::miss, "", "lintas; fwd=miss"},
        {CacheResult::miss, "", "lintas; fwd=miss"},
        {CacheResult::bypass, "it is a view", R"(lintas; fwd=bypass; detail="it is a view")"},
        {CacheResult::bypass, "", "lintas; fwd=bypass"},
    }));
    Reply reply;
    set_cache_status(reply, row.result, row.detail);
    CHECK(reply.header("Cache-Status") == row.text);
}

TEST_CASE("freshness: the position is a header, and a cookie where that is asked for",
          "[unit][respond]") {
    Reply reply;
    reply.add("Set-Cookie", "session=1");
    set_position(reply, "old");
    set_position(reply, "t0.~_-K");
    set_position_cookie(reply, "old", false);
    set_position_cookie(reply, "t0.~_-K", true);
    CHECK(reply.header("Lintas-Position") == "t0.~_-K");
    REQUIRE(reply.headers.size() == 3);
    CHECK(reply.headers[0].second == "session=1");
    const std::string set = "lintas-position=t0.~_-K; Path=/; HttpOnly; SameSite=Lax; Secure";
    CHECK(reply.headers[2].second == set);

    // What is set is what is read.
    const std::string pair = set.substr(0, set.find(';'));
    const std::array headers{HeaderView{"Cookie", pair}};
    RawRequest raw;
    raw.headers = headers;
    CHECK(parse::position_cookie(raw) == "t0.~_-K");

    clear_position_cookie(reply, false);
    REQUIRE(reply.headers.size() == 3);
    CHECK(reply.headers[2].second == "lintas-position=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
}
