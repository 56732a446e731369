#pragma once
// Rows of a main statement → Outcome.

#include "base/result.hpp"
#include "postgres/rows.hpp"
#include "primary/database.hpp"
#include "primary/outcome.hpp"

namespace lintas::primary {

/// The one row of sql::MainColumn. Errors: internal, when it has another shape.
Result<Outcome> decode_main_row(const postgres::Rows& rows);

/// sql::Read::plain_rows: each row is one JSON object. `as_array`: "[" rows joined by ", \n " "]",
/// as json_agg writes them; else the first row alone.
Outcome decode_plain_rows(const postgres::Rows& rows, bool as_array, bool with_body);

/// What a read's main statement returned. `explain`: of sql::Read::explain, or nullptr.
Result<Outcome> outcome_of(const sql::Read& statements, const postgres::Rows& main,
                           const postgres::Rows* explain, ReadShape shape);

/// "Plan Rows" of EXPLAIN (FORMAT JSON); nullopt when it cannot be found.
std::optional<std::int64_t> planned_rows(const postgres::Rows& rows);

}  // namespace lintas::primary
