#pragma once
// The feed's word that rows changed: per table the greatest END of a commit that touched a bucket
// of keys (POSITIONS section 3).

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "position/lsn.hpp"

namespace lintas::position {

/// Of a primary key in its canonical text form (KeyHasher); equal keys have equal hashes in every
/// process.
using KeyHash = std::uint64_t;

/// One table (a partitioned one as a whole, a materialized view). One writer; readers on any
/// thread. A reader that has loaded the watermark with acquire sees every stamp up to it.
class TableStamps {
 public:
    TableStamps(std::uint32_t oid, std::size_t buckets, Lsn floor);

    std::uint32_t oid() const { return oid_; }
    std::size_t buckets() const;

    /// Greatest END of the commits that touched the row, or one that shares its bucket.
    Lsn newest_of_row(KeyHash key) const;
    Lsn newest() const { return newest_.load(std::memory_order_relaxed); }
    /// Anything in the table may have changed up to here; kEndOfTime once it is not followed any
    /// more.
    Lsn floor() const { return floor_.load(std::memory_order_relaxed); }

 private:
    friend class Stamps;
    struct Buckets {
        explicit Buckets(std::size_t count) : mask(count - 1), ends(count) {}
        std::size_t mask;
        std::vector<std::atomic<Lsn>> ends;
    };
    void stamp(KeyHash key, Lsn end);
    void stamp_table(Lsn end);
    void grow(std::size_t buckets);

    const std::uint32_t oid_;
    std::atomic<Lsn> newest_;
    std::atomic<Lsn> floor_;
    std::atomic<Buckets*> buckets_{nullptr};
    std::vector<std::unique_ptr<Buckets>> generations_;  // readers may still be in an older one
};

/// What an answer was made of.
struct Dependency {
    std::shared_ptr<const TableStamps> table{};  // null: the feed does not follow it
    std::optional<KeyHash> row{};                // nullopt: the whole table
};

class Stamps {
 public:
    static constexpr std::size_t kBucketsMin = 1U << 10U;
    static constexpr std::size_t kBucketsMax = 1U << 20U;

    struct Table {
        std::uint32_t oid = 0;
        double rows = 0;  // an estimate: how many buckets are worth their memory
        bool operator==(const Table&) const = default;
    };

    // The writer's, one thread at a time:

    /// From now on these are followed. Known ones keep their stamps (and may grow), new ones get
    /// `floor`, those left out are never fresh again.
    void follow(const std::vector<Table>& tables, Lsn floor);
    void stamp(std::uint32_t oid, KeyHash key, Lsn end);
    /// Every row of it: TRUNCATE, REFRESH, a row of an unknown key.
    void stamp_table(std::uint32_t oid, Lsn end);
    void raise_global_floor(Lsn end);
    /// As raise_global_floor(), but may go down again: kEndOfTime while nothing can be trusted.
    void set_global_floor(Lsn floor) { global_floor_.store(floor, std::memory_order_relaxed); }
    /// For a transfer: the stamps as another process has them.
    void load(std::uint32_t oid, Lsn newest, Lsn floor, std::span<const Lsn> buckets);

    // Any thread:

    /// Null: not followed.
    std::shared_ptr<const TableStamps> table(std::uint32_t oid) const;
    std::vector<std::shared_ptr<const TableStamps>> tables() const;
    Lsn global_floor() const { return global_floor_.load(std::memory_order_relaxed); }
    /// Nothing that the answer depends on changed after this. kEndOfTime: that cannot be said.
    Lsn newest(std::span<const Dependency> dependencies) const;
    /// Rows and tables stamped since the start, for a metric.
    std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
    TableStamps* find(std::uint32_t oid);

    mutable std::mutex mutex_;  // the map, not the stamps
    std::map<std::uint32_t, std::shared_ptr<TableStamps>> tables_;
    std::atomic<Lsn> global_floor_{kNoLsn};
    std::atomic<std::uint64_t> count_{0};
};

std::size_t buckets_for(double rows);

/// Hashes a key's values in key order, each as PostgreSQL prints it.
class KeyHasher {
 public:
    void add(std::string_view value);
    KeyHash hash() const { return state_; }

 private:
    std::uint64_t state_ = 14695981039346656037ULL;
};

}  // namespace lintas::position
