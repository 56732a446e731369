#pragma once
// The metrics of CONTRACT.md section 6 that this build has: each thread counts for itself, a scrape
// adds up.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "obs/event.hpp"
#include "obs/figures.hpp"

namespace lintas::obs {

/// Written by one thread only, read by any: no locked instruction, about a nanosecond.
class Counter {
 public:
    void add(std::uint64_t n = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
    std::atomic<std::uint64_t> value_{0};
};

/// As Counter, but it goes down again.
class Gauge {
 public:
    void add(std::int64_t n) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void set(std::int64_t n) { value_.store(n, std::memory_order_relaxed); }
    std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
    std::atomic<std::int64_t> value_{0};
};

/// Upper bounds in nanoseconds, 50 us to 10 s; one more bucket holds what is slower.
inline constexpr std::array<std::int64_t, 17> kBucketBounds{
    50'000,      100'000,       250'000,       500'000,       1'000'000,     2'500'000,
    5'000'000,   10'000'000,    25'000'000,    50'000'000,    100'000'000,   250'000'000,
    500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

/// The first bucket whose bound is not below `ns`; kBucketBounds.size() past the last.
std::size_t bucket_of(std::int64_t ns);

class Histogram {
 public:
    void observe(std::chrono::nanoseconds duration) {
        const std::int64_t ns = duration.count() > 0 ? duration.count() : 0;
        buckets_[bucket_of(ns)].add();
        sum_ns_.add(static_cast<std::uint64_t>(ns));
    }
    std::uint64_t bucket(std::size_t i) const { return buckets_[i].value(); }
    std::uint64_t sum_ns() const { return sum_ns_.value(); }

 private:
    std::array<Counter, kBucketBounds.size() + 1> buckets_{};
    Counter sum_ns_{};
};

enum class PoolState : std::uint8_t { idle, busy, connecting };
inline constexpr std::size_t kPoolStates = 3;
std::string_view label(PoolState state);

/// One thread's share. Thread: every function but the readers from the owning thread alone.
class alignas(64) ThreadMetrics {
 public:
    /// More pools than this are not told apart: the last one stands for the rest.
    static constexpr std::size_t kPools = 40;

    ThreadMetrics() : pools_(kPools) {}
    ~ThreadMetrics();
    ThreadMetrics(const ThreadMetrics&) = delete;
    ThreadMetrics& operator=(const ThreadMetrics&) = delete;

    /// Everything that one finished request adds. An event whose error_code is LNT005 was shed.
    void request(const RequestEvent& event);
    /// A query that no request waits for (reading the catalogue). `pool` as Metrics numbers them.
    void query(std::size_t pool, QueryKind kind, std::chrono::nanoseconds duration);
    void in_flight(std::int64_t change) { in_flight_.add(change); }
    /// How many connections of this thread's part of the pool are in that state now.
    void pool_connections(std::size_t pool, PoolState state, std::int64_t count);

    std::int64_t in_flight() const { return in_flight_.value(); }

 private:
    friend class MetricsText;

    static constexpr int kStatusMin = 100;
    static constexpr std::size_t kStatuses =
        501;  // 100 to 599, and the last for what is none of them
    using StatusBlock = std::array<Counter, kMethods * kRoutes>;
    struct Pool {
        std::array<Gauge, kPoolStates> connections{};
        std::array<Histogram, kQueryKinds> seconds{};
    };

    // A status is seen rarely for the first time: its block is made then, by the owner, and stays.
    std::array<std::atomic<StatusBlock*>, kStatuses> statuses_{};
    std::array<std::array<Histogram, kSources>, kRoutes> request_seconds_{};
    std::array<std::array<Counter, kConsistencies>, kSources> read_source_{};
    std::array<Counter, kCacheResults> memory_{};
    Histogram staleness_{};
    Counter shed_{};
    Counter tokens_lost_{};
    Gauge in_flight_{};
    std::vector<Pool> pools_;
};

struct MetricsOptions {
    std::string version;
    std::string role;
};

class Metrics {
 public:
    explicit Metrics(MetricsOptions options);

    /// A new thread's share; lives as long as the Metrics. Any thread.
    ThreadMetrics& add_thread();

    /// The number of a pool with that name, for ThreadMetrics; a name keeps its number. Any thread.
    std::size_t pool(std::string_view name);

    /// The whole exposition (text format 0.0.4). Any thread; a scrape costs some 100 us and stops
    /// nobody. Every figure is exact once its thread has moved on; two figures of one request may
    /// be one scrape apart.
    std::string text(const SiteFigures& site = {}) const;

    /// Requests in the works, in all threads.
    std::int64_t in_flight() const;

    static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
    const MetricsOptions options_;
    mutable std::mutex mutex_;  // the lists, not the figures
    std::vector<std::string> pools_{"primary"};
    std::vector<std::unique_ptr<ThreadMetrics>> threads_;
};

/// Counts a request as in flight while it exists. Thread: the owner of `metrics`.
class InFlight {
 public:
    explicit InFlight(ThreadMetrics& metrics) : metrics_(metrics) { metrics_.in_flight(+1); }
    ~InFlight() { metrics_.in_flight(-1); }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

 private:
    ThreadMetrics& metrics_;
};

}  // namespace lintas::obs
