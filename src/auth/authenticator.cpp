// Header → token → (cache | signature check) → claims judged by the clock → identity.

#include "auth/authenticator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "auth/jwt.hpp"
#include "auth/role.hpp"
#include "config/claim_path.hpp"
#include "config/expand.hpp"
#include "config/secret.hpp"

namespace lintas::auth {

namespace {

constexpr std::size_t kKeyFileBytesMax = 1024 * 1024;

/// nullopt: no Authorization header, or of another scheme, which is nobody's business here.
std::optional<std::string_view> bearer_token(const RawRequest& raw) {
    const std::string_view value = raw.header("authorization");
    const std::size_t blank = std::min(value.find_first_of(" \t"), value.size());
    if (!header_name_equal(value.substr(0, blank), "bearer")) return std::nullopt;
    const std::size_t start = std::min(value.find_first_not_of(" \t", blank), value.size());
    return value.substr(start);
}

Result<std::vector<Key>> configured_keys(const config::Jwt& jwt) {
    std::vector<Key> keys;
    if (!jwt.secret.empty()) {
        std::optional<std::string> bytes = config::secret_bytes(jwt);
        if (!bytes) return fail(Errc::jwt_not_configured, "api.jwt.secret: is not base64");
        if (bytes->size() < config::kSecretBytesMin) {
            return fail(Errc::jwt_not_configured, "api.jwt.secret: is shorter than 32 bytes");
        }
        keys.push_back(Key::from_secret(std::move(*bytes)));
        return keys;
    }
    if (jwt.jwks.empty()) return keys;
    const std::expected<std::string, std::string> text =
        config::read_file(jwt.jwks, kKeyFileBytesMax);
    if (!text) {
        return fail(Errc::jwt_not_configured,
                    fmt::format("api.jwt.jwks: {}: {}", jwt.jwks, text.error()));
    }
    Result<std::vector<Key>> read = keys_from_jwks(*text);
    if (read) return read;
    return fail(Errc::jwt_not_configured,
                fmt::format("api.jwt.jwks: {}: {}", jwt.jwks, read.error().message));
}

}  // namespace

Result<Authenticator> Authenticator::make(const config::Jwt& jwt, std::string anon_role) {
    Result<std::vector<Key>> keys = configured_keys(jwt);
    if (!keys) return fail(keys.error());
    std::optional<config::ClaimPath> path = config::parse_claim_path(jwt.role_claim);
    if (!path) return fail(Errc::jwt_not_configured, "api.jwt.role_claim: is not a path");
    auto shared = std::make_shared<Shared>();
    shared->keys = std::move(*keys);
    shared->rules = {std::move(*path), jwt.audience, std::move(anon_role)};
    return Authenticator{std::move(shared)};
}

Result<Identity> Authenticator::anonymous() const {
    const std::string& role = shared_->rules.anon_role;
    if (!role.empty()) return Identity{role, true, with_role("{}", role)};
    if (shared_->keys.empty()) return Identity{"", true, "{}"};
    return fail(Errc::jwt_required, "Anonymous access is disabled");
}

Result<Identity> Authenticator::identify(const RawRequest& raw, std::int64_t now_unix_s) const {
    const std::optional<std::string_view> token = bearer_token(raw);
    if (!token) return anonymous();
    if (shared_->keys.empty()) return fail(Errc::jwt_not_configured, "Server lacks JWT secret");
    if (token->size() <= kTokenBytesMax) {
        if (const Claims* const known = cache_.find(*token)) return known->judge(now_unix_s);
    }
    const Result<std::string> text = verified_claims(*token, shared_->keys);
    if (!text) return fail(text.error());
    Claims claims = Claims::read(*text, shared_->rules);
    Result<Identity> identity = claims.judge(now_unix_s);
    cache_.insert(*token, std::move(claims));
    return identity;
}

}  // namespace lintas::auth
