#include "config/claim_path.hpp"

#include <charconv>

namespace lintas::config {

namespace {

constexpr std::size_t kStepsMax = 16;

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c == '@' || static_cast<unsigned char>(c) >= 0x80;
}

std::optional<ClaimStep> member(std::string_view& rest) {
    if (rest.starts_with('"')) {
        const std::size_t end = rest.find('"', 1);
        if (end == std::string_view::npos) return std::nullopt;
        std::string name{rest.substr(1, end - 1)};
        rest.remove_prefix(end + 1);
        return name;
    }
    std::size_t length = 0;
    while (length < rest.size() && is_plain(rest[length])) ++length;
    if (length == 0) return std::nullopt;
    std::string name{rest.substr(0, length)};
    rest.remove_prefix(length);
    return name;
}

std::optional<ClaimStep> index(std::string_view& rest) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    const std::size_t length = static_cast<std::size_t>(end - rest.data());
    if (error != std::errc{} || length == rest.size() || rest[length] != ']') return std::nullopt;
    rest.remove_prefix(length + 1);
    return value;
}

}  // namespace

std::optional<ClaimPath> parse_claim_path(std::string_view text) {
    ClaimPath path;
    if (!text.starts_with('.')) return std::nullopt;
    while (!text.empty()) {
        const char opener = text.front();
        text.remove_prefix(1);
        std::optional<ClaimStep> step;
        if (opener == '.') step = member(text);
        if (opener == '[') step = index(text);
        if (!step || path.size() == kStepsMax) return std::nullopt;
        path.push_back(std::move(*step));
    }
    return path;
}

}  // namespace lintas::config
