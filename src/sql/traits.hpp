#pragma once
// What is known of a read before it runs: whether it can touch more than one row, and who or what
// the database could see through it.

#include "parse/request.hpp"
#include "schema/catalogue.hpp"

namespace lintas::sql {

/// Every column that the query names is one of the relation's own, not a function in disguise.
bool names_own_columns_only(const parse::Query& query, const schema::Relation& relation);

/// Every cast goes from a built-in type to a built-in type, so no cast function of a user runs.
bool casts_are_built_in(const parse::Query& query, const schema::Relation& relation);

/// The filters pin the primary key or another unique key to one value each.
bool pins_a_unique_key(const parse::Query& query, const schema::Relation& relation);

}  // namespace lintas::sql
