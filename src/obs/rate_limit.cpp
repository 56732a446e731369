#include "obs/rate_limit.hpp"

#include <algorithm>
#include <utility>

namespace lintas::obs {

namespace {

constexpr std::string_view kSharedKey = "(others)";

}  // namespace

RateLimit::Verdict RateLimit::seen(std::string_view key, LogLevel level, std::string_view message,
                                   Clock::time_point now) {
    auto it = entries_.find(key);
    if (it == entries_.end() && entries_.size() >= kMaxKeys) {
        std::erase_if(entries_, [&](const auto& e) {
            return e.second.repeated == 0 && e.second.window_end <= now;
        });
        if (entries_.size() >= kMaxKeys) {
            key = kSharedKey;
            it = entries_.find(key);
        }
    }
    if (it == entries_.end()) {
        entries_.emplace(std::string{key}, Entry{now + kWindow, level, std::string{message}, 0});
        return {true, 0, false};
    }
    Entry& entry = it->second;
    if (now < entry.window_end) {
        ++entry.repeated;
        return {false, 0, entry.repeated == 1};
    }
    entry.window_end = now + kWindow;
    return {true, std::exchange(entry.repeated, 0), false};
}

std::vector<RateLimit::KeptBack> RateLimit::due(Clock::time_point now) {
    std::vector<KeptBack> out;
    for (auto& [key, entry] : entries_) {
        if (entry.repeated == 0 || entry.window_end > now) continue;
        out.push_back({entry.level, key, entry.message, std::exchange(entry.repeated, 0)});
        if (now != Clock::time_point::max()) entry.window_end = now + kWindow;
    }
    return out;
}

std::optional<Clock::time_point> RateLimit::next_due() const {
    std::optional<Clock::time_point> next;
    for (const auto& [key, entry] : entries_) {
        if (entry.repeated > 0 && (!next || entry.window_end < *next)) next = entry.window_end;
    }
    return next;
}

}  // namespace lintas::obs
