#pragma once
// A request carries one absolute deadline; what remains of it is computed where it is needed.

#include <chrono>

namespace lintas {

using Clock = std::chrono::steady_clock;

struct Deadline {
    Clock::time_point at = Clock::time_point::max();

    static Deadline in(Clock::duration wait) { return {Clock::now() + wait}; }
    bool passed() const { return Clock::now() >= at; }
    /// Never negative.
    std::chrono::milliseconds remaining() const {
        const auto now = Clock::now();
        if (now >= at) return std::chrono::milliseconds{0};
        return std::chrono::duration_cast<std::chrono::milliseconds>(at - now);
    }
};

}  // namespace lintas
