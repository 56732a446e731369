#pragma once
// What a request's header fields say: Prefer, Accept, the profiles, and lintas's own.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/http_message.hpp"
#include "base/result.hpp"
#include "parse/request.hpp"

namespace lintas::parse {

/// Whether a comma inside of a quoted string separates elements too.
enum class Quotes { respected, plain };

/// Calls `each` for every element of all fields of that name, split at commas and without the
/// blanks around it; empty elements are left out (RFC 9110 section 5.6.1).
template <class Each>
void for_each_element(const RawRequest& raw, std::string_view name, Quotes quotes, Each each);

/// Split at every comma, as the dialect does. Never fails: what is not recognised is kept for
/// check_strict().
Preferences parse_preferences(const RawRequest& raw);

/// No Accept field is "*/*".
Accept parse_accept(const RawRequest& raw);

/// The media type of a Content-Type, lower-case and without parameters.
std::string media_type_of(std::string_view content_type);

struct Profile {
    std::string schema{};
    bool given = false;
};

/// Errors: unknown_schema.
Result<Profile> parse_profile(const RawRequest& raw, Method method,
                              const std::vector<std::string>& schemas);

/// Which comparison a list of entity tags is for.
enum class Comparison { strong, weak };

/// All fields of that name as one list; at most 64 tags. Errors: bad_header, naming the field.
Result<EntityTags> parse_entity_tags(const RawRequest& raw, std::string_view name,
                                     Comparison comparison);

/// Errors: bad_header; not_implemented for a header whose feature this build does not have.
Result<LintasHeaders> parse_lintas_headers(const RawRequest& raw, Method method);

/// A malformed field: which, and the rule that it broke.
std::unexpected<Error> malformed_header(std::string_view header, std::string_view rule);

inline std::string_view without_blanks(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
}

/// The end of the list element that begins at `at`.
inline std::size_t element_end(std::string_view list, std::size_t at, Quotes quotes) {
    if (quotes == Quotes::plain) return std::min(list.find(',', at), list.size());
    bool quoted = false;
    for (; at < list.size(); ++at) {
        if (list[at] == '"') quoted = !quoted;
        if (quoted && list[at] == '\\') ++at;
        if (!quoted && list[at] == ',') break;
    }
    return at < list.size() ? at : list.size();
}

template <class Each>
void for_each_element(const RawRequest& raw, std::string_view name, Quotes quotes, Each each) {
    for (const HeaderView& header : raw.headers) {
        if (!header_name_equal(header.name, name)) continue;
        for (std::size_t at = 0; at < header.value.size();) {
            const std::size_t end = element_end(header.value, at, quotes);
            const std::string_view element = without_blanks(header.value.substr(at, end - at));
            if (!element.empty()) each(element);
            at = end + 1;
        }
    }
}

}  // namespace lintas::parse
