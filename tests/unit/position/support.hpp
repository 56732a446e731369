#pragma once
// Short ways to write positions in tables.

#include <cstdint>
#include <vector>

#include "position/progress.hpp"

namespace lintas::position {

inline Lsn at(std::uint64_t value) {
    return Lsn{value};
}

/// A moment, in milliseconds from a fixed one.
inline Clock::time_point ms(std::int64_t value) {
    return Clock::time_point{std::chrono::hours{1000} + std::chrono::milliseconds{value}};
}

/// Timeline 3: 1 ended at 100, 2 at 200.
inline History three() {
    return History{3, {{1, Lsn{100}}, {2, Lsn{200}}}};
}

inline Lineage lineage(std::uint64_t system_id = 7, History history = History{1, {}}) {
    return Lineage{system_id, std::move(history)};
}

}  // namespace lintas::position
