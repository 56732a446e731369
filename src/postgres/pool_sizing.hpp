#pragma once
// How many connections a pool should open now: arithmetic apart from the I/O.

#include <algorithm>
#include <cstddef>

namespace lintas::postgres {

struct PoolCounts {
    std::size_t open = 0;  // idle and busy
    std::size_t idle = 0;
    std::size_t connecting = 0;
    std::size_t wanted = 0;  // leases that wait, plus one if shared reads want another connection
};

/// One connection is kept open even when nobody asks: it is how the pool knows that the server
/// lives.
inline std::size_t connections_to_open(std::size_t size, PoolCounts now) {
    const std::size_t used = now.open + now.connecting;
    if (used >= size) return 0;
    const std::size_t coming = now.idle + now.connecting;
    const std::size_t missing = now.wanted > coming ? now.wanted - coming : 0;
    const std::size_t least = used == 0 ? 1 : 0;
    return std::min(size - used, std::max(missing, least));
}

}  // namespace lintas::postgres
