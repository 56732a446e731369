#include "sql/clause.hpp"
#include "sql/quote.hpp"

namespace lintas::sql {

Scope scope_of_relation(const schema::Relation& relation) {
    std::string prefix;
    prefix.reserve(relation.schema.size() + relation.name.size() + 6);
    append_relation(prefix, relation);
    prefix += '.';
    return {std::move(prefix), relation};
}

Scope scope_of_written_rows(const schema::Relation& relation) {
    std::string prefix;
    append_identifier(prefix, relation.name);
    prefix += '.';
    return {std::move(prefix), relation};
}

void append_relation(std::string& sql, const schema::Relation& relation) {
    append_identifier(sql, relation.schema);
    sql += '.';
    append_identifier(sql, relation.name);
}

void append_column(std::string& sql, const Scope& scope, std::string_view column) {
    sql += scope.prefix;
    append_identifier(sql, column);
}

void append_field(std::string& sql, Parameters& params, const Scope& scope,
                  const parse::Field& field) {
    if (field.path.empty()) {
        append_column(sql, scope, field.column);
        return;
    }
    const schema::Column* column = scope.relation.column(field.column);
    if (column != nullptr && column->is_json) {
        append_column(sql, scope, field.column);
    } else {
        sql += "to_jsonb(";
        append_column(sql, scope, field.column);
        sql += ')';
    }
    for (const parse::JsonStep& step : field.path) {
        sql += step.as_text ? "->>" : "->";
        if (const auto* key = std::get_if<std::string>(&step.key)) {
            params.bind(sql, *key);
        } else {
            params.bind(sql, std::to_string(std::get<std::int64_t>(step.key)));
            sql += "::int";
        }
    }
}

}  // namespace lintas::sql
