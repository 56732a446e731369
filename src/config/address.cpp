#include "config/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace lintas::config {

namespace {

bool is_address(int family, const std::string& host) {
    in6_addr room{};
    return ::inet_pton(family, host.c_str(), &room) == 1;
}

bool is_name(std::string_view host) {
    return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    });
}

}  // namespace

std::optional<HostPort> parse_host_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    HostPort out;
    const char* const last = digits.data() + digits.size();
    const auto [end, error] = std::from_chars(digits.data(), last, out.port);
    if (error != std::errc{} || end != last) return std::nullopt;

    if (host.starts_with('[') && host.ends_with(']')) {
        out.host = host.substr(1, host.size() - 2);
        if (!is_address(AF_INET6, out.host)) return std::nullopt;
        return out;
    }
    out.host = host;
    const bool numeric = host.find_first_not_of("0123456789.") == std::string_view::npos;
    if (numeric ? !is_address(AF_INET, out.host) : !is_name(host)) return std::nullopt;
    return out;
}

}  // namespace lintas::config
