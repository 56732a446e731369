#pragma once
// The body of a write as a FROM item: one json parameter, unpacked by PostgreSQL with the
// catalogue's column types (DIALECT 1.8).

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "parse/request.hpp"
#include "schema/catalogue.hpp"
#include "sql/parameters.hpp"

namespace lintas::sql {

using Columns = std::vector<const schema::Column*>;

/// The columns a write sets: `columns=`, else the keys of the body; each once.
/// Errors: bad_body (no body was parsed), no_column.
Result<Columns> payload_columns(const parse::Request& request, const schema::Relation& relation);

/// What the rows of the body are called. Not the relation's name: UPDATE has both in scope.
std::string_view payload_alias(const schema::Relation& relation);

/// Appends " FROM json_to_recordset($1::json) AS body(…)" or a variant of it; one row per element,
/// also when there are no columns to take from it.
void append_payload_source(std::string& sql, Parameters& params, const parse::Request& request,
                           const schema::Relation& relation, const Columns& columns);

}  // namespace lintas::sql
