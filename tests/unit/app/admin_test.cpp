#include "app/admin.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <exception>
#include <string>
#include <vector>

using namespace lintas;
using namespace lintas::app;
using namespace std::chrono_literals;

namespace {

DaemonState healthy() {
    DaemonState state;
    state.site = "jakarta";
    state.version = "0.1.0";
    state.started =
        std::chrono::sys_days{std::chrono::year{2024} / 3 / 1} + 12h + 34min + 56s + 789ms;
    state.uptime = 3723s;
    state.sources = {{"primary", "primary", SourceState::up, ""}};
    state.schema = {true, 12, "", state.started + 1s};
    state.pools = {{"primary", 16, 3, 1, 0, 2}};
    state.connections = 40;
    state.in_flight = 3;
    return state;
}

std::string body_of(const Reply& reply) {
    std::string all;
    for (const std::string_view piece : reply.body.pieces) all += piece;
    return all;
}

/// Answers one request and counts what the hooks were asked for.
struct Bench {
    DaemonState state = healthy();
    int reloads = 0;
    int drains = 0;
    AdminHooks hooks{.state = [this] { return state; },
                     .metrics = [] { return std::string{"# metrics\n"}; },
                     .reload = [this] { ++reloads; },
                     .drain = [this] { ++drains; }};

    Reply ask(std::string_view method, std::string_view target,
              const std::vector<HeaderView>& headers = {}) {
        RawRequest raw;
        raw.method = method;
        raw.target = target;
        raw.headers = headers;
        return answer_admin(raw, hooks);
    }
};

}  // namespace

TEST_CASE("admin: a ready daemon says so in one object", "[unit][app]") {
    Bench bench;
    const Reply reply = bench.ask("GET", "/ready");
    CHECK(reply.status == 200);
    CHECK(reply.header("content-type") == "application/json; charset=utf-8");
    CHECK(reply.header("cache-control") == "no-store");
    CHECK(body_of(reply) == R"({"ready":true,"degraded":false})");
    bench.state.degraded = true;
    CHECK(body_of(bench.ask("GET", "/ready")) == R"({"ready":true,"degraded":true})");
}

TEST_CASE("admin: a daemon that is not ready says why, a line of JSON for each part",
          "[unit][app]") {
    Bench bench;
    bench.state.problems = {{"database", "connection refused"},
                            {"schema", "not read yet: \"x\"\n\xFF"}};
    const Reply reply = bench.ask("GET", "/ready");
    CHECK(reply.status == 503);
    CHECK(reply.header("content-type") == "application/x-ndjson");
    CHECK(reply.header("retry-after") == "1");
    CHECK(body_of(reply) ==
          "{\"part\":\"database\",\"problem\":\"connection refused\"}\n"
          "{\"part\":\"schema\",\"problem\":\"not read yet: \\\"x\\\"\\n\xEF\xBF\xBD\"}\n");
}

TEST_CASE("admin: a draining daemon lives but is not ready", "[unit][app]") {
    Bench bench;
    bench.state.draining = true;
    CHECK(bench.ask("GET", "/ready").status == 503);
    CHECK(
        body_of(bench.ask("GET", "/ready")) ==
        "{\"part\":\"drain\",\"problem\":\"the daemon is draining and takes no new requests\"}\n");
    CHECK(bench.ask("GET", "/live").status == 200);
    CHECK(body_of(bench.ask("GET", "/live")) == R"({"live":true})");
}

TEST_CASE("admin: the status is one JSON object with every part", "[unit][app]") {
    Bench bench;
    CHECK(
        body_of(bench.ask("GET", "/status")) ==
        R"({"role":"primary","site":"jakarta","version":"0.1.0","started":"2024-03-01T12:34:56.789Z",)"
        R"("uptime_s":3723,"ready":true,"degraded":false,"draining":false,"problems":[],)"
        R"("sources":[{"name":"primary","kind":"primary","state":"up",)"
        R"("position":null,"lag_s":null,"round_trip_s":null,"error":null}],)"
        R"("schema":{"loaded":true,"relations":12,"loaded_at":"2024-03-01T12:34:57.789Z","error":null},)"
        R"("pools":[{"name":"primary","limit":16,"idle":3,"busy":1,"connecting":0,"waiting":2}],)"
        R"("caches":[],"feed":{"role":"none","state":"none","position":null,"lag_s":null,"slot":null,)"
        R"("wal_status":null,"hub":null,"tables":0,"subscribers":0,"ring_bytes":0,"problems":[]},)"
        R"("connections":40,"in_flight":3})");
}

TEST_CASE("admin: the status of a daemon in trouble is valid JSON and names the trouble",
          "[unit][app]") {
    Bench bench;
    bench.state.sources = {{"primary", "primary", SourceState::down, "FATAL: \"x\"\xFF"},
                           {"r1", "replica", SourceState::lagging, ""},
                           {"r2", "replica", SourceState::quarantined, ""}};
    bench.state.schema = {false, 0, "no connection", std::nullopt};
    bench.state.problems = {{"database", "away"}, {"schema", "not read"}};
    bench.state.pools.push_back({"r1", 8, 0, 0, 1, 0});
    const auto status = boost::json::parse(body_of(bench.ask("GET", "/status"))).as_object();
    CHECK(status.at("ready").as_bool() == false);
    CHECK(status.at("problems").as_array().size() == 2);
    CHECK(status.at("sources").as_array()[0].at("error").as_string() == "FATAL: \"x\"\xEF\xBF\xBD");
    CHECK(status.at("sources").as_array()[1].at("state").as_string() == "lagging");
    CHECK(status.at("sources").as_array()[2].at("state").as_string() == "quarantined");
    CHECK(status.at("schema").at("loaded_at").is_null());
    CHECK(status.at("pools").as_array().size() == 2);
}

TEST_CASE("admin: metrics are the text format", "[unit][app]") {
    Bench bench;
    const Reply reply = bench.ask("GET", "/metrics?x=1");
    CHECK(reply.header("content-type") == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(body_of(reply) == "# metrics\n");
}

TEST_CASE("admin: reload and drain are asked for with POST alone", "[unit][app]") {
    Bench bench;
    for (const char* method : {"GET", "HEAD", "PUT", "DELETE"}) {
        CHECK(bench.ask(method, "/reload").status == 405);
        CHECK(bench.ask(method, "/drain").header("allow") == "POST");
    }
    CHECK(bench.reloads + bench.drains == 0);
    CHECK(bench.ask("POST", "/reload").status == 202);
    CHECK(body_of(bench.ask("POST", "/drain")) == R"({"drain":"started"})");
    CHECK(bench.reloads == 1);
    CHECK(bench.drains == 1);
}

TEST_CASE("admin: a web page can neither reload nor drain", "[unit][app]") {
    Bench bench;
    CHECK(bench.ask("POST", "/drain", {{"Origin", "http://evil.example"}}).status == 403);
    CHECK(bench.ask("POST", "/reload", {{"origin", "null"}}).status == 403);
    CHECK(bench.reloads + bench.drains == 0);
}

TEST_CASE("admin: methods and paths that are not there", "[unit][app]") {
    struct Row {
        std::string_view method;
        std::string_view target;
        int status;
        std::string_view allow;
    };
    const Row row = GENERATE(values<Row>({
        {"HEAD", "/live", 200, ""},
        {"HEAD", "/status", 200, ""},
        {"GET", "/live?verbose", 200, ""},
        {"POST", "/live", 405, "GET, HEAD"},
        {"OPTIONS", "/status", 405, "GET, HEAD"},
        {"get", "/ready", 405, "GET, HEAD"},
        {"GET", "/", 404, ""},
        {"GET", "/live/", 404, ""},
        {"GET", "/metrics2", 404, ""},
        {"GET", "live", 404, ""},
        {"POST", "", 404, ""},
    }));
    Bench bench;
    const Reply reply = bench.ask(row.method, row.target);
    CAPTURE(row.method, row.target);
    CHECK(reply.status == row.status);
    CHECK(reply.header("allow") == row.allow);
    if (reply.status >= 400)
        CHECK(boost::json::parse(body_of(reply)).as_object().contains("message"));
}

TEST_CASE("admin: the handler answers on the loop and refuses what never was a request",
          "[unit][app]") {
    Bench bench;
    AdminHandler handler{bench.hooks};
    RawRequest raw;
    raw.method = "GET";
    raw.target = "/live";
    asio::io_context io;
    Reply reply;
    asio::co_spawn(io, handler.handle(raw, Deadline{}),
                   [&](const std::exception_ptr& leaked, Reply answered) {
                       CHECK_FALSE(leaked);
                       reply = std::move(answered);
                   });
    io.run();
    CHECK(reply.status == 200);
    CHECK(handler.refuse({Errc::bad_http, "not HTTP/1.1"}).status == 400);
}
