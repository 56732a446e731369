#include "obs/metrics.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "exposition_parser.hpp"
#include "obs/exposition.hpp"
#include "obs/process_stats.hpp"

using namespace lintas::obs;
using namespace std::chrono_literals;

namespace {

Metrics new_metrics() {
    return Metrics{{.version = "0.1.0", .role = "primary"}};
}

RequestEvent read_event() {
    RequestEvent event;
    event.method = Method::get;
    event.route = Route::table;
    event.status = 200;
    event.source = Source::primary;
    event.consistency = Consistency::eventual;
    event.duration = 300us;
    event.query = QueryKind::read;
    event.database_time = 200us;
    return event;
}

/// What the daemon says of itself, without what the kernel says of the process.
std::string own_part(const Metrics& metrics) {
    const std::string text = metrics.text();
    return text.substr(0, text.find("# HELP process_"));
}

}  // namespace

TEST_CASE("metrics: the text before any request", "[unit][obs]") {
    Metrics metrics = new_metrics();
    metrics.add_thread();
    std::string reads;
    for (const char* source : {"memory", "redis", "replica", "primary", "link", "none"}) {
        for (const char* consistency : {"eventual", "bounded", "session", "critical"}) {
            reads += std::string{"lintas_read_source_total{source=\""} + source +
                     "\",consistency=\"" + consistency + "\"} 0\n";
        }
    }
    const std::string own = own_part(metrics);
    CHECK(own.starts_with(
        "# HELP lintas_http_requests_total Requests answered.\n"
        "# TYPE lintas_http_requests_total counter\n"
        "# HELP lintas_http_request_seconds Time from a request's first byte to its answer's last, "
        "by the source "
        "that answered.\n"
        "# TYPE lintas_http_request_seconds histogram\n"
        "# HELP lintas_http_in_flight Requests that are being answered now.\n"
        "# TYPE lintas_http_in_flight gauge\n"
        "lintas_http_in_flight 0\n"
        "# HELP lintas_http_shed_total Requests and connections refused with LNT005 before any "
        "work.\n"
        "# TYPE lintas_http_shed_total counter\n"
        "lintas_http_shed_total 0\n"
        "# HELP lintas_read_source_total Reads by the source that answered and the consistency "
        "that was asked "
        "for.\n"
        "# TYPE lintas_read_source_total counter\n" +
        reads));
    CHECK(own.ends_with(
        "# HELP lintas_db_pool_connections Connections to the database by state.\n"
        "# TYPE lintas_db_pool_connections gauge\n"
        "lintas_db_pool_connections{pool=\"primary\",state=\"idle\"} 0\n"
        "lintas_db_pool_connections{pool=\"primary\",state=\"busy\"} 0\n"
        "lintas_db_pool_connections{pool=\"primary\",state=\"connecting\"} 0\n"
        "# HELP lintas_db_query_seconds Time a request or a background task waited for the "
        "database, the pool "
        "included.\n"
        "# TYPE lintas_db_query_seconds histogram\n"
        "# HELP lintas_backup_active 1 while a backup serves requests; 0 on every other role.\n"
        "# TYPE lintas_backup_active gauge\n"
        "lintas_backup_active 0\n"
        "# HELP lintas_build_info Always 1; the labels say what is running.\n"
        "# TYPE lintas_build_info gauge\n"
        "lintas_build_info{version=\"0.1.0\",role=\"primary\"} 1\n"));
}

TEST_CASE("metrics: one request adds to its own series only", "[unit][obs]") {
    Metrics metrics = new_metrics();
    ThreadMetrics& mine = metrics.add_thread();
    mine.request(read_event());
    const std::string text = metrics.text();
    const auto has = [&](const std::string& line) {
        return text.find("\n" + line + "\n") != std::string::npos;
    };
    const std::string request =
        R"(lintas_http_request_seconds_bucket{route="table",source="primary",le=)";
    CHECK(has(R"(lintas_http_requests_total{method="GET",route="table",status="200"} 1)"));
    CHECK(has(request + R"("5e-05"} 0)"));
    CHECK(has(request + R"("0.00025"} 0)"));
    CHECK(has(request + R"("0.0005"} 1)"));
    CHECK(has(request + R"("10"} 1)"));
    CHECK(has(request + R"("+Inf"} 1)"));
    CHECK(has(R"(lintas_http_request_seconds_sum{route="table",source="primary"} 3e-04)"));
    CHECK(has(R"(lintas_http_request_seconds_count{route="table",source="primary"} 1)"));
    CHECK(has(R"(lintas_read_source_total{source="primary",consistency="eventual"} 1)"));
    CHECK(has(R"(lintas_db_query_seconds_bucket{pool="primary",kind="read",le="0.0001"} 0)"));
    CHECK(has(R"(lintas_db_query_seconds_bucket{pool="primary",kind="read",le="0.00025"} 1)"));
    CHECK(has(R"(lintas_db_query_seconds_sum{pool="primary",kind="read"} 2e-04)"));
    CHECK(has(R"(lintas_db_query_seconds_count{pool="primary",kind="read"} 1)"));
    CHECK(parse_exposition(text)["lintas_http_requests_total"].samples.size() == 1);
    CHECK(text.find("kind=\"write\"") == std::string::npos);
}

TEST_CASE("metrics: everything together is what a scraper accepts", "[unit][obs]") {
    Metrics metrics{{.version = "0.1.0", .role = "primary"}};
    CHECK(metrics.pool("primary") == 0);
    CHECK(metrics.pool("r\"1\\\n") == 1);
    CHECK(metrics.pool("r\"1\\\n") == 1);
    ThreadMetrics& mine = metrics.add_thread();
    RequestEvent event = read_event();
    for (const int status : {100, 200, 599, 0, -1, 99, 600, 100000}) {
        for (std::size_t m = 0; m < kMethods; ++m) {
            for (std::size_t r = 0; r < kRoutes; ++r) {
                for (std::size_t s = 0; s < kSources; ++s) {
                    event.status = status;
                    event.method = static_cast<Method>(m);
                    event.route = static_cast<Route>(r);
                    event.source = static_cast<Source>(s);
                    event.duration = std::chrono::nanoseconds{status} * 1000;
                    event.pool = s % 2;
                    mine.request(event);
                }
            }
        }
    }
    mine.pool_connections(1, PoolState::busy, 7);
    const auto families = parse_exposition(metrics.text());
    const auto& requests = families.at("lintas_http_requests_total").samples;
    CHECK(requests.size() == 4 * kMethods * kRoutes);  // 100, 200, 599 and other
    CHECK(requests.at(R"(lintas_http_requests_total{method="PUT",route="rpc",status="599"})") ==
          kSources);
    CHECK(
        requests.at(R"(lintas_http_requests_total{method="other",route="queue",status="other"})") ==
        5 * kSources);
    CHECK(families.at("lintas_db_pool_connections")
              .samples.at(R"(lintas_db_pool_connections{pool="r\"1\\\n",state="busy"})") == 7);
    std::set<std::string> names;
    for (const auto& [name, family] : families) names.insert(name);
    CHECK(names == std::set<std::string>{"lintas_http_requests_total",
                                         "lintas_http_request_seconds",
                                         "lintas_http_in_flight",
                                         "lintas_http_shed_total",
                                         "lintas_read_source_total",
                                         "lintas_read_staleness_seconds",
                                         "lintas_cache_requests_total",
                                         "lintas_cache_bytes",
                                         "lintas_cache_evictions_total",
                                         "lintas_tokens_lost_total",
                                         "lintas_feed_lag_seconds",
                                         "lintas_feed_position_bytes",
                                         "lintas_feed_stamps_total",
                                         "lintas_feed_epoch_breaks_total",
                                         "lintas_db_pool_connections",
                                         "lintas_db_query_seconds",
                                         "lintas_backup_active",
                                         "lintas_build_info",
                                         "process_cpu_seconds_total",
                                         "process_resident_memory_bytes",
                                         "process_virtual_memory_bytes",
                                         "process_open_fds",
                                         "process_max_fds",
                                         "process_start_time_seconds"});
}

TEST_CASE("metrics: LNT005 is counted as shed, other errors are not", "[unit][obs]") {
    Metrics metrics = new_metrics();
    ThreadMetrics& mine = metrics.add_thread();
    RequestEvent event = read_event();
    event.status = 503;
    event.error_code = "LNT005";
    mine.request(event);
    event.error_code = "PGRST000";
    mine.request(event);
    CHECK(parse_exposition(metrics.text())["lintas_http_shed_total"]
              .samples["lintas_http_shed_total"] == 1);
}

TEST_CASE("metrics: a request is in flight exactly as long as its guard lives", "[unit][obs]") {
    Metrics metrics = new_metrics();
    ThreadMetrics& a = metrics.add_thread();
    ThreadMetrics& b = metrics.add_thread();
    {
        const InFlight one{a};
        const InFlight two{b};
        CHECK(metrics.in_flight() == 2);
        CHECK(parse_exposition(metrics.text())["lintas_http_in_flight"]
                  .samples["lintas_http_in_flight"] == 2);
    }
    CHECK(metrics.in_flight() == 0);
}

TEST_CASE("metrics: the connections of a pool are those of all threads", "[unit][obs]") {
    Metrics metrics = new_metrics();
    metrics.add_thread().pool_connections(0, PoolState::idle, 3);
    metrics.add_thread().pool_connections(0, PoolState::idle, 5);
    CHECK(parse_exposition(metrics.text())["lintas_db_pool_connections"]
              .samples[R"(lintas_db_pool_connections{pool="primary",state="idle"})"] == 8);
}

TEST_CASE("metrics: a duration is in the first bucket whose bound is not below it", "[unit][obs]") {
    CHECK(bucket_of(0) == 0);
    CHECK(bucket_of(1) == 0);
    for (std::size_t i = 0; i < kBucketBounds.size(); ++i) {
        CHECK(bucket_of(kBucketBounds[i] - 1) == i);
        CHECK(bucket_of(kBucketBounds[i]) == i);
        CHECK(bucket_of(kBucketBounds[i] + 1) == i + 1);
    }
    CHECK(bucket_of(std::numeric_limits<std::int64_t>::max()) == kBucketBounds.size());
    Histogram histogram;
    histogram.observe(-5s);  // a clock that went back
    CHECK(histogram.bucket(0) == 1);
    CHECK(histogram.sum_ns() == 0);
}

TEST_CASE("metrics: the labels of the buckets are their bounds in seconds", "[unit][obs]") {
    Metrics metrics = new_metrics();
    ThreadMetrics& mine = metrics.add_thread();
    for (const std::int64_t bound : kBucketBounds)
        mine.query(0, QueryKind::write, std::chrono::nanoseconds{bound});
    const auto samples = parse_exposition(metrics.text())["lintas_db_query_seconds"].samples;
    const std::string prefix = R"(lintas_db_query_seconds_bucket{pool="primary",kind="write",le=")";
    std::size_t found = 0;
    for (const auto& [series, count] : samples) {
        if (!series.starts_with(prefix) || series.find("+Inf") != std::string::npos) continue;
        const double bound = std::stod(series.substr(prefix.size()));
        const auto i = bucket_of(std::llround(bound * 1e9));
        CHECK(static_cast<double>(kBucketBounds[i]) == Approx(bound * 1e9));
        CHECK(count == static_cast<double>(i + 1));
        ++found;
    }
    CHECK(found == kBucketBounds.size());
}

TEST_CASE("metrics: threads count while another scrapes, and the sum is exact", "[unit][obs]") {
    constexpr int kThreads = 4;
    constexpr int kRequests = 20000;
    Metrics metrics = new_metrics();
    std::atomic<int> running{kThreads};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            ThreadMetrics& mine = metrics.add_thread();
            RequestEvent event = read_event();
            for (int i = 0; i < kRequests; ++i) {
                const InFlight guard{mine};
                event.status = 200 + t * 50 + i % 50;  // blocks appear while they are read
                event.duration = std::chrono::microseconds{i};
                mine.request(event);
            }
            --running;
        });
    }
    double last = 0;
    while (running > 0) {
        auto families = parse_exposition(metrics.text());
        double sum = 0;
        for (const auto& [series, count] : families["lintas_http_requests_total"].samples)
            sum += count;
        CHECK(sum >= last);
        last = sum;
    }
    for (std::thread& thread : threads) thread.join();
    auto families = parse_exposition(metrics.text());
    double sum = 0;
    for (const auto& [series, count] : families["lintas_http_requests_total"].samples) sum += count;
    CHECK(sum == kThreads * kRequests);
    const auto& seconds = families["lintas_http_request_seconds"].samples;
    CHECK(seconds.at(R"(lintas_http_request_seconds_count{route="table",source="primary"})") ==
          kThreads * kRequests);
    CHECK(seconds.at(R"(lintas_http_request_seconds_sum{route="table",source="primary"})") ==
          Approx(kThreads * (kRequests / 2.0) * (kRequests - 1) / 1e6));
    CHECK(metrics.in_flight() == 0);
}

TEST_CASE("process stats: this process has memory, descriptors and a start in the past",
          "[unit][obs]") {
    const ProcessStats stats = process_stats();
    CHECK(stats.cpu_seconds > 0);
    REQUIRE(stats.resident_bytes);
    CHECK(*stats.resident_bytes > 100'000);
    CHECK(*stats.virtual_bytes >= *stats.resident_bytes);
    CHECK(*stats.open_fds >= 3);
    CHECK(*stats.max_fds >= *stats.open_fds);
    const double now = static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(
                                               std::chrono::system_clock::now().time_since_epoch())
                                               .count());
    CHECK(*stats.start_time_seconds <= now + 1);
    CHECK(*stats.start_time_seconds > now - 3600);
}

TEST_CASE("exposition: names and values are escaped as the format wants it", "[unit][obs]") {
    Exposition out;
    out.family("x", Exposition::Type::gauge, "back\\slash\nnewline \"quotes\"");
    out.sample({{"a", "q\"b\\n\nl"}, {"b", ""}}, 0.5);
    out.sample({}, std::int64_t{-3});
    CHECK(out.take() ==
          "# HELP x back\\\\slash\\nnewline \"quotes\"\n# TYPE x gauge\n"
          "x{a=\"q\\\"b\\\\n\\nl\",b=\"\"} 0.5\nx -3\n");
}

TEST_CASE("exposition parser: refuses what a scraper would refuse", "[unit][obs]") {
    const std::string text =
        GENERATE(as<std::string>{},
                 "x 1\n",                                                     // no family
                 "# HELP x h\n# TYPE x gauge\nx 1",                           // no newline
                 "# HELP x h\n# TYPE x gauge\nx 1\nx 2\n",                    // twice
                 "# HELP x h\n# TYPE x gauge\ny 1\n",                         // stray
                 "# HELP x h\n# TYPE x gauge\nx{a=\"1\",a=\"2\"} 1\n",        // label twice
                 "# HELP x h\n# TYPE x gauge\nx{a=\"\\t\"} 1\n",              // escape
                 "# HELP x h\n# TYPE x gauge\nx{a=\"1\" } 1\n",               // blank
                 "# HELP x h\n# TYPE x gauge\nx{1a=\"1\"} 1\n",               // label name
                 "# HELP x h\n# TYPE x gauge\nx one\n",                       // value
                 "# HELP x h\n# TYPE x counter\nx 1\n",                       // not _total
                 "# HELP x h\n# TYPE x gauge\n# HELP x h\n# TYPE x gauge\n",  // family twice
                 "# HELP x h\n# TYPE x histogram\nx_bucket{le=\"1\"} 2\nx_bucket{le=\"+Inf\"} "
                 "1\nx_sum 1\nx_count 1\n",
                 "# HELP x h\n# TYPE x histogram\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\nx_count 2\n",
                 "# HELP x h\n# TYPE x histogram\nx_bucket{le=\"1\"} 1\nx_sum 1\nx_count 1\n");
    CHECK_THROWS(parse_exposition(text));
}

TEST_CASE("metrics: the site's figures are shown, and what is not known is not", "[unit][obs]") {
    Metrics metrics{{.version = "0.1.0", .role = "primary"}};
    ThreadMetrics& thread = metrics.add_thread();
    RequestEvent event;
    event.memory = CacheResult::stale;
    event.age = std::chrono::milliseconds{700};
    event.error_code = "LNT009";
    thread.request(event);
    SiteFigures site;
    site.replicas = {{"r1", 0.25, 4096}, {"r2", std::nullopt, 0}};
    site.memory_bytes = 123;
    site.feed_breaks = 3;
    const std::string text = metrics.text(site);
    for (const char* line :
         {"lintas_cache_requests_total{tier=\"memory\",result=\"stale\"} 1\n",
          "lintas_cache_requests_total{tier=\"memory\",result=\"hit\"} 0\n",
          "lintas_cache_bytes{tier=\"memory\"} 123\n", "lintas_tokens_lost_total 1\n",
          "lintas_read_staleness_seconds_bucket{le=\"0.5\"} 0\n",
          "lintas_read_staleness_seconds_bucket{le=\"1\"} 1\n",
          "lintas_replica_lag_seconds{replica=\"r1\"} 0.25\n",
          "lintas_replica_position_bytes{replica=\"r1\"} 4096\n",
          "lintas_replica_position_bytes{replica=\"r2\"} 0\n",
          "lintas_feed_epoch_breaks_total 3\n"}) {
        INFO(line);
        CHECK(text.find(line) != std::string::npos);
    }
    CHECK(text.find("lintas_replica_lag_seconds{replica=\"r2\"}") == std::string::npos);
    CHECK(text.find("\nlintas_feed_lag_seconds ") == std::string::npos);
}
