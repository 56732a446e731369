#pragma once
// What Prefer: count adds to a read (DIALECT 1.5).

#include <optional>
#include <string>
#include <string_view>

#include "base/statement.hpp"
#include "parse/request.hpp"
#include "schema/catalogue.hpp"
#include "sql/parameters.hpp"

namespace lintas::sql {

/// The expression of the total. `where` is the WHERE clause of the read itself, whose parameters
/// are bound already. Estimated with `max_rows` stops counting at max_rows + 1; `everything`: the
/// page holds all rows, so that its own count is the total.
std::string total_expression(const parse::Request& request, const schema::Relation& relation,
                             std::string_view where, Parameters& params, bool everything,
                             std::optional<std::int64_t> max_rows);

/// EXPLAIN (FORMAT JSON) of the count query, for planned and estimated.
std::optional<Statement> explain_count(const parse::Request& request,
                                       const schema::Relation& relation);

}  // namespace lintas::sql
