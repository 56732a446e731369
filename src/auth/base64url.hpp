#pragma once
// base64url as JOSE uses it: no padding, and exactly one spelling for each byte string.

#include <optional>
#include <string>
#include <string_view>

namespace lintas::auth {

/// Refuses padding, other alphabets and leftover bits that are not zero (RFC 4648 section 3.5), so
/// that no second spelling of a signature passes for the first.
std::optional<std::string> base64url_decode(std::string_view text);

std::string base64url_encode(std::string_view bytes);

}  // namespace lintas::auth
