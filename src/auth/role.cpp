#include "auth/role.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <vector>

#include "auth/json_members.hpp"

namespace lintas::auth {

namespace {

std::optional<std::string_view> member(std::string_view text, const std::string& name) {
    if (!text.starts_with('{')) return std::nullopt;
    const std::vector<Member> members = members_of(text);
    const auto found = std::ranges::find(members, name, &Member::name);
    if (found == members.end()) return std::nullopt;
    return found->value;
}

std::optional<std::string_view> element(std::string_view text, std::size_t index) {
    if (!text.starts_with('[')) return std::nullopt;
    const std::vector<std::string_view> elements = elements_of(text);
    if (index >= elements.size()) return std::nullopt;
    return elements[index];
}

std::string_view without_blanks(std::string_view text) {
    const std::size_t start = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    return text.substr(start, text.find_last_not_of(" \t\r\n") + 1 - start);
}

}  // namespace

std::optional<std::string> role_at(std::string_view claims, const config::ClaimPath& path) {
    std::optional<std::string_view> text = without_blanks(claims);
    for (const config::ClaimStep& step : path) {
        if (const std::string* const name = std::get_if<std::string>(&step)) {
            text = member(*text, *name);
        } else {
            text = element(*text, std::get<std::size_t>(step));
        }
        if (!text) return std::nullopt;
    }
    if (*text == "null") return std::nullopt;
    if (!text->starts_with('"')) return std::string{*text};
    const std::optional<boost::json::value> value = parse_json(*text);
    return std::string{value->get_string()};
}

std::string with_role(std::string_view claims, std::string_view role) {
    claims = without_blanks(claims);
    const std::string quoted = json_quoted(role);
    const std::optional<std::string_view> present = member(claims, "role");
    if (present) {
        const std::size_t at = static_cast<std::size_t>(present->data() - claims.data());
        std::string out{claims.substr(0, at)};
        return out.append(quoted).append(claims.substr(at + present->size()));
    }
    const bool empty = members_of(claims).empty();
    std::string out = "{\"role\":" + quoted;
    if (!empty) out.append(",");
    return out.append(without_blanks(claims.substr(1)));
}

}  // namespace lintas::auth
