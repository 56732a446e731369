#pragma once
// The checks that only the row count can decide, shared by reads and writes.

#include "base/result.hpp"
#include "parse/request.hpp"
#include "primary/outcome.hpp"

namespace lintas::respond {

/// A media type of one object needs exactly one row, returned or affected, whatever is sent of it.
/// Errors: not_singular.
Result<void> check_singular(parse::Media media, const primary::Outcome& outcome);

}  // namespace lintas::respond
