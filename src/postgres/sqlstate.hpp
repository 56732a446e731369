#pragma once
// PGresult → Error, and the questions that the driver asks of a SQLSTATE.

#include <string_view>

#include "base/error.hpp"

struct pg_result;

namespace lintas::postgres {

/// Errc::sql with SQLSTATE, message, DETAIL and HINT; connection_lost when libpq made the result
/// itself because the connection broke (such results have no SQLSTATE).
Error error_from_result(const pg_result* result);

/// The server ended the session with this error: 57P01 to 57P05 (PostgreSQL 15 manual, appendix A).
bool ends_session(std::string_view sqlstate);

/// Class 08, which a pooler says when it lost the server: what became of the statements is unknown.
bool is_connection_exception(std::string_view sqlstate);

/// The server forgot or outdated a prepared statement: repeat it once, prepared anew.
bool wants_new_prepare(const Error& error);

}  // namespace lintas::postgres
