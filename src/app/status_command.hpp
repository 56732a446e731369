#pragma once
// `lintas status`: asks a running daemon's admin listener and prints what it says.

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "config/address.hpp"
#include "config/options.hpp"

namespace lintas::app {

/// GET /status over plain HTTP/1.1; the body of a 200. Blocks for at most `limit`, name look-up not
/// counted. Errors: connect_failed with one sentence for the person who asked.
Result<std::string> fetch_status(const config::HostPort& admin, std::chrono::milliseconds limit);

/// The JSON of /status as a page for a person, without control characters. Members that are missing
/// are left out: a newer or older daemon is shown as far as it is understood. Errors: bad_body,
/// when it is not a JSON object.
Result<std::string> status_page(std::string_view json);

/// Prints to `out`; what went wrong, in one line, to `err`. Exit status: 0, or 1.
int status_command(const config::StatusOptions& options, std::FILE* out = stdout,
                   std::FILE* err = stderr);

}  // namespace lintas::app
