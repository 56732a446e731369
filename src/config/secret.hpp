#pragma once
// The bytes of api.jwt.secret, as written or out of base64.

#include <optional>
#include <string>

#include "config/config.hpp"

namespace lintas::config {

inline constexpr std::size_t kSecretBytesMin = 32;  // RFC 7518 section 3.2, for HS256

/// nullopt: secret_is_base64 is set and the secret is not base64. Takes both alphabets (+/ and -_),
/// with or without padding, as upstream does. Nothing about the minimum length is checked here.
std::optional<std::string> secret_bytes(const Jwt& jwt);

}  // namespace lintas::config
