// The only table of Error → status and code (DIALECT 4, CONTRACT 3).

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/json_text.hpp"
#include "respond/fields.hpp"
#include "respond/raise.hpp"
#include "respond/reply.hpp"

namespace lintas::respond {

namespace {

struct Mapped {
    int status;
    std::string_view code;
    std::string_view text{};  // said when the error says nothing itself
};

// Errors that HTTP itself defines have no code upstream and none in CONTRACT: "HTTP" and the
// status.
Mapped mapped(Errc code) {
    switch (code) {
        case Errc::connect_failed:
            return {503, "PGRST000", "Database connection error. Retrying the connection."};
        case Errc::connection_lost:
            return {503, "PGRST001", "Database client error. Retrying the connection."};
        case Errc::no_catalogue:
            return {503, "PGRST002",
                    "Could not query the database for the schema cache. Retrying."};
        case Errc::pool_timeout:
            return {504, "PGRST003", "Timed out acquiring connection from connection pool."};
        case Errc::query_syntax:
            return {400, "PGRST100"};
        case Errc::rpc_method:
            return {405, "PGRST101"};
        case Errc::bad_body:
            return {400, "PGRST102"};
        case Errc::bad_range:
            return {416, "PGRST103", "Requested range not satisfiable"};
        case Errc::put_filters:
            return {405, "PGRST105"};
        case Errc::unknown_schema:
            return {406, "PGRST106"};
        case Errc::not_acceptable:
            return {406, "PGRST107"};
        case Errc::embed_not_selected:
            return {400, "PGRST108"};
        case Errc::bad_response_headers:
            return {500, "PGRST111"};
        case Errc::bad_response_status:
            return {500, "PGRST112"};
        case Errc::put_window:
            return {400, "PGRST114"};
        case Errc::put_key_mismatch:
            return {400, "PGRST115"};
        case Errc::not_singular:
            return {406, "PGRST116"};
        case Errc::method_not_allowed:
            return {405, "PGRST117"};
        case Errc::bad_raise:
            return {500, "PGRST121"};
        case Errc::bad_preference:
            return {400, "PGRST122", "Invalid preferences given with handling=strict"};
        case Errc::aggregates_disabled:
            return {400, "PGRST123", "Use of aggregate functions is not allowed"};
        case Errc::max_affected:
            return {400, "PGRST124"};
        case Errc::no_such_path:
            return {404, "PGRST125", "Invalid path specified in request URL"};
        case Errc::root_disabled:
            return {404, "PGRST126", "Root endpoint metadata is disabled"};
        case Errc::not_implemented:
            return {400, "PGRST127", "Feature not implemented"};
        case Errc::no_function:
            return {404, "PGRST202"};
        case Errc::no_column:
            return {400, "PGRST204"};
        case Errc::no_table:
            return {404, "PGRST205"};
        case Errc::jwt_not_configured:
            return {500, "PGRST300", "Server lacks JWT secret"};
        case Errc::jwt_undecodable:
            return {401, "PGRST301"};
        case Errc::jwt_required:
            return {401, "PGRST302", "Anonymous access is disabled"};
        case Errc::jwt_claims:
            return {401, "PGRST303"};
        case Errc::no_source:
            return {503, "LNT001", "No source can answer this read now"};
        case Errc::deadline_exceeded:
            return {504, "LNT002", "The deadline of the request has passed"};
        case Errc::outcome_unknown:
            return {504, "LNT004", "The write was sent and its outcome is not known"};
        case Errc::overloaded:
            return {503, "LNT005", "The server is overloaded"};
        case Errc::bad_header:
            return {400, "LNT008", "A header is malformed"};
        case Errc::position_lost:
            return {409, "LNT009",
                    "The position is from a part of history that a failover dropped: drop the "
                    "token, the write that it stands for may be gone"};
        case Errc::deposed:
            return {503, "LNT011", "This site talks to a deposed primary, or is one"};
        case Errc::body_too_large:
            return {413, "LNT012", "The body is too large"};
        case Errc::target_too_long:
            return {414, "LNT012", "The request target is too long"};
        case Errc::headers_too_large:
            return {431, "LNT012", "The headers are too large"};
        case Errc::too_complex:
            return {400, "LNT012", "The request is too complex"};
        // RFC 9110 section 13.1.1.
        case Errc::precondition_failed:
            return {412, "HTTP412", "The If-Match header does not hold"};
        // RFC 9111 section 5.2.1.7.
        case Errc::only_if_cached:
            return {504, "HTTP504", "Nothing is cached for this request"};
        case Errc::bad_http:
            return {400, "HTTP400", "The request is not valid HTTP/1.1"};
        // Nobody reads this one; the number is what proxies log for it.
        case Errc::cancelled:
            return {499, "HTTP499", "The request was cancelled"};
        case Errc::sql:
        case Errc::internal:
            break;
    }
    return {500, "PGRSTX00", "Internal error"};
}

struct StateRow {
    std::string_view prefix;
    int status;
};

// The first row whose prefix fits; special cases are in sql_status().
constexpr std::array<StateRow, 31> kStates{{
    {"08", 503},    {"09", 500}, {"0L", 403},    {"0P", 403},    {"23503", 409}, {"23505", 409},
    {"25006", 405}, {"25", 500}, {"28", 403},    {"2D", 500},    {"38", 500},    {"39", 500},
    {"3B", 500},    {"40", 500}, {"53400", 500}, {"53", 503},    {"54", 500},    {"55", 500},
    {"57P01", 503}, {"57", 500}, {"58", 500},    {"F0", 500},    {"HV", 500},    {"P0001", 400},
    {"P0", 500},    {"XX", 500}, {"42883", 404}, {"42P01", 404}, {"42P17", 500}, {"21000", 500},
    {"", 400},
}};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// PTnnn: the status is in the SQLSTATE. One that cannot be sent is the function's fault.
int raised_status(std::string_view state) {
    if (!is_digit(state[2]) || !is_digit(state[3]) || !is_digit(state[4])) return 500;
    const int status = (state[2] - '0') * 100 + (state[3] - '0') * 10 + (state[4] - '0');
    return status >= 200 && status <= 599 ? status : 500;
}

int sql_status(const Error& error, bool anonymous) {
    const std::string_view state = error.sqlstate;
    const std::string_view message = error.message;
    if (state.size() == 5 && state.starts_with("PT")) return raised_status(state);
    if (state == "42501") return anonymous ? 401 : 403;
    if (state == "22023" && message.starts_with("role \"") &&
        message.ends_with("\" does not exist")) {
        return 401;
    }
    // The pg-safeupdate extension refuses writes without a filter this way.
    if (state == "21000" && message.ends_with("requires a WHERE clause")) return 400;
    if (state == "42883" && message.starts_with("function xmlagg(")) return 406;
    for (const StateRow& row : kStates) {
        if (state.starts_with(row.prefix)) return row.status;
    }
    return 400;
}

// A state that is not five characters did not come from PostgreSQL and must not get into a header.
bool is_sqlstate(std::string_view state) {
    if (state.size() != 5) return false;
    for (const char c : state) {
        if (!is_digit(c) && !(c >= 'A' && c <= 'Z')) return false;
    }
    return true;
}

Raised as_raised(const Error& error, bool anonymous) {
    if (error.code == Errc::sql && error.sqlstate == "PGRST") {
        Result<Raised> raised = raised_from_error(error);
        if (raised) return std::move(*raised);
        return as_raised(raised.error(), anonymous);
    }
    Raised raised;
    if (error.code == Errc::sql && is_sqlstate(error.sqlstate)) {
        raised.code = error.sqlstate;
        raised.status = sql_status(error, anonymous);
        raised.message = error.message;
    } else {
        const Mapped row = mapped(error.code);
        raised.code = row.code;
        raised.status = row.status;
        // Bugs and connection troubles name hosts, users and files; those stay in the log.
        const bool keeps_quiet = error.code == Errc::internal || error.code == Errc::sql ||
                                 error.code == Errc::connect_failed ||
                                 error.code == Errc::connection_lost;
        if (keeps_quiet || error.message.empty()) raised.message = row.text;
        if (keeps_quiet) return raised;
        if (!error.message.empty()) raised.message = error.message;
    }
    if (!error.details.empty()) raised.details = error.details;
    if (!error.hint.empty()) raised.hint = error.hint;
    return raised;
}

void append_or_null(std::string& json, const std::optional<std::string>& text) {
    if (text) {
        append_json_string(json, *text);
    } else {
        json += "null";
    }
}

std::string body_of(const Raised& raised) {
    std::string json;
    json.reserve(raised.message.size() + 128);
    json += "{\"code\":";
    append_json_string(json, raised.code);
    json += ",\"details\":";
    append_or_null(json, raised.details);
    json += ",\"hint\":";
    append_or_null(json, raised.hint);
    json += ",\"message\":";
    append_json_string(json, raised.message);
    json += '}';
    return json;
}

// A quoted-string of RFC 9110 section 5.6.4; what cannot stand in one is left out.
std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) continue;
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    result += '"';
    return result;
}

std::string challenge(const Error& error) {
    if (error.code != Errc::jwt_undecodable && error.code != Errc::jwt_claims) return "Bearer";
    return "Bearer error=\"invalid_token\", error_description=" + quoted(error.message);
}

}  // namespace

std::string code_of(const Error& error, bool anonymous) {
    return as_raised(error, anonymous).code;
}

int status_of(const Error& error, bool anonymous) {
    return as_raised(error, anonymous).status;
}

Reply reply_to_error(const Error& error, bool anonymous, int retry_after_s) {
    Raised raised = as_raised(error, anonymous);
    Reply reply;
    reply.status = raised.status;
    reply.headers.reserve(4 + raised.headers.size());
    reply.add("Content-Type", std::string{kJsonType});
    reply.add("Proxy-Status",
              "PostgREST; error=" + (is_token(raised.code) ? raised.code : quoted(raised.code)));
    if (raised.status == 401) reply.add("WWW-Authenticate", challenge(error));
    if (raised.status == 503 || raised.status == 429) {
        reply.add("Retry-After", std::to_string(retry_after_s));
    }
    for (auto& [name, value] : raised.headers) reply.set(name, std::move(value));
    reply.body = Body::of(body_of(raised));
    frame(reply, false);
    return reply;
}

}  // namespace lintas::respond
