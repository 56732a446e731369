#pragma once
// The keys that tokens are checked with: a shared secret, or a JWK / JWK set (RFC 7517).

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace lintas::auth {

/// What RFC 7518 section 3 names and this build verifies. `none` is not among them.
enum class Algorithm {
    hs256,
    hs384,
    hs512,
    rs256,
    rs384,
    rs512,
    ps256,
    ps384,
    ps512,
    es256,
    es384,
    es512,
};

std::optional<Algorithm> algorithm_from_name(std::string_view name);

/// Immutable after it is made; copies share the key, and any thread may verify with it.
class Key {
 public:
    /// At least 32 bytes. Without a name, so it is tried whatever `kid` a token carries.
    static Key from_secret(std::string bytes);

    /// The key's type decides which algorithms it may be used with, not the token: an RSA key never
    /// verifies an HMAC. A JWK's own "alg" narrows that to one.
    bool allows(Algorithm algorithm) const;

    /// RFC 7515 section 4.1.4: a token that names a key is checked with a key of that name only.
    bool answers_to(const std::optional<std::string>& kid) const;

    /// False for anything but a good signature. Requires allows(algorithm). HMACs are compared in
    /// constant time.
    bool verify(Algorithm algorithm, std::string_view input, std::string_view signature) const;

 private:
    friend class JwkReader;
    enum class Kind { oct, rsa, p256, p384, p521 };

    Kind kind_ = Kind::oct;
    bool any_name_ = false;
    std::optional<std::string> kid_{};
    std::optional<Algorithm> only_{};
    std::string secret_{};                      // oct
    std::shared_ptr<const evp_pkey_st> key_{};  // the others: the public half
};

/// `text` is a JWK or {"keys": [...]}. Keys for other purposes or of unknown types are passed over,
/// as RFC 7517 section 5 asks. Errors: jwt_not_configured, with what is wrong with which key (no
/// key material in it): nothing usable, a malformed key, RSA outside 2048..8192 bits, HMAC under 32
/// bytes.
Result<std::vector<Key>> keys_from_jwks(std::string_view text);

}  // namespace lintas::auth
