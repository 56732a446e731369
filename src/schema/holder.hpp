#pragma once
// Where the current snapshot is, for readers on every thread.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>

#include "schema/catalogue.hpp"

namespace lintas::schema {

/// Thread: any. A mutex and not std::atomic<std::shared_ptr>, which in libstdc++ 12 is a spin lock
/// that ThreadSanitizer cannot follow; with CachedSnapshot it is taken once per swap and thread.
class Holder {
 public:
    /// Null before the first load.
    Snapshot current() const {
        const std::lock_guard lock{mutex_};
        return snapshot_;
    }

    /// 0 before the first swap; one more after each.
    std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

    void swap(Snapshot next) {
        {
            const std::lock_guard lock{mutex_};
            snapshot_.swap(next);
            version_.fetch_add(1, std::memory_order_release);
        }
        // The old snapshot, if this was its last owner, dies here and not under the lock.
    }

 private:
    mutable std::mutex mutex_;
    Snapshot snapshot_;
    std::atomic<std::uint64_t> version_{0};
};

/// One thread's own copy: reading it costs one atomic load while nothing was swapped.
/// Thread: its owner's only. `holder` outlives it.
class CachedSnapshot {
 public:
    explicit CachedSnapshot(const Holder& holder) : holder_{holder} {}

    /// Null before the first load. Copy it to keep it across a co_await.
    const Snapshot& get() {
        // Read before the snapshot: a swap in between costs one more refresh, never a missed one.
        const std::uint64_t version = holder_.version();
        if (version != seen_) {
            snapshot_ = holder_.current();
            seen_ = version;
        }
        return snapshot_;
    }

 private:
    const Holder& holder_;
    Snapshot snapshot_;
    std::uint64_t seen_ = 0;
};

}  // namespace lintas::schema
