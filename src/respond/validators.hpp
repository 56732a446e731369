#pragma once
// Entity tags and what If-None-Match and If-Match do to the reply of a read (RFC 9110
// sections 8.8.3 and 13).

#include <optional>
#include <string>

#include "base/http_message.hpp"
#include "parse/request.hpp"

namespace lintas::respond {

/// A strong tag of the body's bytes, however they are cut into pieces, Content-Type and
/// Content-Range: equal for equal representations on every host and build.
std::string entity_tag(const Reply& reply);

/// Adds ETag to a 200 or 206 that has its body, unless SQL set one; any other reply (an error, a
/// HEAD after frame()) stays as it is.
void add_entity_tag(Reply& reply);

/// The 304 to send instead of `full`, or nullopt: no match, or `full` has no ETag or is no success.
/// Keeps what RFC 9110 section 15.4.5 asks for, cookies, and what lintas says of positions and age.
std::optional<Reply> not_modified(const parse::EntityTags& if_none_match, const Reply& full);

/// The 412 to send instead of `full`, or nullopt: a match, or `full` has no ETag or is no success.
/// If-Match goes first when both were sent. A write is refused by its caller with
/// Errc::precondition_failed, before it is committed.
std::optional<Reply> precondition_failed(const parse::EntityTags& if_match, const Reply& full);

}  // namespace lintas::respond
