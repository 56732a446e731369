#pragma once
// The rules for header fields and framing that every reply keeps.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/http_message.hpp"
#include "parse/request.hpp"
#include "respond/reply.hpp"

namespace lintas::respond {

inline constexpr std::string_view kJsonType = "application/json; charset=utf-8";

std::string_view content_type_of(parse::Media media);

/// A token of RFC 9110 section 5.6.2.
bool is_token(std::string_view text);
/// No control characters: a line break would start a header of somebody else's choice.
bool is_field_value(std::string_view text);
/// Framing and connection fields, which SQL may not set: the server writes them itself.
bool belongs_to_server(std::string_view name);

/// Everything but unreserved characters (RFC 3986 section 2.3) percent-encoded.
std::string percent_encoded(std::string_view text);

/// "lower-upper/total", "*/total", "*/*" (DIALECT 1.5).
std::string content_range(std::int64_t lower, std::int64_t rows, std::optional<std::int64_t> total);

/// Content-Profile and Preference-Applied, as far as they are due.
void add_dialect_fields(const parse::Request& request, bool upsert_possible,
                        const ReplyOptions& options, Reply& reply);

/// Takes away what a reply of this status may not have; `is_head`: of any status.
void frame(Reply& reply, bool is_head);

}  // namespace lintas::respond
