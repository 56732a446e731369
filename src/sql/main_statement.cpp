#include "sql/main_statement.hpp"

namespace lintas::sql {

namespace {

// `_t.*` and never `_t`: a column that is called _t would be taken for the row.
std::string_view body_expression(parse::Media media) {
    switch (media) {
        case parse::Media::json:
            return "coalesce(json_agg(_t.*), '[]')::text";
        case parse::Media::json_stripped:
            return "coalesce(json_strip_nulls(json_agg(_t.*)), '[]')::text";
        case parse::Media::object:
            return "coalesce(json_agg(_t.*)->0, 'null')::text";
        case parse::Media::object_stripped:
            return "coalesce(json_strip_nulls(json_agg(_t.*)->0), 'null')::text";
        case parse::Media::csv:
            return "(SELECT coalesce(string_agg(a.k, ','), '') FROM (SELECT "
                   "json_object_keys(row_to_json(h.*)) AS k FROM (SELECT * FROM shaped LIMIT 1) h) "
                   "a) "
                   "|| E'\\n' || coalesce(string_agg(substring((_t.*)::text, 2, "
                   "length((_t.*)::text) - 2), E'\\n'), '')";
    }
    return "''";
}

}  // namespace

std::string main_statement(const MainParts& parts) {
    // The header line of CSV reads the rows a second time, so they need a name.
    const bool named_rows = parts.with_body && parts.media == parse::Media::csv;
    std::string sql;
    sql.reserve(parts.source.size() + parts.rows.size() + parts.total.size() +
                parts.location.size() + parts.inserted.size() + 640);
    if (!parts.source.empty() || named_rows) sql += "WITH ";
    if (!parts.source.empty()) {
        sql += "src AS (";
        sql += parts.source;
        sql += named_rows ? "), " : ") ";
    }
    if (named_rows) {
        sql += "shaped AS (";
        sql += parts.rows;
        sql += ") ";
    }
    sql += "SELECT ";
    sql += parts.total;
    sql += " AS total, count(*) AS page, ";
    sql += parts.location;
    sql += " AS location, ";
    sql += parts.with_body ? body_expression(parts.media) : std::string_view{"''"};
    sql +=
        " AS body, nullif(current_setting('response.headers', true), '') AS response_headers, "
        "nullif(current_setting('response.status', true), '') AS response_status, ";
    sql += parts.inserted;
    sql += " AS inserted FROM ";
    if (named_rows) {
        sql += "shaped";
    } else if (parts.rows.empty()) {
        sql += "src";
    } else {
        sql += '(';
        sql += parts.rows;
        sql += ')';
    }
    sql += " _t";
    return sql;
}

}  // namespace lintas::sql
