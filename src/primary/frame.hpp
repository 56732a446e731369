#pragma once
// The statements around a main statement, in the order of DIALECT section 0.

#include <chrono>
#include <string_view>
#include <vector>

#include "primary/database.hpp"

namespace lintas::primary {

/// Puts statement_timeout in front of the settings, so that a role's own, shorter one still wins.
Statement with_statement_timeout(Statement settings, std::chrono::milliseconds timeout);

/// BEGIN, settings, request settings, pre-request; what follows is the main statement.
std::vector<Statement> opening(Frame frame, bool read_only, Deadline deadline);

/// A query cancelled by the server because the request's own deadline was its statement_timeout is
/// deadline_exceeded; any other 57014 stays PostgreSQL's.
Error with_deadline_named(Error error, Deadline deadline);

}  // namespace lintas::primary
