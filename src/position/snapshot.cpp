#include "position/snapshot.hpp"

#include <algorithm>
#include <charconv>

namespace lintas::position {

namespace {

std::optional<std::uint64_t> number(std::string_view digits) {
    std::uint64_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, ec] = std::from_chars(digits.data(), end, value);
    if (digits.empty() || ec != std::errc{} || stop != end) return std::nullopt;
    return value;
}

}  // namespace

Snapshot::Snapshot(std::uint64_t xmin, std::uint64_t xmax, std::vector<std::uint64_t> in_progress)
    : xmin_(xmin), xmax_(xmax), in_progress_(std::move(in_progress)) {
    std::ranges::sort(in_progress_);
}

std::optional<Snapshot> Snapshot::parse(std::string_view text) {
    const std::size_t first = text.find(':');
    const std::size_t second = first == text.npos ? text.npos : text.find(':', first + 1);
    if (second == text.npos) return std::nullopt;
    const std::optional<std::uint64_t> xmin = number(text.substr(0, first));
    const std::optional<std::uint64_t> xmax = number(text.substr(first + 1, second - first - 1));
    if (!xmin || !xmax) return std::nullopt;
    std::vector<std::uint64_t> in_progress;
    for (std::string_view rest = text.substr(second + 1); !rest.empty();) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        const std::optional<std::uint64_t> xid = number(rest.substr(0, comma));
        if (!xid) return std::nullopt;
        in_progress.push_back(*xid);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return Snapshot{*xmin, *xmax, std::move(in_progress)};
}

bool Snapshot::shows(std::uint32_t xid) const {
    // The difference as a signed 32-bit number is the nearest one, modulo 2^32.
    const auto distance = static_cast<std::int32_t>(xid - static_cast<std::uint32_t>(xmax_));
    const std::uint64_t full = xmax_ + static_cast<std::uint64_t>(std::int64_t{distance});
    if (full < xmin_) return true;
    if (full >= xmax_) return false;
    return !std::ranges::binary_search(in_progress_, full);
}

}  // namespace lintas::position
