// The order of the checks is upstream's, since clients tell errors apart by their text.

#include "auth/jwt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <optional>

#include "auth/base64url.hpp"
#include "auth/json_members.hpp"

namespace lintas::auth {

namespace {

struct Header {
    Algorithm algorithm;
    std::optional<std::string> kid;
};

constexpr const char* kBadAlgorithm = "Wrong or unsupported encoding algorithm";
constexpr const char* kBadKey = "No suitable key or wrong key type";
constexpr const char* kBadCoding = "JWT cryptographic operation failed";

std::unexpected<Error> undecodable(std::string message, std::string details = {}) {
    return fail(Errc::jwt_undecodable, std::move(message), std::move(details));
}

Result<Header> read_header(std::string_view encoded) {
    const std::optional<std::string> text = base64url_decode(encoded);
    if (!text) return undecodable(kBadCoding, "The header is not base64url");
    const std::optional<boost::json::value> value = parse_json(*text);
    if (!value || !value->is_object() || has_duplicate_names(*text)) {
        return undecodable("JWT couldn't be decoded", "The header is not a JSON object");
    }
    const boost::json::object& header = value->get_object();
    // "crit" lists extensions that must be understood, and none is; "enc" makes it a JWE.
    if (header.contains("crit")) {
        return undecodable("JWT couldn't be decoded", "Critical extensions are not supported");
    }
    if (header.contains("enc")) return undecodable("Unsupported token type");
    const boost::json::value* const name = header.if_contains("alg");
    if (name == nullptr || !name->is_string()) return undecodable(kBadAlgorithm);
    const std::optional<Algorithm> algorithm = algorithm_from_name(std::string{name->get_string()});
    if (!algorithm) {
        return undecodable(kBadAlgorithm, name->get_string() == "none"
                                              ? "JWT is unsecured but expected 'alg' was not 'none'"
                                              : "");
    }
    Header out{*algorithm, std::nullopt};
    if (const boost::json::value* const kid = header.if_contains("kid")) {
        if (!kid->is_string()) {
            return undecodable("JWT couldn't be decoded", "'kid' is not a string");
        }
        out.kid = std::string{kid->get_string()};
    }
    return out;
}

}  // namespace

Result<std::string> verified_claims(std::string_view token, std::span<const Key> keys) {
    if (token.empty()) return undecodable("Empty JWT is sent in Authorization header");
    if (token.size() > kTokenBytesMax) {
        return undecodable(fmt::format("JWT is longer than {} bytes", kTokenBytesMax));
    }
    const auto dots = std::ranges::count(token, '.');
    if (dots != 2) return undecodable(fmt::format("Expected 3 parts in JWT; got {}", dots + 1));

    const std::size_t first = token.find('.');
    const std::size_t second = token.find('.', first + 1);
    const Result<Header> header = read_header(token.substr(0, first));
    if (!header) return fail(header.error());
    const std::optional<std::string> signature = base64url_decode(token.substr(second + 1));
    if (!signature) return undecodable(kBadCoding, "The signature is not base64url");

    bool any = false;
    bool good = false;
    for (const Key& key : keys) {
        if (!key.answers_to(header->kid) || !key.allows(header->algorithm)) continue;
        any = true;
        good = key.verify(header->algorithm, token.substr(0, second), *signature);
        if (good) break;
    }
    if (!any) return undecodable(kBadKey, "No suitable key was found to decode the JWT");
    if (!good) return undecodable(kBadKey, "None of the keys was able to decode the JWT");

    // From here on the issuer is one of ours; what it wrote may still be nonsense.
    std::optional<std::string> claims =
        base64url_decode(token.substr(first + 1, second - first - 1));
    if (!claims) return undecodable(kBadCoding, "The payload is not base64url");
    const std::optional<boost::json::value> value = parse_json(*claims);
    if (!value || !value->is_object()) return fail(Errc::jwt_claims, "Parsing claims failed");
    if (has_duplicate_names(*claims)) {
        return fail(Errc::jwt_claims, "Parsing claims failed", "A name stands twice in one object");
    }
    return std::move(*claims);
}

}  // namespace lintas::auth
