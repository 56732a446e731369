#include "config/values.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

namespace lintas::config {

namespace {

using Unit = std::pair<std::string_view, std::int64_t>;  // largest first
constexpr std::array<Unit, 4> kTimes{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kSizes{
    {{"GiB", std::int64_t{1} << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}};

struct Measured {
    std::int64_t number;
    std::string_view unit;
};

std::optional<Measured> split(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || text.starts_with('-')) return std::nullopt;
    return Measured{number, text.substr(static_cast<std::size_t>(end - text.data()))};
}

std::optional<std::int64_t> scaled(std::string_view text, const std::array<Unit, 4>& units) {
    const std::optional<Measured> measured = split(text);
    if (!measured) return std::nullopt;
    for (const auto& [unit, factor] : units) {
        std::int64_t product = 0;
        if (unit != measured->unit) continue;
        if (__builtin_mul_overflow(measured->number, factor, &product)) return std::nullopt;
        return product;
    }
    return std::nullopt;
}

std::string largest_exact(std::int64_t value, const std::array<Unit, 4>& units) {
    for (const auto& [unit, factor] : units) {
        if (value != 0 && value % factor == 0) return fmt::format("{}{}", value / factor, unit);
    }
    return fmt::format("0{}", units[2].first);
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const std::optional<std::int64_t> ms = scaled(text, kTimes);
    if (!ms) return std::nullopt;
    return std::chrono::milliseconds{*ms};
}

std::string to_text(std::chrono::milliseconds duration) {
    return largest_exact(duration.count(), kTimes);
}

std::optional<std::int64_t> parse_size(std::string_view text) {
    return scaled(text, kSizes);
}

std::string size_to_text(std::int64_t bytes) {
    return largest_exact(bytes, kSizes);
}

std::optional<std::int64_t> parse_count(std::string_view text) {
    std::int64_t number = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, number);
    if (error != std::errc{} || end != last) return std::nullopt;
    return number;
}

std::optional<bool> parse_flag(std::string_view text) {
    if (text == "true") return true;
    if (text == "false") return false;
    return std::nullopt;
}

bool is_utf8(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    for (std::size_t i = 0; i < text.size();) {
        const unsigned char lead = byte(i);
        const std::size_t length = lead < 0x80                   ? 1
                                   : lead >= 0xC2 && lead < 0xE0 ? 2
                                   : lead >= 0xE0 && lead < 0xF0 ? 3
                                   : lead >= 0xF0 && lead < 0xF5 ? 4
                                                                 : 0;
        if (length == 0 || length > text.size() - i) return false;
        for (std::size_t k = 1; k < length; ++k) {
            if ((byte(i + k) & 0xC0) != 0x80) return false;
        }
        // Overlong forms, surrogates and what lies beyond U+10FFFF.
        if (lead == 0xE0 && byte(i + 1) < 0xA0) return false;
        if (lead == 0xED && byte(i + 1) >= 0xA0) return false;
        if (lead == 0xF0 && byte(i + 1) < 0x90) return false;
        if (lead == 0xF4 && byte(i + 1) >= 0x90) return false;
        i += length;
    }
    return true;
}

}  // namespace lintas::config
