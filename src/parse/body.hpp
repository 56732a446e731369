#pragma once
// The formats of a request body (DIALECT 1.8), each turned into a Payload or refused.

#include <cstddef>
#include <string_view>

#include "base/result.hpp"
#include "parse/request.hpp"

namespace lintas::parse {

/// More columns than any row type of PostgreSQL can have (MaxTupleAttributeNumber): names beyond it
/// could only cost memory.
constexpr std::size_t kColumnsMax = 1664;

/// Checks the text and collects the keys of its objects without building a tree; the bytes stay the
/// client's. Errors: bad_body, too_complex (deeper than `max_depth`).
Result<Payload> payload_from_json(std::string_view body, std::size_t max_depth);

/// For `columns=`: PostgreSQL parses the text, so only what it could not take is refused.
/// Errors: bad_body (NUL), too_complex.
Result<Payload> payload_from_unparsed_json(std::string_view body, std::size_t max_depth);

/// The first line names the columns; an unquoted NULL is null. Errors: bad_body, body_too_large
/// (the JSON made of it, as every row repeats the names).
Result<Payload> payload_from_csv(std::string_view body);

/// One object of strings; of a repeated name the last value counts. Errors: bad_body.
Result<Payload> payload_from_urlencoded(std::string_view body);

}  // namespace lintas::parse
