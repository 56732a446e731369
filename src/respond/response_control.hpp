#pragma once
// What SQL asked of the reply through the settings response.headers and response.status
// (DIALECT 3.3).

#include "base/http_message.hpp"
#include "base/result.hpp"
#include "primary/outcome.hpp"

namespace lintas::respond {

/// Replaces headers of the same name; several of one name in the setting all stay (Set-Cookie).
/// Errors: bad_response_headers (not an array of one-key objects with string values; no header name
/// or value; a header that the server writes itself), bad_response_status (not 200 to 599).
Result<void> apply_response_control(const primary::Outcome& outcome, Reply& reply);

}  // namespace lintas::respond
