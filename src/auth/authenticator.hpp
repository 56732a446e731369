#pragma once
// A request's Authorization header → who asks. The first stage: nothing else is looked at before
// it.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/claims.hpp"
#include "auth/identity.hpp"
#include "auth/jwk.hpp"
#include "auth/token_cache.hpp"
#include "base/http_message.hpp"
#include "base/result.hpp"
#include "config/config.hpp"

namespace lintas::auth {

/// One per thread: identify() writes to its cache. clone() makes the others; they share the keys.
class Authenticator {
 public:
    /// Reads the key file, if one is configured. Errors: jwt_not_configured, with what is wrong
    /// with the secret, the file or a key, for the operator; no key material in it.
    static Result<Authenticator> make(const config::Jwt& jwt, std::string anon_role);

    /// The same keys and rules with a cache of its own.
    Authenticator clone() const { return Authenticator{shared_}; }

    /// Errors: jwt_not_configured (a token, and no key to check it), jwt_undecodable, jwt_claims,
    /// jwt_required. Without a token: the anonymous role; where neither a role nor a key is
    /// configured the connection's own user (an empty role). With a key, but no anonymous role,
    /// jwt_required. Units: `now_unix_s` seconds since 1970. Never throws on any input.
    Result<Identity> identify(const RawRequest& raw, std::int64_t now_unix_s) const;

    std::size_t cached() const { return cache_.size(); }

 private:
    struct Shared {
        std::vector<Key> keys{};
        ClaimRules rules{};
    };

    explicit Authenticator(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

    Result<Identity> anonymous() const;

    std::shared_ptr<const Shared> shared_;
    mutable TokenCache cache_{};
};

}  // namespace lintas::auth
