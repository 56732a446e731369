#include "sql/payload_source.hpp"

#include <algorithm>

#include "sql/quote.hpp"

namespace lintas::sql {

namespace {

// PostgreSQL takes at most 100 arguments in a call.
constexpr std::size_t kPairsPerCall = 50;

// jsonb with the defaults, to be put under each element; "" if no column has one.
std::string defaults_object(const Columns& columns) {
    std::string sql;
    std::size_t pairs = 0;
    for (const schema::Column* column : columns) {
        if (!column->default_sql || column->generated) continue;
        if (pairs % kPairsPerCall == 0) {
            sql += pairs == 0 ? "jsonb_build_object(" : ") || jsonb_build_object(";
        } else {
            sql += ", ";
        }
        append_literal(sql, column->name);
        sql += ", ";
        sql += *column->default_sql;
        ++pairs;
    }
    if (pairs > 0) sql += ')';
    return sql;
}

void append_record_type(std::string& sql, std::string_view alias, const Columns& columns) {
    sql += " AS ";
    sql += alias;
    sql += '(';
    bool first = true;
    for (const schema::Column* column : columns) {
        if (!first) sql += ", ";
        first = false;
        append_identifier(sql, column->name);
        sql += ' ';
        sql += column->type;
    }
    sql += ')';
}

std::string body_text(const parse::Payload& payload) {
    // A scalar counts as an empty array, and no json_…_elements() function takes a scalar.
    if (payload.keys_known && payload.rows == 0 && !payload.is_object) return "[]";
    return payload.json;
}

}  // namespace

Result<Columns> payload_columns(const parse::Request& request, const schema::Relation& relation) {
    if (!request.payload) return fail(Errc::bad_body, "Empty or invalid json");
    // PUT replaces a whole row, so upstream has no columns= for it.
    const bool named = request.query.columns && request.method != parse::Method::put;
    const std::vector<std::string>& names = named ? *request.query.columns : request.payload->keys;
    Columns columns;
    columns.reserve(names.size());
    for (const std::string& name : names) {
        const schema::Column* column = relation.column(name);
        if (column == nullptr) {
            return fail(Errc::no_column, "Could not find the '" + name + "' column of '" +
                                             relation.name + "' in the schema cache");
        }
        if (std::ranges::find(columns, column) == columns.end()) columns.push_back(column);
    }
    return columns;
}

std::string_view payload_alias(const schema::Relation& relation) {
    return relation.name == "body" ? "body_" : "body";
}

void append_payload_source(std::string& sql, Parameters& params, const parse::Request& request,
                           const schema::Relation& relation, const Columns& columns) {
    const parse::Payload& payload = *request.payload;
    const std::string_view alias = payload_alias(relation);
    sql += " FROM ";
    if (columns.empty()) {
        if (payload.is_object) {
            sql += "(VALUES (1)) ";
        } else {
            sql += "json_array_elements(";
            params.bind(sql, body_text(payload));
            sql += "::json) ";
        }
        sql += alias;
        return;
    }
    const bool fills_defaults =
        request.prefer.missing == parse::Preferences::Missing::as_default &&
        (request.method == parse::Method::post || request.method == parse::Method::patch);
    const std::string defaults = fills_defaults ? defaults_object(columns) : std::string{};
    if (defaults.empty()) {
        sql += payload.is_object ? "json_to_record(" : "json_to_recordset(";
        params.bind(sql, body_text(payload));
        sql += "::json)";
    } else if (payload.is_object) {
        sql += "jsonb_to_record(";
        sql += defaults;
        sql += " || ";
        params.bind(sql, body_text(payload));
        sql += "::jsonb)";
    } else {
        sql += "jsonb_to_recordset((SELECT jsonb_agg(";
        sql += defaults;
        sql += " || e) FROM jsonb_array_elements(";
        params.bind(sql, body_text(payload));
        sql += "::jsonb) e))";
    }
    append_record_type(sql, alias, columns);
}

}  // namespace lintas::sql
