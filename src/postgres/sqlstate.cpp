#include "postgres/sqlstate.hpp"

#include <libpq-fe.h>

namespace lintas::postgres {

namespace {

std::string field(const pg_result* result, int code) {
    const char* text = PQresultErrorField(result, code);
    return text ? std::string{text} : std::string{};
}

}  // namespace

Error error_from_result(const pg_result* result) {
    Error error;
    error.sqlstate = field(result, PG_DIAG_SQLSTATE);
    if (error.sqlstate.empty()) {
        error.code = Errc::connection_lost;
        error.message = "the connection to the database was lost";
        return error;
    }
    error.code = Errc::sql;
    error.message = field(result, PG_DIAG_MESSAGE_PRIMARY);
    error.details = field(result, PG_DIAG_MESSAGE_DETAIL);
    error.hint = field(result, PG_DIAG_MESSAGE_HINT);
    return error;
}

bool ends_session(std::string_view sqlstate) {
    return sqlstate.starts_with("57P0");
}

bool is_connection_exception(std::string_view sqlstate) {
    return sqlstate.starts_with("08");
}

bool wants_new_prepare(const Error& error) {
    if (error.code != Errc::sql) return false;
    if (error.sqlstate == "26000") return true;
    return error.sqlstate == "0A000" && error.message == "cached plan must not change result type";
}

}  // namespace lintas::postgres
