#pragma once
// Percent-encoding and the request target's path, before the grammar of the query string begins.

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "parse/request.hpp"

namespace lintas::parse {

enum class Plus { literal, space };

/// Appends `raw`, decoded, to `out`. False, with `out` half written, for an escape that is not two
/// hex digits, for bytes that are not UTF-8 and for NUL: PostgreSQL can hold none of them.
bool append_decoded(std::string_view raw, Plus plus, std::string& out);

/// Appends `text` with everything but A-Z a-z 0-9 - _ . ~ escaped.
void append_encoded(std::string_view text, std::string& out);

struct Target {
    std::string_view path;   // still encoded
    std::string_view query;  // without '?', still encoded
};

/// Splits origin-form and absolute-form targets (RFC 9112 section 3.2).
Target split_target(std::string_view target);

struct Path {
    PathKind kind = PathKind::root;
    std::string name{};  // relation or function, decoded
};

/// Errors: no_such_path; query_syntax when it cannot be decoded.
Result<Path> parse_path(std::string_view path);

}  // namespace lintas::parse
