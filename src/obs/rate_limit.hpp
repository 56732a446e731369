#pragma once
// A failure that repeats a thousand times a second is one line and a count, not a thousand lines.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.hpp"
#include "obs/line.hpp"

namespace lintas::obs {

/// Per key: the first is said at once; then a window in which repetitions are only counted. What
/// was counted is said with the first repetition after the window, or by due() when none comes.
/// Bounded: past kMaxKeys live keys, new ones share one. Pure: the caller brings the clock, and the
/// lock.
class RateLimit {
 public:
    static constexpr Clock::duration kWindow = std::chrono::seconds{10};
    static constexpr std::size_t kMaxKeys = 256;

    struct Verdict {
        bool say = false;
        std::uint64_t repeated = 0;    // times it was kept back before
        bool first_kept_back = false;  // due() has something that it did not have before
    };
    Verdict seen(std::string_view key, LogLevel level, std::string_view message,
                 Clock::time_point now);

    struct KeptBack {
        LogLevel level = LogLevel::warn;
        std::string key;
        std::string message;
        std::uint64_t repeated = 0;
    };
    /// What was counted in windows that are over; takes it out. With time_point::max(): all of it.
    std::vector<KeptBack> due(Clock::time_point now);

    /// When due() has something next; nullopt: nothing is kept back.
    std::optional<Clock::time_point> next_due() const;

 private:
    struct Entry {
        Clock::time_point window_end;
        LogLevel level;
        std::string message;
        std::uint64_t repeated = 0;
    };
    std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace lintas::obs
