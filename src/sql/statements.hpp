#pragma once
// Request + catalogue → SQL. Pure: identifiers are quoted, words come from closed lists, everything
// else is a parameter (DIALECT 1.9).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.hpp"
#include "base/http_message.hpp"
#include "base/result.hpp"
#include "base/statement.hpp"
#include "parse/request.hpp"
#include "schema/catalogue.hpp"

namespace lintas::sql {

/// The columns of the one row that a main statement returns, in this order (DIALECT 1.9).
/// `location` is a JSON array of the primary key's values as text (json_build_array(k1::text,
/// …)::text) when return=headers-only asks for it and exactly one row was inserted, else NULL.
enum class MainColumn { total, page, location, body, response_headers, response_status, inserted };

struct Read {
    Statement main;
    /// EXPLAIN (FORMAT JSON) of the count query, for count=planned and estimated.
    std::optional<Statement> explain{};
    /// `main` returns one JSON text per row instead of MainColumn: the body is "[" rows joined by
    /// ", \n " "]", byte-identical to json_agg, without its cost. Only for at most one row of a
    /// plain table read by a unique key, media json or object, without a count.
    bool plain_rows = false;
    /// Nothing in the database can see who asks beyond the role, or what was asked: a table without
    /// row security, only its own columns, no cast to an unknown type. Such reads share settings.
    bool sees_only_role = false;
    /// May share an implicit transaction with other reads: known columns, nothing volatile.
    bool shareable = false;
};

struct Write {
    Statement main;
    /// A row count decides between COMMIT and ROLLBACK: singular media type, max-affected under
    /// strict, PUT.
    bool count_decides = false;
    bool upsert = false;  // merge-duplicates or PUT: `inserted` tells 201 from 200
    bool no_op = false;   // PATCH with an empty body: nothing can change
};

struct ReadOptions {
    std::optional<std::int64_t> max_rows{};
    bool pre_request = false;  // api.pre_request is set: it may set response.*, so never plain_rows
};

/// Errors: not_implemented only; unknown columns are PostgreSQL's to report (pitfall 13).
Result<Read> build_read(const parse::Request& request, const schema::Relation& relation,
                        parse::Media media, const ReadOptions& options);

/// Order, limit and offset never choose the rows that a write touches: order sorts the
/// representation, limit and offset are ignored (upstream took limited updates and deletes out).
/// Errors: no_column, put_filters, put_window, put_key_mismatch (the body names no key), bad_body,
/// not_implemented.
Result<Write> build_write(const parse::Request& request, const schema::Relation& relation,
                          parse::Media media);

/// `SELECT 1 FROM … WHERE … FOR UPDATE`: the rows that a write with these filters touches stay as
/// they are until the transaction ends. What cannot be locked (a view with grouping) is
/// PostgreSQL's to report.
Statement build_lock(const parse::Request& request, const schema::Relation& relation);

struct SettingsInput {
    std::string_view schema;
    const std::vector<std::string>& extra_search_path;
    const auth::Identity& identity;
    const schema::Role* role = nullptr;  // its own settings, if known
    const parse::Preferences& prefer;
    /// Adds transaction_read_only = on (no BEGIN around a batch). Else synchronous_commit is at
    /// least local.
    bool read_only = false;
};

/// The settings that a batch of reads shares: search_path, the role's settings, role, claims,
/// timezone, in the order of DIALECT 3.2. `with_claims` false leaves request.jwt.claims out
/// (Read::sees_only_role).
Statement shared_settings(const SettingsInput& input, bool with_claims);

/// request.method, request.path, request.headers, request.cookies of one request. Also resets
/// response.headers and response.status, which a reused transaction may still hold.
Statement request_settings(const RawRequest& raw);

/// `SELECT "schema"."function"()` for api.pre_request ("schema.function").
Statement pre_request_call(std::string_view function);

/// Double-quoted, inner quotes doubled, cut at NUL (pitfall 12).
std::string quoted_identifier(std::string_view name);

}  // namespace lintas::sql
