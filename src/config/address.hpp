#pragma once
// "host:port" as listeners and the status command take it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lintas::config {

struct HostPort {
    std::string host;  // an IPv6 address stands here without its brackets
    std::uint16_t port = 0;
    bool operator==(const HostPort&) const = default;
};

/// "127.0.0.1:8080", "[::1]:9090", "localhost:0". A host of digits and dots must be an IPv4
/// address.
std::optional<HostPort> parse_host_port(std::string_view text);

}  // namespace lintas::config
