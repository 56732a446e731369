#include "obs/metrics.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "obs/exposition.hpp"
#include "obs/process_stats.hpp"

namespace lintas::obs {

namespace {

constexpr std::array<std::string_view, kPoolStates> kPoolLabels{"idle", "busy", "connecting"};

constexpr std::array<std::string_view, kBucketBounds.size() + 1> kBucketLabels{
    "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
    "0.05",  "0.1",    "0.25",    "0.5",    "1",     "2.5",    "5",     "10",   "+Inf"};

/// For each bit width of a duration, the first bucket that such a duration can be in: at most three
/// bounds are left to compare.
constexpr std::array<std::uint8_t, 65> kFirstBucket = [] {
    std::array<std::uint8_t, 65> first{};
    for (unsigned width = 1; width < first.size(); ++width) {
        const std::uint64_t smallest = std::uint64_t{1} << (width - 1);
        std::uint8_t bucket = 0;
        while (bucket < kBucketBounds.size() &&
               static_cast<std::uint64_t>(kBucketBounds[bucket]) < smallest) {
            ++bucket;
        }
        first[width] = bucket;
    }
    return first;
}();

template <class E>
std::size_t index(E e) {
    return static_cast<std::size_t>(e);
}

}  // namespace

std::string_view label(PoolState state) {
    return kPoolLabels[index(state)];
}

std::size_t bucket_of(std::int64_t ns) {
    const auto width = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(ns)));
    std::size_t bucket = kFirstBucket[width];
    while (bucket < kBucketBounds.size() && ns > kBucketBounds[bucket]) ++bucket;
    return bucket;
}

ThreadMetrics::~ThreadMetrics() {
    for (const auto& block : statuses_) delete block.load(std::memory_order_relaxed);
}

void ThreadMetrics::request(const RequestEvent& event) {
    const bool known =
        event.status >= kStatusMin && event.status < kStatusMin + static_cast<int>(kStatuses) - 1;
    auto& slot =
        statuses_[known ? static_cast<std::size_t>(event.status - kStatusMin) : kStatuses - 1];
    StatusBlock* block = slot.load(std::memory_order_relaxed);
    if (block == nullptr) {
        block = new StatusBlock{};
        slot.store(block, std::memory_order_release);
    }
    (*block)[index(event.method) * kRoutes + index(event.route)].add();
    request_seconds_[index(event.route)][index(event.source)].observe(event.duration);
    if (event.consistency) read_source_[index(event.source)][index(*event.consistency)].add();
    if (event.query) query(event.pool, *event.query, event.database_time);
    if (event.memory) memory_[index(*event.memory)].add();
    if (event.age) staleness_.observe(*event.age);
    if (event.error_code == "LNT005") shed_.add();
    if (event.error_code == "LNT009") tokens_lost_.add();
}

void ThreadMetrics::query(std::size_t pool, QueryKind kind, std::chrono::nanoseconds duration) {
    LINTAS_ASSERT(pool < pools_.size());
    pools_[pool].seconds[index(kind)].observe(duration);
}

void ThreadMetrics::pool_connections(std::size_t pool, PoolState state, std::int64_t count) {
    LINTAS_ASSERT(pool < pools_.size());
    pools_[pool].connections[index(state)].set(count);
}

/// Adds the threads up, family by family.
class MetricsText {
 public:
    MetricsText(const MetricsOptions& options, std::vector<std::string> pools,
                const SiteFigures& site, const std::vector<const ThreadMetrics*>& threads)
        : options_(options), pools_(std::move(pools)), site_(site), threads_(threads) {}

    std::string text() {
        requests();
        reads();
        cache();
        replicas();
        feed();
        database();
        process();
        return out_.take();
    }

 private:
    using Type = Exposition::Type;

    struct HistogramTotal {
        std::array<std::uint64_t, kBucketBounds.size() + 1> buckets{};
        std::uint64_t sum_ns = 0;
        std::uint64_t count = 0;
    };

    template <class Get>  // ThreadMetrics → number
    auto total(Get get) const {
        decltype(get(*threads_.front())) sum = 0;
        for (const ThreadMetrics* thread : threads_) sum += get(*thread);
        return sum;
    }

    template <class Get>  // ThreadMetrics → Histogram
    HistogramTotal histogram_total(Get get) const {
        HistogramTotal sum;
        for (const ThreadMetrics* thread : threads_) {
            const Histogram& one = get(*thread);
            sum.sum_ns += one.sum_ns();
            for (std::size_t i = 0; i < sum.buckets.size(); ++i) sum.buckets[i] += one.bucket(i);
        }
        // The count is made of the buckets, so that it can never disagree with them.
        for (const std::uint64_t bucket : sum.buckets) sum.count += bucket;
        return sum;
    }

    using Label = std::pair<std::string_view, std::string_view>;
    void histogram(const Label& a, const Label& b, const HistogramTotal& total) {
        if (total.count == 0) return;
        std::uint64_t cumulative = 0;
        for (std::size_t i = 0; i < total.buckets.size(); ++i) {
            cumulative += total.buckets[i];
            out_.sample("_bucket", {a, b, {"le", kBucketLabels[i]}}, cumulative);
        }
        out_.sample("_sum", {a, b}, static_cast<double>(total.sum_ns) / 1e9);
        out_.sample("_count", {a, b}, total.count);
    }

    void requests() {
        out_.family("lintas_http_requests_total", Type::counter, "Requests answered.");
        for (std::size_t s = 0; s < ThreadMetrics::kStatuses; ++s) requests_of_status(s);
        out_.family(
            "lintas_http_request_seconds", Type::histogram,
            "Time from a request's first byte to its answer's last, by the source that answered.");
        for (std::size_t r = 0; r < kRoutes; ++r) {
            for (std::size_t s = 0; s < kSources; ++s) {
                histogram({"route", label(static_cast<Route>(r))},
                          {"source", label(static_cast<Source>(s))},
                          histogram_total([&](const ThreadMetrics& t) -> const Histogram& {
                              return t.request_seconds_[r][s];
                          }));
            }
        }
        out_.family("lintas_http_in_flight", Type::gauge, "Requests that are being answered now.");
        out_.sample({}, total([](const ThreadMetrics& t) { return t.in_flight_.value(); }));
        out_.family("lintas_http_shed_total", Type::counter,
                    "Requests and connections refused with LNT005 before any work.");
        out_.sample({}, total([](const ThreadMetrics& t) { return t.shed_.value(); }));
    }

    void requests_of_status(std::size_t s) {
        std::array<std::uint64_t, kMethods * kRoutes> sums{};
        bool any = false;
        for (const ThreadMetrics* thread : threads_) {
            const auto* block = thread->statuses_[s].load(std::memory_order_acquire);
            if (block == nullptr) continue;
            any = true;
            for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += (*block)[i].value();
        }
        if (!any) return;
        const std::string status = s + 1 == ThreadMetrics::kStatuses
                                       ? "other"
                                       : std::to_string(s + ThreadMetrics::kStatusMin);
        for (std::size_t i = 0; i < sums.size(); ++i) {
            if (sums[i] == 0) continue;
            out_.sample({{"method", label(static_cast<Method>(i / kRoutes))},
                         {"route", label(static_cast<Route>(i % kRoutes))},
                         {"status", status}},
                        sums[i]);
        }
    }

    void reads() {
        out_.family("lintas_read_source_total", Type::counter,
                    "Reads by the source that answered and the consistency that was asked for.");
        for (std::size_t s = 0; s < kSources; ++s) {
            for (std::size_t c = 0; c < kConsistencies; ++c) {
                out_.sample(
                    {{"source", label(static_cast<Source>(s))},
                     {"consistency", label(static_cast<Consistency>(c))}},
                    total([&](const ThreadMetrics& t) { return t.read_source_[s][c].value(); }));
            }
        }
    }

    void cache() {
        out_.family("lintas_read_staleness_seconds", Type::histogram,
                    "How far behind the primary the answers may be that were not read on it.");
        plain_histogram(histogram_total(
            [](const ThreadMetrics& t) -> const Histogram& { return t.staleness_; }));
        out_.family("lintas_cache_requests_total", Type::counter, "Reads by what a cache had.");
        for (std::size_t r = 0; r < kCacheResults; ++r) {
            out_.sample({{"tier", "memory"}, {"result", label(static_cast<CacheResult>(r))}},
                        total([&](const ThreadMetrics& t) { return t.memory_[r].value(); }));
        }
        out_.family("lintas_cache_bytes", Type::gauge, "Bytes that a cache holds.");
        out_.sample({{"tier", "memory"}}, site_.memory_bytes);
        out_.family("lintas_cache_evictions_total", Type::counter,
                    "Entries that had to make room for others.");
        out_.sample({{"tier", "memory"}}, site_.memory_evictions);
        out_.family("lintas_tokens_lost_total", Type::counter,
                    "Position tokens refused because a failover dropped what they stand for.");
        out_.sample({}, total([](const ThreadMetrics& t) { return t.tokens_lost_.value(); }));
    }

    void replicas() {
        if (site_.replicas.empty()) return;
        out_.family("lintas_replica_lag_seconds", Type::gauge,
                    "How far a replica is behind the primary at most; true on an idle system.");
        for (const ReplicaFigures& replica : site_.replicas) {
            if (replica.lag_seconds) {
                out_.sample({{"replica", replica.name}}, *replica.lag_seconds);
            }
        }
        out_.family("lintas_replica_position_bytes", Type::gauge,
                    "The position that a replica has replayed, in bytes of write-ahead log.");
        for (const ReplicaFigures& replica : site_.replicas) {
            out_.sample({{"replica", replica.name}}, replica.position);
        }
    }

    void feed() {
        out_.family("lintas_feed_lag_seconds", Type::gauge,
                    "How far the change feed is behind the primary at most.");
        if (site_.feed_lag_seconds) out_.sample({}, *site_.feed_lag_seconds);
        out_.family("lintas_feed_position_bytes", Type::gauge,
                    "Every commit that ended up to here has been stamped.");
        out_.sample({}, site_.feed_position);
        out_.family("lintas_feed_stamps_total", Type::counter, "Changes that the feed told.");
        out_.sample({}, site_.feed_stamps);
        out_.family("lintas_feed_epoch_breaks_total", Type::counter,
                    "Times the feed could not go on where it had stopped.");
        out_.sample({}, site_.feed_breaks);
    }

    void plain_histogram(const HistogramTotal& total) {
        std::uint64_t cumulative = 0;
        for (std::size_t i = 0; i < total.buckets.size(); ++i) {
            cumulative += total.buckets[i];
            out_.sample("_bucket", {{"le", kBucketLabels[i]}}, cumulative);
        }
        out_.sample("_sum", {}, static_cast<double>(total.sum_ns) / 1e9);
        out_.sample("_count", {}, total.count);
    }

    void database() {
        out_.family("lintas_db_pool_connections", Type::gauge,
                    "Connections to the database by state.");
        for (std::size_t p = 0; p < pools_.size(); ++p) {
            for (std::size_t s = 0; s < kPoolStates; ++s) {
                out_.sample({{"pool", pools_[p]}, {"state", kPoolLabels[s]}},
                            total([&](const ThreadMetrics& t) {
                                return t.pools_[p].connections[s].value();
                            }));
            }
        }
        out_.family(
            "lintas_db_query_seconds", Type::histogram,
            "Time a request or a background task waited for the database, the pool included.");
        for (std::size_t p = 0; p < pools_.size(); ++p) {
            for (std::size_t k = 0; k < kQueryKinds; ++k) {
                histogram({"pool", pools_[p]}, {"kind", label(static_cast<QueryKind>(k))},
                          histogram_total([&](const ThreadMetrics& t) -> const Histogram& {
                              return t.pools_[p].seconds[k];
                          }));
            }
        }
    }

    void process() {
        out_.family("lintas_backup_active", Type::gauge,
                    "1 while a backup serves requests; 0 on every other role.");
        out_.sample({}, std::uint64_t{0});
        out_.family("lintas_build_info", Type::gauge, "Always 1; the labels say what is running.");
        out_.sample({{"version", options_.version}, {"role", options_.role}}, std::uint64_t{1});

        const ProcessStats stats = process_stats();
        out_.family("process_cpu_seconds_total", Type::counter, "User and system CPU time spent.");
        out_.sample({}, stats.cpu_seconds);
        const auto optional_gauge = [this](std::string_view name, std::string_view help,
                                           const auto& value) {
            if (!value) return;
            out_.family(name, Type::gauge, help);
            out_.sample({}, *value);
        };
        optional_gauge("process_resident_memory_bytes", "Resident memory.", stats.resident_bytes);
        optional_gauge("process_virtual_memory_bytes", "Virtual memory.", stats.virtual_bytes);
        optional_gauge("process_open_fds", "Open file descriptors.", stats.open_fds);
        optional_gauge("process_max_fds", "Limit of open file descriptors.", stats.max_fds);
        optional_gauge("process_start_time_seconds", "Start of the process since the Unix epoch.",
                       stats.start_time_seconds);
    }

    const MetricsOptions& options_;
    const std::vector<std::string> pools_;
    const SiteFigures& site_;
    const std::vector<const ThreadMetrics*>& threads_;
    Exposition out_;
};

Metrics::Metrics(MetricsOptions options) : options_(std::move(options)) {}

ThreadMetrics& Metrics::add_thread() {
    const std::lock_guard lock{mutex_};
    return *threads_.emplace_back(std::make_unique<ThreadMetrics>());
}

std::size_t Metrics::pool(std::string_view name) {
    const std::lock_guard lock{mutex_};
    const auto known = std::ranges::find(pools_, name);
    if (known != pools_.end()) return static_cast<std::size_t>(known - pools_.begin());
    if (pools_.size() == ThreadMetrics::kPools) return ThreadMetrics::kPools - 1;
    pools_.emplace_back(name);
    return pools_.size() - 1;
}

std::string Metrics::text(const SiteFigures& site) const {
    std::vector<const ThreadMetrics*> threads;
    std::vector<std::string> pools;
    {
        const std::lock_guard lock{mutex_};
        for (const auto& thread : threads_) threads.push_back(thread.get());
        pools = pools_;
    }
    return MetricsText{options_, std::move(pools), site, threads}.text();
}

std::int64_t Metrics::in_flight() const {
    const std::lock_guard lock{mutex_};
    std::int64_t sum = 0;
    for (const auto& thread : threads_) sum += thread->in_flight();
    return sum;
}

}  // namespace lintas::obs
