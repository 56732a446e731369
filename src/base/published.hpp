#pragma once
// An immutable value that one thread replaces and every thread reads.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace lintas {

/// Thread: any. A mutex and not std::atomic<std::shared_ptr>, which in libstdc++ 12 is a spin lock
/// that ThreadSanitizer cannot follow; with PublishedView it is taken once per change and thread.
template <class T>
class Published {
 public:
    explicit Published(std::shared_ptr<const T> first = nullptr) : value_(std::move(first)) {}

    std::shared_ptr<const T> get() const {
        const std::lock_guard lock{mutex_};
        return value_;
    }

    /// 0 before the first set(); one more after each.
    std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

    void set(std::shared_ptr<const T> next) {
        {
            const std::lock_guard lock{mutex_};
            value_.swap(next);
            version_.fetch_add(1, std::memory_order_release);
        }
        // The old value, if this was its last owner, dies here and not under the lock.
    }

 private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> value_;
    std::atomic<std::uint64_t> version_{0};
};

/// One thread's own copy: reading it costs one atomic load while nothing was replaced.
/// Thread: its owner's only. `published` outlives it.
template <class T>
class PublishedView {
 public:
    explicit PublishedView(const Published<T>& published)
        : published_(published), value_(published.get()) {}

    /// Copy it to keep it across a co_await.
    const std::shared_ptr<const T>& get() {
        // Read before the value: a change in between costs one more refresh, never a missed one.
        const std::uint64_t version = published_.version();
        if (version != seen_) {
            value_ = published_.get();
            seen_ = version;
        }
        return value_;
    }

 private:
    const Published<T>& published_;
    std::shared_ptr<const T> value_;
    std::uint64_t seen_ = 0;
};

}  // namespace lintas
