#pragma once
// Keys made on the spot and tokens signed with them.

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/authenticator.hpp"
#include "auth/base64url.hpp"

namespace lintas::auth {

inline const std::string kSecret = "reallyreallyreallyreallyverysafe";  // 32 bytes

inline std::string hmac(const char* digest, std::string_view secret, std::string_view input) {
    unsigned char mac[EVP_MAX_MD_SIZE];
    std::size_t length = 0;
    REQUIRE(EVP_Q_mac(nullptr, "HMAC", nullptr, digest, nullptr, secret.data(), secret.size(),
                      reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac,
                      sizeof mac, &length) != nullptr);
    return {reinterpret_cast<const char*>(mac), length};
}

inline std::string signing_input(std::string_view header, std::string_view claims) {
    return base64url_encode(header) + "." + base64url_encode(claims);
}

inline std::string hs_token(std::string_view claims,
                            std::string_view header = R"({"alg":"HS256","typ":"JWT"})",
                            std::string_view secret = kSecret, const char* digest = "SHA256") {
    const std::string input = signing_input(header, claims);
    return input + "." + base64url_encode(hmac(digest, secret, input));
}

/// An RSA or EC key pair; signs as JWS wants it.
class KeyPair {
 public:
    static KeyPair rsa(std::size_t bits) {
        return KeyPair{EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits)};
    }
    static KeyPair ec(const char* curve) {
        return KeyPair{EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve)};
    }

    std::string token(std::string_view header, std::string_view claims, const char* digest,
                      bool pss = false) const {
        const std::string input = signing_input(header, claims);
        return input + "." + base64url_encode(sign(input, digest, pss));
    }

    std::string sign(std::string_view input, const char* digest, bool pss) const {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                              &EVP_MD_CTX_free};
        EVP_PKEY_CTX* options = nullptr;
        REQUIRE(EVP_DigestSignInit_ex(context.get(), &options, digest, nullptr, nullptr, key_.get(),
                                      nullptr) == 1);
        if (pss) {
            REQUIRE(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1);
            REQUIRE(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1);
        }
        std::string out(1024, '\0');
        std::size_t length = out.size();
        REQUIRE(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length,
                               reinterpret_cast<const unsigned char*>(input.data()),
                               input.size()) == 1);
        out.resize(length);
        return EVP_PKEY_is_a(key_.get(), "EC") == 1 ? raw_from_der(out) : out;
    }

    /// The public half; `extra` is spliced in, like `"kid":"a",`.
    std::string jwk(const std::string& extra = "") const {
        if (EVP_PKEY_is_a(key_.get(), "RSA") == 1) {
            return "{" + extra + R"("kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N, 0) +
                   R"(","e":")" + number(OSSL_PKEY_PARAM_RSA_E, 0) + "\"}";
        }
        const int half = half_length();
        const char* const curve = half == 32 ? "P-256" : half == 48 ? "P-384" : "P-521";
        return "{" + extra + R"("kty":"EC","crv":")" + curve + R"(","x":")" +
               number(OSSL_PKEY_PARAM_EC_PUB_X, half) + R"(","y":")" +
               number(OSSL_PKEY_PARAM_EC_PUB_Y, half) + "\"}";
    }

 private:
    explicit KeyPair(EVP_PKEY* key) : key_(key, &EVP_PKEY_free) { REQUIRE(key != nullptr); }

    int half_length() const { return (EVP_PKEY_get_bits(key_.get()) + 7) / 8; }

    std::string number(const char* name, int length) const {
        BIGNUM* raw = nullptr;
        REQUIRE(EVP_PKEY_get_bn_param(key_.get(), name, &raw) == 1);
        std::string bytes(static_cast<std::size_t>(length == 0 ? BN_num_bytes(raw) : length), '\0');
        BN_bn2binpad(raw, reinterpret_cast<unsigned char*>(bytes.data()),
                     static_cast<int>(bytes.size()));
        BN_free(raw);
        return base64url_encode(bytes);
    }

    std::string raw_from_der(const std::string& der) const {
        const unsigned char* at = reinterpret_cast<const unsigned char*>(der.data());
        ECDSA_SIG* const signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
        REQUIRE(signature != nullptr);
        const int half = half_length();
        std::string raw(static_cast<std::size_t>(2 * half), '\0');
        unsigned char* const out = reinterpret_cast<unsigned char*>(raw.data());
        BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, half);
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + half, half);
        ECDSA_SIG_free(signature);
        return raw;
    }

    std::shared_ptr<EVP_PKEY> key_;
};

inline config::Jwt secret_config() {
    config::Jwt jwt;
    jwt.secret = kSecret;
    return jwt;
}

/// One Authenticator and requests to it.
struct Asking {
    explicit Asking(const config::Jwt& jwt = secret_config(), const std::string& anon_role = "anon")
        : authenticator(std::move(*Authenticator::make(jwt, anon_role))) {}

    Result<Identity> header(std::string_view value, std::int64_t now = 1'000) const {
        const HeaderView headers[] = {{"Host", "x"}, {"authorization", value}};
        RawRequest raw{};
        raw.headers = headers;
        return authenticator.identify(raw, now);
    }
    Result<Identity> token(const std::string& token, std::int64_t now = 1'000) const {
        return header("Bearer " + token, now);
    }
    Result<Identity> nothing() const { return authenticator.identify(RawRequest{}, 1'000); }

    Authenticator authenticator;
};

/// "role" or "code|message", for tables.
inline std::string outcome(const Result<Identity>& result) {
    if (result) return result->role;
    const char* const code = result.error().code == Errc::jwt_not_configured ? "PGRST300|"
                             : result.error().code == Errc::jwt_undecodable  ? "PGRST301|"
                             : result.error().code == Errc::jwt_required     ? "PGRST302|"
                             : result.error().code == Errc::jwt_claims       ? "PGRST303|"
                                                                             : "?|";
    return code + result.error().message;
}

}  // namespace lintas::auth
