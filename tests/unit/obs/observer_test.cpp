#include "obs/observer.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>

using namespace lintas::obs;
using namespace std::chrono_literals;

namespace {

std::chrono::system_clock::time_point fixed_time() {
    return std::chrono::sys_days{std::chrono::year{2024} / 3 / 1} + 12h + 34min + 56s + 789ms;
}

/// What is logged when `event` is done.
std::string logged(const RequestEvent& event, LogFormat format, LogLevel level = LogLevel::info) {
    const int fd = memfd_create("log", MFD_CLOEXEC);
    REQUIRE(fd >= 0);
    Metrics metrics{{.version = "0.1.0", .role = "primary"}};
    {
        LogOptions options;
        options.format = format;
        options.level = level;
        options.site = "jakarta";
        options.fd = fd;
        options.linger = 0ms;
        options.now = &fixed_time;
        Log log{options};
        Observer observer{log, metrics.add_thread()};
        observer.done(event);
    }
    std::array<char, 20000> bytes{};
    const ssize_t size = pread(fd, bytes.data(), bytes.size(), 0);
    close(fd);
    return {bytes.data(), static_cast<std::size_t>(size)};
}

RequestEvent full_event(const TraceContext& trace) {
    RequestEvent event;
    event.method = Method::get;
    event.route = Route::table;
    event.status = 206;
    event.source = Source::primary;
    event.consistency = Consistency::critical;
    event.path = "/orders?customer=eq.secret";
    event.schema = "public";
    event.relation = "orders";
    event.database_role = "web_anon";
    event.peer = "127.0.0.1:51234";
    event.request_id = "abc-1";
    event.trace = &trace;
    event.duration = 1234567ns;
    event.query = QueryKind::read;
    event.database_time = 1ms;
    event.response_bytes = 5120;
    event.rows = 25;
    return event;
}

TraceContext some_trace() {
    TraceContext trace;
    trace.trace_id.fill('a');
    trace.span_id.fill('b');
    trace.parent_id.fill('c');
    return trace;
}

}  // namespace

TEST_CASE("observer: the line of a full event, without its query string", "[unit][obs]") {
    const TraceContext trace = some_trace();
    CHECK(
        logged(full_event(trace), LogFormat::json) ==
        R"({"ts":"2024-03-01T12:34:56.789Z","level":"info","msg":"request","site":"jakarta","role":"primary",)"
        R"("method":"GET","path":"/orders","status":206,"route":"table","source":"primary",)"
        R"("consistency":"critical","schema":"public","relation":"orders","db_role":"web_anon",)"
        R"("duration_ms":1.234,"db_ms":1.000,"bytes":5120,"rows":25,"peer":"127.0.0.1:51234",)"
        R"("request_id":"abc-1","trace_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","span_id":"bbbbbbbbbbbbbbbb",)"
        R"("parent_span_id":"cccccccccccccccc"})"
        "\n");
    CHECK(logged(full_event(trace), LogFormat::text) ==
          "2024-03-01T12:34:56.789Z INFO  request method=GET path=/orders status=206 route=table "
          "source=primary "
          "consistency=critical schema=public relation=orders db_role=web_anon duration_ms=1.234 "
          "db_ms=1.000 "
          "bytes=5120 rows=25 peer=127.0.0.1:51234 request_id=abc-1 "
          "trace_id=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
          "span_id=bbbbbbbbbbbbbbbb parent_span_id=cccccccccccccccc\n");
}

TEST_CASE("observer: a request that was refused before it was read has few facts", "[unit][obs]") {
    RequestEvent event;
    event.status = 400;
    event.error_code = "LNT008";
    event.duration = 50us;
    CHECK(
        logged(event, LogFormat::json) ==
        R"({"ts":"2024-03-01T12:34:56.789Z","level":"info","msg":"request","site":"jakarta","role":"primary",)"
        R"("method":"other","path":"","status":400,"route":"other","source":"none","code":"LNT008",)"
        R"("duration_ms":0.050,"bytes":0})"
        "\n");
}

TEST_CASE("observer: a status of 500 and more is logged even when successes are not",
          "[unit][obs]") {
    struct Row {
        int status;
        std::string_view level;
    };
    const Row row = GENERATE(
        values<Row>({{200, ""}, {404, ""}, {500, "ERROR"}, {503, "WARN "}, {504, "WARN "}}));
    RequestEvent event;
    event.status = row.status;
    const std::string text = logged(event, LogFormat::text, LogLevel::warn);
    CHECK((text.empty() ? "" : text.substr(25, 5)) == row.level);
}

TEST_CASE("observer: a path of hostile bytes stays inside its value", "[unit][obs]") {
    RequestEvent event;
    event.status = 404;
    event.path = "/a\"b\xFF\n\x1b";
    CHECK(logged(event, LogFormat::json)
              .find(R"("path":"/a\"b)"
                    "\xEF\xBF\xBD"
                    R"(\n\u001b","status")") != std::string::npos);
}

TEST_CASE("event: methods are told apart by their exact name", "[unit][obs]") {
    struct Row {
        std::string_view name;
        Method method;
    };
    const Row row = GENERATE(values<Row>({{"GET", Method::get},
                                          {"HEAD", Method::head},
                                          {"POST", Method::post},
                                          {"PATCH", Method::patch},
                                          {"PUT", Method::put},
                                          {"DELETE", Method::del},
                                          {"OPTIONS", Method::options},
                                          {"get", Method::other},
                                          {"other", Method::other},
                                          {"BREW", Method::other},
                                          {"", Method::other}}));
    CHECK(method_from(row.name) == row.method);
}

TEST_CASE("event: a path ends where the query string begins", "[unit][obs]") {
    CHECK(path_of("/items?id=eq.1") == "/items");
    CHECK(path_of("/items") == "/items");
    CHECK(path_of("/items#x?y") == "/items");
    CHECK(path_of("?").empty());
}
