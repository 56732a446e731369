#pragma once
// What every answer gets in the end: the position that it stands for, and what If-Match and
// If-None-Match make of it.

#include "app/services.hpp"
#include "base/http_message.hpp"
#include "cache/entry.hpp"
#include "parse/request.hpp"
#include "position/freshness.hpp"
#include "position/history.hpp"
#include "position/token.hpp"

namespace lintas::app {

/// Who has shown what the new token stands for: `answered_by`, and a replica as long as the primary
/// may not show yet what the request's tokens stand for.
position::ShownBy shown_by_of(const position::Requirement& requirement,
                              position::ShownBy answered_by, const position::Progress& progress);

/// Lintas-Position, and the cookie when consistency.cookie asks for it.
void give_position(const Settings& settings, std::uint64_t system_id, position::Position position,
                   position::ShownBy shown_by, Reply& reply);

/// The header lines of an answer from memory to a request without tokens and conditions.
void make_ready(const Settings& settings, cache::Entry& entry);

/// A read's whole representation → what is sent of it: 304, 412, nothing but
/// the head for HEAD, or all of it (RFC 9110 section 13.2.2).
Reply conditional(const parse::Request& request, Reply full);

}  // namespace lintas::app
