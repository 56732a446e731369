#include "auth/jwk.hpp"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <utility>

#include "auth/base64url.hpp"
#include "auth/json_members.hpp"
#include "config/secret.hpp"

namespace lintas::auth {

namespace {

constexpr std::size_t kKeysMax = 100;
constexpr int kRsaBitsMin = 2048;
constexpr int kRsaBitsMax = 8192;  // a verification's cost grows with the square

constexpr std::array<std::pair<std::string_view, Algorithm>, 12> kNames{{
    {"HS256", Algorithm::hs256},
    {"HS384", Algorithm::hs384},
    {"HS512", Algorithm::hs512},
    {"RS256", Algorithm::rs256},
    {"RS384", Algorithm::rs384},
    {"RS512", Algorithm::rs512},
    {"PS256", Algorithm::ps256},
    {"PS384", Algorithm::ps384},
    {"PS512", Algorithm::ps512},
    {"ES256", Algorithm::es256},
    {"ES384", Algorithm::es384},
    {"ES512", Algorithm::es512},
}};

template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* pointer) const {
        Free(pointer);
    }
};
using Number = std::unique_ptr<BIGNUM, Deleter<&BN_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Deleter<&OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Deleter<&OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<&EVP_PKEY_CTX_free>>;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::shared_ptr<const EVP_PKEY> public_key(const char* type, OSSL_PARAM_BLD* builder) {
    const Params params{OSSL_PARAM_BLD_to_param(builder)};
    const KeyContext context{EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)};
    EVP_PKEY* raw = nullptr;
    if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &raw, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
        return nullptr;
    }
    std::shared_ptr<const EVP_PKEY> key{
        raw, [](const EVP_PKEY* k) { EVP_PKEY_free(const_cast<EVP_PKEY*>(k)); }};
    const KeyContext check{EVP_PKEY_CTX_new_from_pkey(nullptr, raw, nullptr)};
    if (!check || EVP_PKEY_public_check(check.get()) != 1) return nullptr;
    return key;
}

std::shared_ptr<const EVP_PKEY> rsa_key(std::string_view n, std::string_view e) {
    const Number modulus{BN_bin2bn(bytes_of(n), static_cast<int>(n.size()), nullptr)};
    const Number exponent{BN_bin2bn(bytes_of(e), static_cast<int>(e.size()), nullptr)};
    const ParamBuilder builder{OSSL_PARAM_BLD_new()};
    if (!modulus || !exponent || !builder) return nullptr;
    // A huge exponent costs time and no real key has one.
    if (BN_num_bits(exponent.get()) > 64) return nullptr;
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
    return public_key("RSA", builder.get());
}

std::shared_ptr<const EVP_PKEY> ec_key(const char* curve, const std::string& x,
                                       const std::string& y) {
    const std::string point = '\x04' + x + y;
    const ParamBuilder builder{OSSL_PARAM_BLD_new()};
    if (!builder) return nullptr;
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve, 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
    return public_key("EC", builder.get());
}

}  // namespace

std::optional<Algorithm> algorithm_from_name(std::string_view name) {
    for (const auto& [known, algorithm] : kNames) {
        if (known == name) return algorithm;
    }
    return std::nullopt;
}

/// Reads one JWK; `skip` in the result means: well-formed or not, not a key for this purpose.
class JwkReader {
 public:
    explicit JwkReader(const boost::json::object& jwk) : jwk_(jwk) {}

    struct Outcome {
        std::optional<Key> key{};  // without one and without an error: passed over
        std::string error{};
    };

    Outcome read() {
        if (!for_signatures()) return {};
        const std::optional<std::string> type = text("kty");
        if (!type) return {{}, "kty is missing"};
        Key key;
        key.kid_ = text("kid");
        if (const std::optional<std::string> name = text("alg")) {
            key.only_ = algorithm_from_name(*name);
            if (!key.only_) return {};
        }
        std::string error;
        if (*type == "oct") {
            error = read_oct(key);
        } else if (*type == "RSA") {
            error = read_rsa(key);
        } else if (*type == "EC") {
            const std::optional<std::string> curve = text("crv");
            if (curve && *curve != "P-256" && *curve != "P-384" && *curve != "P-521") return {};
            error = read_ec(key, curve.value_or(""));
        } else {
            return {};
        }
        ERR_clear_error();
        if (!error.empty()) return {{}, std::move(error)};
        if (const auto only = std::exchange(key.only_, std::nullopt)) {
            if (!key.allows(*only)) return {{}, "alg does not fit kty"};
            key.only_ = only;
        }
        return {std::move(key), {}};
    }

 private:
    std::optional<std::string> text(std::string_view name) const {
        const boost::json::value* const value = jwk_.if_contains({name.data(), name.size()});
        if (value == nullptr || !value->is_string()) return std::nullopt;
        return std::string{value->get_string()};
    }

    std::optional<std::string> bytes(std::string_view name) const {
        const std::optional<std::string> encoded = text(name);
        return encoded ? base64url_decode(*encoded) : std::nullopt;
    }

    bool for_signatures() const {
        const std::optional<std::string> use = text("use");
        if (use && *use != "sig") return false;
        const boost::json::value* const ops = jwk_.if_contains("key_ops");
        if (ops == nullptr || !ops->is_array()) return true;
        return std::ranges::any_of(ops->get_array(), [](const boost::json::value& op) {
            return op.is_string() && (op.get_string() == "verify" || op.get_string() == "sign");
        });
    }

    std::string read_oct(Key& key) const {
        const std::optional<std::string> k = bytes("k");
        if (!k) return "k is missing or not base64url";
        if (k->size() < config::kSecretBytesMin) {
            return fmt::format("k is shorter than {} bytes", config::kSecretBytesMin);
        }
        key.kind_ = Key::Kind::oct;
        key.secret_ = *k;
        return {};
    }

    std::string read_rsa(Key& key) const {
        const std::optional<std::string> n = bytes("n");
        const std::optional<std::string> e = bytes("e");
        if (!n || !e) return "n or e is missing or not base64url";
        if (n->size() > kRsaBitsMax / 8 + 1) return fmt::format("more than {} bits", kRsaBitsMax);
        key.kind_ = Key::Kind::rsa;
        key.key_ = rsa_key(*n, *e);
        if (!key.key_) return "not a valid RSA public key";
        const int bits = EVP_PKEY_get_bits(key.key_.get());
        if (bits < kRsaBitsMin || bits > kRsaBitsMax) {
            return fmt::format("must have {} to {} bits", kRsaBitsMin, kRsaBitsMax);
        }
        return {};
    }

    std::string read_ec(Key& key, std::string_view curve) const {
        const std::optional<std::string> x = bytes("x");
        const std::optional<std::string> y = bytes("y");
        if (curve.empty() || !x || !y) return "crv, x or y is missing or not base64url";
        key.kind_ = curve == "P-256"   ? Key::Kind::p256
                    : curve == "P-384" ? Key::Kind::p384
                                       : Key::Kind::p521;
        const std::size_t length = curve == "P-256" ? 32 : curve == "P-384" ? 48 : 66;
        if (x->size() != length || y->size() != length) return "x or y has the wrong length";
        key.key_ = ec_key(std::string{curve}.c_str(), *x, *y);
        if (!key.key_) return "not a point on its curve";
        return {};
    }

    const boost::json::object& jwk_;
};

Result<std::vector<Key>> keys_from_jwks(std::string_view text) {
    const auto bad = [](std::string what) {
        return fail(Errc::jwt_not_configured, std::move(what));
    };
    const std::optional<boost::json::value> root = parse_json(text);
    if (!root || !root->is_object()) return bad("not a JSON object");
    if (has_duplicate_names(text)) return bad("a name stands twice in one object");

    const boost::json::object& object = root->get_object();
    boost::json::array alone{};
    const boost::json::array* list = &alone;
    if (const boost::json::value* const set = object.if_contains("keys")) {
        if (!set->is_array()) return bad("keys is not an array");
        list = &set->get_array();
    } else {
        alone.push_back(*root);
    }
    if (list->size() > kKeysMax) return bad(fmt::format("more than {} keys", kKeysMax));

    std::vector<Key> keys;
    for (std::size_t i = 0; i < list->size(); ++i) {
        if (!(*list)[i].is_object()) return bad(fmt::format("key {}: not an object", i + 1));
        JwkReader::Outcome outcome = JwkReader{(*list)[i].get_object()}.read();
        if (!outcome.error.empty()) return bad(fmt::format("key {}: {}", i + 1, outcome.error));
        if (outcome.key) keys.push_back(std::move(*outcome.key));
    }
    if (keys.empty()) return bad("no key that could verify a token");
    return keys;
}

}  // namespace lintas::auth
