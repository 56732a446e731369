// Bytes of an Authorization header, of claims that an issuer signed, of a JOSE header, of a key
// file. The first byte says which, so that the code behind the signature check is reached too.

#include <openssl/evp.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "auth/authenticator.hpp"
#include "auth/base64url.hpp"
#include "auth/json_members.hpp"
#include "auth/jwt.hpp"

namespace {

using namespace lintas;
using namespace lintas::auth;

const std::string kSecret(32, 's');

const Authenticator& authenticator() {
    static const Authenticator one = [] {
        config::Jwt jwt;
        jwt.secret = kSecret;
        jwt.audience = "me";
        jwt.role_claim = ".a.role[0]";
        return std::move(*Authenticator::make(jwt, "anon"));
    }();
    return one;
}

void require(bool condition) {
    if (!condition) std::abort();
}

Result<Identity> identify(const std::string& value) {
    const HeaderView headers[] = {{"Authorization", value}};
    RawRequest raw{};
    raw.headers = headers;
    const Result<Identity> first = authenticator().identify(raw, 1'700'000'000);
    const Result<Identity> again = authenticator().identify(raw, 1'700'000'000);  // from the cache
    require(first.has_value() == again.has_value());
    if (first) {
        require(first->claims_json == again->claims_json);
        const auto claims = parse_json(first->claims_json);
        require(claims && claims->is_object() && !has_duplicate_names(first->claims_json));
        require(first->role != "none" && !first->role.empty());
        require(std::string{claims->at("role").as_string()} == first->role);
    } else {
        require(first.error().message == again.error().message);
    }
    return first;
}

std::string signed_token(std::string_view header, std::string_view claims) {
    const std::string input = base64url_encode(header) + "." + base64url_encode(claims);
    unsigned char mac[EVP_MAX_MD_SIZE];
    std::size_t length = 0;
    EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, kSecret.data(), kSecret.size(),
              reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac, sizeof mac,
              &length);
    return input + "." + base64url_encode({reinterpret_cast<const char*>(mac), length});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string text{reinterpret_cast<const char*>(data + 1), size - 1};
    switch (data[0] % 4) {
        case 0: {  // nobody can sign by chance
            const Result<Identity> identity = identify(text);
            require(!identity || identity->anonymous);
            break;
        }
        case 1:
            static_cast<void>(identify("Bearer " + signed_token(R"({"alg":"HS256"})", text)));
            break;
        case 2:
            static_cast<void>(identify("Bearer " + signed_token(text, "{}")));
            break;
        default: {
            const auto keys = keys_from_jwks(text);
            if (keys)
                static_cast<void>(verified_claims(signed_token(R"({"alg":"HS256"})", "{}"), *keys));
        }
    }
    if (const auto bytes = base64url_decode(text)) require(base64url_encode(*bytes) == text);
    return 0;
}
