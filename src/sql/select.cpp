#include "sql/clause.hpp"
#include "sql/quote.hpp"

namespace lintas::sql {

namespace {

void append_star(std::string& sql, const Scope& scope, bool expand) {
    if (!expand) {
        sql += scope.prefix;
        sql += '*';
        return;
    }
    bool first = true;
    for (const schema::Column& column : scope.relation.columns) {
        if (!first) sql += ", ";
        first = false;
        append_column(sql, scope, column.name);
    }
}

}  // namespace

std::string_view output_name(const parse::SelectItem& item) {
    if (item.alias) return *item.alias;
    for (auto step = item.field.path.rbegin(); step != item.field.path.rend(); ++step) {
        if (const auto* key = std::get_if<std::string>(&step->key)) return *key;
    }
    return item.field.column;
}

Result<void> append_select_list(std::string& sql, Parameters& params, const Scope& scope,
                                const std::vector<parse::SelectItem>& items, bool expand_star) {
    if (items.empty()) {
        append_star(sql, scope, expand_star);
        return {};
    }
    bool first = true;
    for (const parse::SelectItem& item : items) {
        if (!first) sql += ", ";
        first = false;
        if (item.star) {
            append_star(sql, scope, expand_star);
            continue;
        }
        if (item.cast) {
            // The parser lets nothing else through; this is the last stop before it becomes SQL.
            if (!is_cast_safe(*item.cast)) {
                return fail(Errc::not_implemented, "Feature not implemented", "This cast");
            }
            sql += "CAST(";
        }
        append_field(sql, params, scope, item.field);
        if (item.cast) {
            sql += " AS ";
            sql += *item.cast;
            sql += ')';
        }
        if (item.alias || item.cast || !item.field.path.empty()) {
            sql += " AS ";
            append_identifier(sql, output_name(item));
        }
    }
    return {};
}

}  // namespace lintas::sql
