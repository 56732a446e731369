// Key's part that meets the outside: which algorithm it takes, and the signature check itself, with
// OpenSSL 3's EVP calls alone.

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <cstddef>
#include <memory>

#include "auth/jwk.hpp"
#include "base/assert.hpp"

namespace lintas::auth {

namespace {

using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using EcSignature = std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)>;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

const char* digest_name(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::hs256:
        case Algorithm::rs256:
        case Algorithm::ps256:
        case Algorithm::es256:
            return "SHA256";
        case Algorithm::hs384:
        case Algorithm::rs384:
        case Algorithm::ps384:
        case Algorithm::es384:
            return "SHA384";
        default:
            return "SHA512";
    }
}

bool is_pss(Algorithm algorithm) {
    return algorithm == Algorithm::ps256 || algorithm == Algorithm::ps384 ||
           algorithm == Algorithm::ps512;
}

bool verify_hmac(const std::string& secret, Algorithm algorithm, std::string_view input,
                 std::string_view signature) {
    unsigned char mac[EVP_MAX_MD_SIZE];
    std::size_t length = 0;
    if (EVP_Q_mac(nullptr, "HMAC", nullptr, digest_name(algorithm), nullptr, secret.data(),
                  secret.size(), bytes_of(input), input.size(), mac, sizeof mac,
                  &length) == nullptr) {
        return false;
    }
    return signature.size() == length && CRYPTO_memcmp(signature.data(), mac, length) == 0;
}

/// JWS writes r and s one after the other, each as long as the curve's order; OpenSSL reads DER.
std::string der_from_raw(std::string_view raw) {
    const std::size_t half = raw.size() / 2;
    const EcSignature signature{ECDSA_SIG_new(), &ECDSA_SIG_free};
    BIGNUM* const r = BN_bin2bn(bytes_of(raw), static_cast<int>(half), nullptr);
    BIGNUM* const s = BN_bin2bn(bytes_of(raw.substr(half)), static_cast<int>(half), nullptr);
    if (!signature || r == nullptr || s == nullptr || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return {};
    }
    unsigned char* der = nullptr;
    const int length = i2d_ECDSA_SIG(signature.get(), &der);
    if (length <= 0) return {};
    std::string out{reinterpret_cast<const char*>(der), static_cast<std::size_t>(length)};
    OPENSSL_free(der);
    return out;
}

bool verify_public(const EVP_PKEY* key, Algorithm algorithm, std::string_view input,
                   std::string_view signature) {
    const Context context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
    EVP_PKEY_CTX* options = nullptr;  // belongs to the context
    if (!context ||
        EVP_DigestVerifyInit_ex(context.get(), &options, digest_name(algorithm), nullptr, nullptr,
                                const_cast<EVP_PKEY*>(key), nullptr) != 1) {
        return false;
    }
    // RFC 7518 section 3.5: the salt is as long as the digest, MGF1 uses the same digest (the
    // default).
    if (is_pss(algorithm) &&
        (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1)) {
        return false;
    }
    return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(input),
                            input.size()) == 1;
}

}  // namespace

Key Key::from_secret(std::string bytes) {
    Key key;
    key.kind_ = Kind::oct;
    key.any_name_ = true;
    key.secret_ = std::move(bytes);
    return key;
}

bool Key::allows(Algorithm algorithm) const {
    if (only_ && *only_ != algorithm) return false;
    switch (algorithm) {
        case Algorithm::hs256:
        case Algorithm::hs384:
        case Algorithm::hs512:
            return kind_ == Kind::oct;
        case Algorithm::rs256:
        case Algorithm::rs384:
        case Algorithm::rs512:
        case Algorithm::ps256:
        case Algorithm::ps384:
        case Algorithm::ps512:
            return kind_ == Kind::rsa;
        case Algorithm::es256:
            return kind_ == Kind::p256;
        case Algorithm::es384:
            return kind_ == Kind::p384;
        case Algorithm::es512:
            return kind_ == Kind::p521;
    }
    return false;
}

bool Key::answers_to(const std::optional<std::string>& kid) const {
    return !kid || any_name_ || kid_ == kid;
}

bool Key::verify(Algorithm algorithm, std::string_view input, std::string_view signature) const {
    LINTAS_ASSERT(allows(algorithm));
    bool good = false;
    switch (kind_) {
        case Kind::oct:
            return verify_hmac(secret_, algorithm, input, signature);
        case Kind::rsa:
            good = verify_public(key_.get(), algorithm, input, signature);
            break;
        case Kind::p256:
        case Kind::p384:
        case Kind::p521: {
            const std::size_t half = kind_ == Kind::p256 ? 32 : kind_ == Kind::p384 ? 48 : 66;
            if (signature.size() != 2 * half) return false;
            good = verify_public(key_.get(), algorithm, input, der_from_raw(signature));
            break;
        }
    }
    // OpenSSL leaves the reason of a failure in a per-thread queue that TLS would read as its own.
    ERR_clear_error();
    return good;
}

}  // namespace lintas::auth
