#pragma once
// What all threads of the daemon share: knowledge of the primary's progress, and the cache that it
// judges.

#include "cache/flights.hpp"
#include "cache/memory.hpp"
#include "position/progress.hpp"

namespace lintas::app {

/// Thread: any; each member says how.
struct Site {
    explicit Site(std::size_t memory_bytes) : memory(memory_bytes) {}
    position::Progress progress;
    cache::Memory memory;
    cache::Flights flights;
};

}  // namespace lintas::app
