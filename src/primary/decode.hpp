#pragma once
// Rows of a main statement → Outcome.

#include "base/result.hpp"
#include "postgres/rows.hpp"
#include "primary/outcome.hpp"

namespace lintas::primary {

/// The one row of sql::MainColumn. Errors: internal, when it has another shape.
Result<Outcome> decode_main_row(const postgres::Rows& rows);

/// sql::Read::plain_rows: each row is one JSON object. `as_array`: "[" rows joined by ", \n " "]",
/// as json_agg writes them; else the first row alone.
Outcome decode_plain_rows(const postgres::Rows& rows, bool as_array, bool with_body);

/// "Plan Rows" of EXPLAIN (FORMAT JSON); nullopt when it cannot be found.
std::optional<std::int64_t> planned_rows(const postgres::Rows& rows);

}  // namespace lintas::primary
