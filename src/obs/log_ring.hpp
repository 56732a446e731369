#pragma once
// A thread's own queue of finished log lines: the thread that logs never waits for the stream.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/assert.hpp"

namespace lintas::obs {

/// Bounded bytes, one producer and one consumer. Lines are published whole, so what is readable
/// always ends with a newline.
class LogRing {
 public:
    /// `capacity`: a power of two.
    explicit LogRing(std::size_t capacity)
        : capacity_(capacity), bytes_(std::make_unique_for_overwrite<char[]>(capacity)) {
        LINTAS_ASSERT(capacity > 0 && (capacity & (capacity - 1)) == 0);
    }

    /// Producer. False when there is no room: the line is counted as dropped.
    bool push(std::string_view line) {
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        if (head + line.size() - seen_tail_ > capacity_) {
            seen_tail_ = tail_.load(std::memory_order_acquire);
            if (head + line.size() - seen_tail_ > capacity_) {
                dropped_.store(dropped_.load(std::memory_order_relaxed) + 1,
                               std::memory_order_relaxed);
                return false;
            }
        }
        const std::size_t at = head & (capacity_ - 1);
        const std::size_t first = std::min(line.size(), capacity_ - at);
        std::memcpy(bytes_.get() + at, line.data(), first);
        std::memcpy(bytes_.get(), line.data() + first, line.size() - first);
        // seq_cst, not release: it is one half of "is the writer asleep?" (Log::push).
        head_.store(head + line.size(), std::memory_order_seq_cst);
        return true;
    }

    /// Consumer: what can be read now, in two parts where the ring wraps.
    std::array<std::string_view, 2> readable() const {
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
        const std::size_t size = head_.load(std::memory_order_seq_cst) - tail;
        const std::size_t at = tail & (capacity_ - 1);
        const std::size_t first = std::min(size, capacity_ - at);
        return {std::string_view{bytes_.get() + at, first},
                std::string_view{bytes_.get(), size - first}};
    }

    /// Consumer: gives the room back.
    void consume(std::size_t size) {
        tail_.store(tail_.load(std::memory_order_relaxed) + size, std::memory_order_release);
    }

    /// Lines dropped since the ring was made. Any thread.
    std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
    const std::size_t capacity_;
    const std::unique_ptr<char[]> bytes_;
    alignas(64) std::atomic<std::uint64_t> head_{0};  // the producer's cache line
    std::uint64_t seen_tail_ = 0;  // saves the producer a look at the consumer's line
    std::atomic<std::uint64_t> dropped_{0};
    alignas(64) std::atomic<std::uint64_t> tail_{0};  // the consumer's
};

}  // namespace lintas::obs
