#pragma once
// One JSON Web Token (RFC 7519 over RFC 7515 compact form): is it ours, and what does it claim.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "auth/jwk.hpp"
#include "base/result.hpp"

namespace lintas::auth {

inline constexpr std::size_t kTokenBytesMax = 8 * 1024;

/// The claims' text of a token that one of `keys` has signed: a JSON object without duplicate
/// names. Pure, never throws. Errors: jwt_undecodable with upstream's messages (form, algorithm,
/// key, signature); jwt_claims when what was signed is not such an object. Nothing of the token is
/// quoted.
Result<std::string> verified_claims(std::string_view token, std::span<const Key> keys);

}  // namespace lintas::auth
