#pragma once
// The shortest way of a request: understood before, and its answer in memory is fresh. Nothing is
// parsed, nothing is formatted but the age.

#include <optional>

#include "app/services.hpp"
#include "base/http_message.hpp"

namespace lintas::app {

/// nullopt: it has to go the whole way.
std::optional<Reply> quick_hit(const RawRequest& raw, Services& services, Facts& facts);

/// The answer of an entry, its header lines ready but for the age.
Reply reply_from_ready(const cache::EntryPtr& entry, std::optional<std::chrono::nanoseconds> age);

}  // namespace lintas::app
