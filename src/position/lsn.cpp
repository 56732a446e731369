#include "position/lsn.hpp"

#include <array>
#include <charconv>

namespace lintas::position {

namespace {

std::optional<std::uint32_t> half(std::string_view digits) {
    if (digits.empty() || digits.size() > 8) return std::nullopt;
    std::uint32_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, ec] = std::from_chars(digits.data(), end, value, 16);
    if (ec != std::errc{} || stop != end) return std::nullopt;
    return value;
}

std::string upper_hex(std::uint32_t value) {
    std::array<char, 8> digits{};
    const auto [end, ec] = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16);
    std::string text(digits.data(), end);
    for (char& c : text) {
        if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
}

}  // namespace

std::optional<Lsn> parse_lsn(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const std::optional<std::uint32_t> high = half(text.substr(0, slash));
    const std::optional<std::uint32_t> low = half(text.substr(slash + 1));
    if (!high || !low) return std::nullopt;
    return Lsn{(std::uint64_t{*high} << 32U) | *low};
}

std::string to_text(Lsn lsn) {
    return upper_hex(static_cast<std::uint32_t>(lsn.value >> 32U)) + "/" +
           upper_hex(static_cast<std::uint32_t>(lsn.value));
}

}  // namespace lintas::position
