#pragma once
// The query string as a whole: parameters by kind, in the dialect's order of errors.

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "parse/grammar.hpp"
#include "parse/request.hpp"
#include "parse/window.hpp"

namespace lintas::parse {

struct ParsedQuery {
    Query query{};  // its window is not filled in yet: ranges have an error step of their own
    WindowParameters window{};  // views into the `decoded` that was passed
};

/// `decoded` keeps the decoded text that the result's views point into. Errors: query_syntax,
/// too_complex. Features that are not built are left in `context` for later.
Result<ParsedQuery> parse_query(std::string_view encoded, Context& context, std::string& decoded);

}  // namespace lintas::parse
