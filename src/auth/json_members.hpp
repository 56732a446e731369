#pragma once
// The members of a JSON object as text: what a DOM forgets (duplicate names, how a number was
// written) and what passing claims on unchanged needs.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

namespace lintas::auth {

inline constexpr std::size_t kJsonDepthMax = 32;

/// Strict JSON, one value, at most kJsonDepthMax levels. nullopt for anything else; never throws.
std::optional<boost::json::value> parse_json(std::string_view text);

struct Member {
    std::string name;        // decoded
    std::string_view value;  // as written, without the blanks around it
};

/// The members of the object `text`, in order, duplicates included. `text` must have passed
/// parse_json() and be an object.
std::vector<Member> members_of(std::string_view text);

/// The elements of the array `text`, as written. Same condition.
std::vector<std::string_view> elements_of(std::string_view text);

/// True if some object in `text`, at any level, holds a name twice: readers would disagree about
/// which one counts. Same condition; any value.
bool has_duplicate_names(std::string_view text);

std::string json_quoted(std::string_view text);  // with the quotes

}  // namespace lintas::auth
