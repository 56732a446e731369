#pragma once
// What can go wrong, as values: every stage reports an Error, and respond/error_map alone turns it
// into a status and JSON.

#include <string>
#include <string_view>

namespace lintas {

/// One enumerator per row of DIALECT.md section 4 and CONTRACT.md section 3 that exists so far.
enum class Errc {
    // The database, seen from outside a statement.
    connect_failed,   // PGRST000 503: nothing was sent
    connection_lost,  // PGRST001 503: a read's connection broke; nothing was changed
    no_catalogue,     // PGRST002 503: the schema has not been read yet
    pool_timeout,     // PGRST003 504: no connection became free in time
    // The request.
    query_syntax,          // PGRST100 400
    rpc_method,            // PGRST101 405
    bad_body,              // PGRST102 400
    bad_range,             // PGRST103 416
    put_filters,           // PGRST105 405
    unknown_schema,        // PGRST106 406
    not_acceptable,        // PGRST107 406
    embed_not_selected,    // PGRST108 400
    bad_response_headers,  // PGRST111 500: response.headers set by the database
    bad_response_status,   // PGRST112 500: response.status set by the database
    put_window,            // PGRST114 400
    put_key_mismatch,      // PGRST115 400
    not_singular,          // PGRST116 406
    method_not_allowed,    // PGRST117 405
    bad_raise,             // PGRST121 500: RAISE SQLSTATE 'PGRST' with an unreadable payload
    bad_preference,        // PGRST122 400
    aggregates_disabled,   // PGRST123 400
    max_affected,          // PGRST124 400
    no_such_path,          // PGRST125 404
    root_disabled,         // PGRST126 404
    not_implemented,       // PGRST127 400
    no_function,           // PGRST202 404
    no_column,             // PGRST204 400
    no_table,              // PGRST205 404
    // Who asks.
    jwt_not_configured,  // PGRST300 500
    jwt_undecodable,     // PGRST301 401
    jwt_required,        // PGRST302 401
    jwt_claims,          // PGRST303 401
    // lintas's own (CONTRACT.md section 3).
    no_source,            // LNT001 503
    deadline_exceeded,    // LNT002 504
    outcome_unknown,      // LNT004 504: a write was sent and its answer was lost
    overloaded,           // LNT005 503
    bad_header,           // LNT008 400: a malformed lintas header
    position_lost,        // LNT009 409: a token from a part of history that a failover dropped
    deposed,              // LNT011 503: this site talks to a deposed primary, or is one
    body_too_large,       // LNT012 413
    target_too_long,      // LNT012 414
    headers_too_large,    // LNT012 431
    too_complex,          // LNT012 400: nesting or filters
    precondition_failed,  // 412 without a code of its own: If-Match does not hold
    only_if_cached,       // 504 without a code of its own: nothing is cached
    bad_http,             // 400: not HTTP/1.1
    // PostgreSQL said it: `sqlstate` is set, message, details and hint are its own.
    sql,
    // Nobody waits for the answer any more; never shown to a client.
    cancelled,
    internal,  // PGRSTX00 500: a bug; the text stays in the log
};

struct Error {
    Errc code = Errc::internal;
    std::string message;     // one sentence for the client
    std::string details{};   // empty: null in the JSON
    std::string hint{};      // empty: null in the JSON
    std::string sqlstate{};  // five characters, only with Errc::sql
};

}  // namespace lintas
