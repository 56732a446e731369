#include "position/samples.hpp"

#include <algorithm>

namespace lintas::position {

Samples::Samples() : slots_(std::make_unique<std::array<Slot, kCapacity>>()) {}

void Samples::add(Sample sample) {
    const std::uint64_t next = next_.load(std::memory_order_relaxed);
    if (next > first_.load(std::memory_order_relaxed)) {
        const Sample last = read(next - 1);
        if (sample.lsn < last.lsn || sample.at < last.at) return;
    }
    Slot& slot = (*slots_)[next % kCapacity];
    // Whoever reads what is written below sees, by still_there(), that the old sample has gone.
    std::atomic_thread_fence(std::memory_order_release);
    slot.at.store(sample.at.time_since_epoch().count(), std::memory_order_relaxed);
    slot.lsn.store(sample.lsn.value, std::memory_order_relaxed);
    next_.store(next + 1, std::memory_order_release);
}

void Samples::clear() {
    first_.store(next_.load(std::memory_order_relaxed), std::memory_order_release);
}

Samples::Range Samples::range() const {
    const std::uint64_t last = next_.load(std::memory_order_acquire);
    const std::uint64_t oldest = last >= kCapacity ? last - kCapacity + 1 : 0;
    return {std::min(last, std::max(oldest, first_.load(std::memory_order_acquire))), last};
}

Samples::Sample Samples::read(std::uint64_t index) const {
    const Slot& slot = (*slots_)[index % kCapacity];
    return {Clock::time_point{Clock::duration{slot.at.load(std::memory_order_relaxed)}},
            Lsn{slot.lsn.load(std::memory_order_relaxed)}};
}

bool Samples::still_there(std::uint64_t index) const {
    std::atomic_thread_fence(std::memory_order_acquire);
    const Range now = range();
    return index >= now.first;
}

std::optional<Samples::Sample> Samples::not_older_than(Clock::time_point at) const {
    auto [low, high] = range();
    const std::uint64_t end = high;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        if (read(middle).at < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == end) return std::nullopt;
    const Sample found = read(low);
    if (!still_there(low)) return std::nullopt;
    return found;
}

std::optional<Samples::Sample> Samples::newest_within(Lsn lsn) const {
    auto [low, high] = range();
    const std::uint64_t begin = low;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        if (read(middle).lsn <= lsn) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == begin) return std::nullopt;
    const Sample found = read(low - 1);
    if (!still_there(low - 1)) return std::nullopt;
    return found;
}

std::optional<Samples::Sample> Samples::newest() const {
    return newest_within(kEndOfTime);
}

}  // namespace lintas::position
