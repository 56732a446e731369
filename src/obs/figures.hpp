#pragma once
// What the metrics show of the site beside the requests: read from its parts when scraped.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lintas::obs {

struct ReplicaFigures {
    std::string name;
    std::optional<double> lag_seconds{};  // nullopt: not known, no sample is shown
    std::uint64_t position = 0;           // replayed LSN in bytes
};

struct SiteFigures {
    std::vector<ReplicaFigures> replicas{};
    std::uint64_t memory_bytes = 0;
    std::uint64_t memory_evictions = 0;
    std::optional<double> feed_lag_seconds{};
    std::uint64_t feed_position = 0;  // W in bytes
    std::uint64_t feed_stamps = 0;
    std::uint64_t feed_breaks = 0;
};

}  // namespace lintas::obs
