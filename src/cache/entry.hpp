#pragma once
// One cached answer: a whole representation, and where it stands in the primary's history.

#include <cstddef>
#include <memory>

#include "base/http_message.hpp"
#include "position/freshness.hpp"

namespace lintas::cache {

struct Entry {
    position::Provenance from{};
    Reply reply{};  // 200 or 206 of a GET, without the headers that belong to one answer (Age…)
    std::int64_t rows = 0;  // for the log line
    std::string
        hit_lines{};  // ready_lines() of `reply` as a hit that needs nothing else but its age
    std::uint64_t generation = 0;  // of the configuration that it was made under

    /// What it costs to keep, roughly.
    std::size_t bytes() const;
};

using EntryPtr = std::shared_ptr<const Entry>;

/// A larger answer is not cached (DESIGN section 5).
inline constexpr std::size_t kEntryBytesMax = std::size_t{1} << 20U;

/// Copies the body into one piece of its own: a PGresult takes several times its bytes.
Entry make_entry(position::Provenance from, const Reply& reply, std::int64_t rows);

/// A newer answer replaces an older one, never the reverse: two fills may race, and the older may
/// land last.
bool may_replace(const Entry& old, const Entry& next);

}  // namespace lintas::cache
