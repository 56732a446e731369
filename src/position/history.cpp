#include "position/history.hpp"

#include <algorithm>
#include <charconv>

namespace lintas::position {

History::History(Timeline current, std::vector<Ended> ancestors)
    : current_(current), ancestors_(std::move(ancestors)) {}

std::optional<History> History::parse(Timeline current, std::string_view text) {
    std::vector<Ended> ancestors;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t digit = line.find_first_not_of(" \t\r");
        if (digit == std::string_view::npos || line[digit] == '#') continue;
        line.remove_prefix(digit);

        Timeline timeline = 0;
        const auto [stop, ec] =
            std::from_chars(line.data(), line.data() + line.size(), timeline, 10);
        if (ec != std::errc{} || timeline == 0) return std::nullopt;
        line.remove_prefix(static_cast<std::size_t>(stop - line.data()));
        const std::size_t from = line.find_first_not_of(" \t");
        if (from == 0 || from == std::string_view::npos) return std::nullopt;
        line.remove_prefix(from);
        const std::optional<Lsn> at = parse_lsn(line.substr(0, line.find_first_of(" \t\r")));
        const bool ascending = ancestors.empty() || timeline > ancestors.back().timeline;
        if (!at || !ascending || timeline >= current) return std::nullopt;
        ancestors.push_back({timeline, *at});
    }
    return History{current, std::move(ancestors)};
}

std::optional<Lsn> History::valid_to(Timeline timeline) const {
    if (timeline == current_) return kEndOfTime;
    const auto from = std::ranges::find(ancestors_, timeline, &Ended::timeline);
    if (from == ancestors_.end()) return std::nullopt;
    return std::min_element(from, ancestors_.end(),
                            [](const Ended& a, const Ended& b) { return a.at < b.at; })
        ->at;
}

bool History::contains(Position position) const {
    const std::optional<Lsn> end = valid_to(position.timeline);
    return end && position.lsn <= *end;
}

Coverage covers(const History& history, Position at, Position wanted) {
    if (wanted.timeline > history.current()) return Coverage::behind;
    if (!history.contains(wanted)) return Coverage::lost;
    const std::optional<Lsn> end = history.valid_to(at.timeline);
    const bool contained = end && wanted.lsn <= std::min(at.lsn, *end);
    return contained ? Coverage::covered : Coverage::behind;
}

Position later_of(Position a, Position b) {
    if (a.lsn != b.lsn) return a.lsn > b.lsn ? a : b;
    return a.timeline >= b.timeline ? a : b;
}

}  // namespace lintas::position
