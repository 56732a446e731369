#pragma once
// api.jwt.role_claim: where in the claims the role stands. Upstream's notation: .role, .a."b c"[0].

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lintas::config {

using ClaimStep = std::variant<std::string, std::size_t>;  // a member's name, an array's index
using ClaimPath = std::vector<ClaimStep>;

/// A member is .name (letters, digits, _ $ @ and anything beyond ASCII) or ."any text"; an index is
/// [0]. At least one member, at most 16 steps.
std::optional<ClaimPath> parse_claim_path(std::string_view text);

}  // namespace lintas::config
