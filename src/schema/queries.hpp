#pragma once
// The SQL that reads the catalogue, PostgreSQL 13 to 17; apart from the code that runs and decodes
// it, so that a column's meaning is stated once.

#include <string>

namespace lintas::schema::queries {

// Every query but the settings expects an empty search_path, so that types and expressions print
// qualified, and one snapshot for all of them (BEGIN ISOLATION LEVEL REPEATABLE READ).
// $1, where there is one, is a JSON array of the exposed schemas' names.
// "oid" columns join the results of one load and mean nothing afterwards.

/// $1: statement_timeout in milliseconds. Settings are local to the transaction.
extern const char* const kSettings;

/// $1 → name: exposed schemas that do not exist.
extern const char* const kMissingSchemas;

/// $1 → oid, schema, name, kind (pg_class.relkind), insertable, updatable, deletable ("t"/"f"),
/// columns (JSON: [[name, type, nullable, is_json, is_tsvector, generated, key type ("i", "u", "t",
/// "o"), input_reads_clock, default or null], …]), primary_key (JSON: [name, …]), unique_keys
/// (JSON:
/// [[name, …], …]), may_set_response, cascades, has_children.
extern const char* const kRelations;

/// $1 → oid, row_security, has_volatile_parts, reads (JSON: [oid, …], ascending), needs_primary,
/// reads_materialized, reads_claims, why_not_cacheable or NULL, definition (a hash): of every
/// exposed relation, through views and policies.
extern const char* const kTraits;

/// $1 → oid, primary_key (JSON: [name, …]): of the views for which it is certain.
extern const char* const kViewKeys;

/// $1 → schema, name, volatility: overloads are one row, the most volatile counts.
extern const char* const kFunctions;

/// → name, settings (JSON: [[name, value], …]), isolation or NULL: roles the session's user may
/// become. `server_version` as libpq gives it (150018): SET privileges exist since 15.
std::string roles(int server_version);

}  // namespace lintas::schema::queries
