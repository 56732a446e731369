// Numbers are compared as doubles: exact for every date before the year 285 million.

#include "auth/claims.hpp"

#include <algorithm>
#include <boost/json/value.hpp>

#include "auth/json_members.hpp"
#include "auth/role.hpp"
#include "base/assert.hpp"

namespace lintas::auth {

namespace {

Error claims_error(std::string message) {
    return Error{Errc::jwt_claims, std::move(message)};
}

std::optional<Error> check_audience(const boost::json::object& claims, const std::string& wanted) {
    const boost::json::value* const aud = claims.if_contains("aud");
    if (aud == nullptr || aud->is_null()) return std::nullopt;
    const auto is_wanted = [&](const boost::json::value& v) {
        return wanted.empty() || v.get_string() == wanted;
    };
    bool in = false;
    if (aud->is_string()) {
        in = is_wanted(*aud);
    } else if (aud->is_array() &&
               std::ranges::all_of(aud->get_array(), &boost::json::value::is_string)) {
        in = aud->get_array().empty() || std::ranges::any_of(aud->get_array(), is_wanted);
    } else {
        return claims_error("The JWT 'aud' claim must be a string or an array of strings");
    }
    if (!in) return claims_error("JWT not in audience");
    return std::nullopt;
}

/// SET ROLE '' and SET ROLE none mean the connection's own user, which no token may ask for.
bool is_possible_role(const std::string& role) {
    return !role.empty() && role != "none" && role.find('\0') == std::string::npos;
}

}  // namespace

Claims Claims::read(std::string_view text, const ClaimRules& rules) {
    const std::optional<boost::json::value> value = parse_json(text);
    LINTAS_ASSERT(value && value->is_object());
    const boost::json::object& object = value->get_object();
    const auto date = [&](const char* name) -> Date {
        const boost::json::value* const v = object.if_contains(name);
        if (v == nullptr || v->is_null()) return {};
        if (!v->is_number()) return {std::nullopt, true};
        return {v->to_number<double>(), false};
    };
    Claims claims;
    claims.exp_ = date("exp");
    claims.nbf_ = date("nbf");
    claims.iat_ = date("iat");
    claims.verdict_ = check_audience(object, rules.audience);
    if (claims.verdict_) return claims;

    const std::optional<std::string> named = role_at(text, rules.role_path);
    if (!named && rules.anon_role.empty()) {
        claims.verdict_ = Error{Errc::jwt_required, "Anonymous access is disabled"};
        return claims;
    }
    const std::string& role = named ? *named : rules.anon_role;
    if (!is_possible_role(role)) {
        claims.verdict_ = claims_error("The JWT role claim does not name a role");
        return claims;
    }
    claims.identity_ = {role, role == rules.anon_role, with_role(text, role)};
    return claims;
}

Result<Identity> Claims::judge(std::int64_t now_s) const {
    const double now = static_cast<double>(now_s);
    const double skew = static_cast<double>(kSkewSeconds);
    const auto too_early = [&](const Date& date) {
        return date.seconds && now + skew < *date.seconds;
    };
    const auto refuse = [](const char* what) { return fail(claims_error(what)); };

    if (exp_.bad) return refuse("The JWT 'exp' claim must be a number");
    if (exp_.seconds && now - skew > *exp_.seconds) return refuse("JWT expired");
    if (nbf_.bad) return refuse("The JWT 'nbf' claim must be a number");
    if (too_early(nbf_)) return refuse("JWT not yet valid");
    if (iat_.bad) return refuse("The JWT 'iat' claim must be a number");
    if (too_early(iat_)) return refuse("JWT issued at future");
    if (verdict_) return fail(*verdict_);
    return identity_;
}

}  // namespace lintas::auth
