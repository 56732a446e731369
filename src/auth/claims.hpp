#pragma once
// Verified claims, read once and judged at every request: only the clock can change the verdict.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/identity.hpp"
#include "base/result.hpp"
#include "config/claim_path.hpp"

namespace lintas::auth {

struct ClaimRules {
    config::ClaimPath role_path{};
    std::string audience{};   // empty: `aud` is not compared
    std::string anon_role{};  // empty: a token must name a role
};

/// Clocks of issuers and ours may be this far apart.
inline constexpr std::int64_t kSkewSeconds = 30;

class Claims {
 public:
    /// `text` comes from verified_claims().
    static Claims read(std::string_view text, const ClaimRules& rules);

    /// Errors, the first of them in upstream's order: jwt_claims (exp, nbf, iat, aud, an impossible
    /// role), jwt_required (no role, and no anonymous one). Units: seconds since 1970.
    Result<Identity> judge(std::int64_t now_s) const;

    /// Rough memory of one, for the cache's bound.
    std::size_t bytes() const { return sizeof(Claims) + identity_.claims_json.size(); }

 private:
    struct Date {
        std::optional<double> seconds{};
        bool bad = false;  // there, but not a number
    };

    Date exp_{};
    Date nbf_{};
    Date iat_{};
    std::optional<Error> verdict_{};  // of aud and role, which no clock can change
    Identity identity_{};             // if there is no verdict
};

}  // namespace lintas::auth
