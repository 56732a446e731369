#pragma once
// limit, offset and the Range header become one window of rows (DIALECT 1.4).

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "parse/request.hpp"

namespace lintas::parse {

/// The limit and offset parameters of the outermost level: the last of each, nullopt if it was not
/// sent.
struct WindowParameters {
    std::optional<std::string_view> limit{};
    std::optional<std::string_view> offset{};
};

/// A value that is no 64-bit integer is ignored, except that an unreadable limit beside an offset
/// is limit 0, as in the dialect's reference. Errors: bad_range.
Result<Window> window_from_parameters(const WindowParameters& parameters);

/// What `range` ("first-last" or "first-", anything else is ignored) leaves of `window`.
/// Errors: bad_range.
Result<Window> window_within_range(const Window& window, std::string_view range);

}  // namespace lintas::parse
