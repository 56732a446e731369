#pragma once
// The INSERT, UPDATE and DELETE that the CTE of a write holds.

#include <string>
#include <vector>

#include "base/result.hpp"
#include "parse/request.hpp"
#include "schema/catalogue.hpp"
#include "sql/parameters.hpp"
#include "sql/payload_source.hpp"

namespace lintas::sql {

struct Mutation {
    std::string text;
    bool upsert = false;  // the counter setting `lintas.inserted` says whether a row was inserted
    bool no_op = false;
};

/// POST. Errors: bad_body, no_column.
Result<Mutation> insert_mutation(const parse::Request& request, const schema::Relation& relation,
                                 Parameters& params);

/// PUT: an upsert of the body rows whose key equals the filters.
/// Errors: put_window, put_filters, put_key_mismatch, bad_body, no_column.
Result<Mutation> put_mutation(const parse::Request& request, const schema::Relation& relation,
                              Parameters& params);

/// PATCH. Errors: bad_body, no_column.
Result<Mutation> update_mutation(const parse::Request& request, const schema::Relation& relation,
                                 Parameters& params);

Mutation delete_mutation(const parse::Request& request, const schema::Relation& relation,
                         Parameters& params);

/// The list behind RETURNING: what the representation names plus the primary key, the primary key
/// alone for headers-only, else `1`.
std::string returning_list(const parse::Request& request, const schema::Relation& relation);

/// The representation names columns beside `*` that are functions of the row: they are columns of
/// the CTE then, and its `*` has one too many.
bool star_needs_expanding(const parse::Query& query, const schema::Relation& relation);

bool wants_representation(const parse::Request& request);
/// return=headers-only on a POST to a relation with a known primary key.
bool wants_location(const parse::Request& request, const schema::Relation& relation);

}  // namespace lintas::sql
