#include <array>
#include <catch2/catch.hpp>
#include <span>

#include "replies.hpp"

using namespace lintas;
using namespace lintas::respond;
using namespace lintas::respond::test;

namespace {

RawRequest raw(std::span<const HeaderView> headers, std::string_view method = "GET") {
    RawRequest result;
    result.method = method;
    result.target = "/items";
    result.headers = headers;
    return result;
}

constexpr HeaderView kOrigin{"origin", "https://a.example"};
constexpr HeaderView kAsk{"Access-Control-Request-Method", "PUT"};

}  // namespace

TEST_CASE("options: Allow follows what the catalogue permits", "[unit][respond]") {
    struct Row {
        bool insertable, updatable, deletable, key;
        std::string allow;
    };
    const auto row = GENERATE(values<Row>({
        {true, true, true, true, "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"},
        {true, true, true, false, "OPTIONS,GET,HEAD,POST,PATCH,DELETE"},
        {false, false, false, true, "OPTIONS,GET,HEAD"},
        {true, false, false, true, "OPTIONS,GET,HEAD,POST"},
        {false, true, false, true, "OPTIONS,GET,HEAD,PATCH"},
        {false, false, true, true, "OPTIONS,GET,HEAD,DELETE"},
    }));
    schema::Relation table = relation();
    table.insertable = row.insertable;
    table.updatable = row.updatable;
    table.deletable = row.deletable;
    if (!row.key) table.primary_key.clear();
    CHECK(allow_for_relation(table) == row.allow);
    CHECK(allow_for_function({"s", "f", 'v'}) == "OPTIONS,POST");
    CHECK(allow_for_function({"s", "f", 's'}) == "OPTIONS,GET,HEAD,POST");
    CHECK(allow_for_function({"s", "f", 'i'}) == "OPTIONS,GET,HEAD,POST");

    const Reply reply = reply_to_options(row.allow);
    CHECK(reply.status == 200);
    CHECK(reply.header("Allow") == row.allow);
    CHECK(reply.header("Access-Control-Allow-Origin") == "*");
    CHECK(reply.content_length);
    CHECK(reply.body.size() == 0);
}

TEST_CASE("cors: a preflight needs OPTIONS, Origin and a requested method", "[unit][respond]") {
    const std::array both{kOrigin, kAsk};
    const std::array origin{kOrigin};
    const std::array ask{kAsk};
    CHECK(is_preflight(raw(both, "OPTIONS")));
    CHECK_FALSE(is_preflight(raw(both, "GET")));
    CHECK_FALSE(is_preflight(raw(origin, "OPTIONS")));
    CHECK_FALSE(is_preflight(raw(ask, "OPTIONS")));
}

TEST_CASE("cors: a preflight is answered with what may follow", "[unit][respond]") {
    const std::array headers{kOrigin, kAsk,
                             HeaderView{"Access-Control-Request-Headers", "apikey,  Prefer,,b@d"}};
    const Reply reply = reply_to_preflight(raw(headers, "OPTIONS"), {});
    CHECK(reply.status == 200);
    CHECK(reply.header("Access-Control-Allow-Origin") == "*");
    CHECK(reply.header("Access-Control-Allow-Methods") ==
          "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD");
    CHECK(reply.header("Access-Control-Allow-Headers") ==
          "Authorization, apikey, Prefer, Accept, Accept-Language, Content-Language");
    CHECK(reply.header("Access-Control-Max-Age") == "86400");
    CHECK(reply.header("Access-Control-Allow-Credentials").empty());

    const Reply stranger = reply_to_preflight(raw(headers, "OPTIONS"), {"https://b.example"});
    CHECK(stranger.status == 200);
    CHECK(stranger.header("Access-Control-Allow-Origin").empty());
    CHECK(stranger.header("Access-Control-Allow-Methods").empty());
}

TEST_CASE("cors: without a list every origin is allowed", "[unit][respond]") {
    Reply reply;
    add_cors(raw({}), {}, reply);
    CHECK(reply.headers.empty());

    const std::array headers{kOrigin};
    add_cors(raw(headers), {}, reply);
    CHECK(reply.header("Access-Control-Allow-Origin") == "*");
    CHECK(
        reply.header("Access-Control-Expose-Headers") ==
        "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, "
        "Transfer-Encoding, Range-Unit, Lintas-Position, Lintas-Source, Age, Cache-Status, ETag, "
        "Idempotency-Replayed, Retry-After, Preference-Applied, X-Request-Id");
    CHECK(reply.header("Vary").empty());
}

TEST_CASE("cors: with a list only its origins are, and caches are told", "[unit][respond]") {
    const std::array headers{kOrigin};
    Reply listed;
    listed.add("Vary", "Accept, Prefer, Range");
    add_cors(raw(headers), {"https://b.example", "https://a.example"}, listed);
    CHECK(listed.header("Access-Control-Allow-Origin") == "https://a.example");
    CHECK(listed.header("Access-Control-Allow-Credentials") == "true");
    CHECK(listed.header("Vary") == "Accept, Prefer, Range, Origin");

    Reply unlisted = reply_to_options("OPTIONS");
    add_cors(raw(headers), {"https://b.example"}, unlisted);
    CHECK(unlisted.header("Access-Control-Allow-Origin").empty());
    CHECK(unlisted.header("Access-Control-Expose-Headers").empty());
    CHECK(unlisted.header("Vary") == "Origin");

    Reply without;
    add_cors(raw({}), {"https://b.example"}, without);
    REQUIRE(without.headers.size() == 1);
    CHECK(without.header("Vary") == "Origin");
}
