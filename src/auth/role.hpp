#pragma once
// From the claims to the role, and the role back into the claims.

#include <optional>
#include <string>
#include <string_view>

#include "config/claim_path.hpp"

namespace lintas::auth {

// `claims` below is the text of a JSON object without duplicate names (verified_claims()).

/// What stands at `path`: a string's content, another value's JSON text; nullopt for null or
/// nothing.
std::optional<std::string> role_at(std::string_view claims, const config::ClaimPath& path);

/// The claims with a top-level "role" of that value. All else, numbers above all, stays as the
/// issuer wrote it.
std::string with_role(std::string_view claims, std::string_view role);

}  // namespace lintas::auth
