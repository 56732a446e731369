#pragma once
// What the kernel says of this process, for the process_* metrics that every exporter has.

#include <cstdint>
#include <optional>

namespace lintas::obs {

/// A figure that /proc does not give (no /proc in a bare container) is absent, not zero.
struct ProcessStats {
    double cpu_seconds = 0;                      // user and system
    std::optional<double> start_time_seconds{};  // since the Unix epoch
    std::optional<std::uint64_t> resident_bytes{};
    std::optional<std::uint64_t> virtual_bytes{};
    std::optional<std::uint64_t> open_fds{};
    std::optional<std::uint64_t> max_fds{};
};

/// Reads a few files of /proc: microseconds, plus about 0.3 us per open descriptor on kernels
/// before 6.2.
ProcessStats process_stats();

}  // namespace lintas::obs
