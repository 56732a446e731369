#pragma once
// The scalar notations of the configuration, read and written: durations, sizes, counts, flags.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lintas::config {

/// "250ms", "5s", "10m", "1h": one whole number and one unit.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string to_text(std::chrono::milliseconds duration);  // the largest unit that is exact

/// "65536", "64KiB", "1MiB", "2GiB" → bytes.
std::optional<std::int64_t> parse_size(std::string_view text);
std::string size_to_text(std::int64_t bytes);

std::optional<std::int64_t> parse_count(std::string_view text);  // decimal digits, '-' allowed
std::optional<bool> parse_flag(std::string_view text);           // true, false

bool is_utf8(std::string_view text);

}  // namespace lintas::config
