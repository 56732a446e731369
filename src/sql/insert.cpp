#include <algorithm>
#include <string_view>

#include "sql/clause.hpp"
#include "sql/mutation.hpp"
#include "sql/quote.hpp"

namespace lintas::sql {

namespace {

// Counts up for every row that is tried and down again for every row that turned out to be an
// update. Both are always true. Unlike xmax in RETURNING this works on views.
constexpr std::string_view kCountUp =
    "set_config('lintas.inserted', (coalesce(nullif(current_setting('lintas.inserted', true), "
    "'')::int, 0) + 1)::text, true) <> '0'";
constexpr std::string_view kCountDown =
    "set_config('lintas.inserted', (coalesce(nullif(current_setting('lintas.inserted', true), "
    "'')::int, 0) - 1)::text, true) <> '-1'";

void append_insert_head(std::string& sql, const schema::Relation& relation,
                        const Columns& columns) {
    sql += "INSERT INTO ";
    append_relation(sql, relation);
    if (!columns.empty()) {
        sql += '(';
        bool first = true;
        for (const schema::Column* column : columns) {
            if (!first) sql += ", ";
            first = false;
            append_identifier(sql, column->name);
        }
        sql += ')';
    }
    sql += " SELECT";
    bool first = true;
    for (const schema::Column* column : columns) {
        sql += first ? " " : ", ";
        first = false;
        sql += payload_alias(relation);
        sql += '.';
        append_identifier(sql, column->name);
    }
}

void append_do_update(std::string& sql, const Columns& columns) {
    sql += "DO UPDATE SET ";
    bool first = true;
    for (const schema::Column* column : columns) {
        if (!first) sql += ", ";
        first = false;
        append_identifier(sql, column->name);
        sql += " = EXCLUDED.";
        append_identifier(sql, column->name);
    }
    sql += " WHERE ";
    sql += kCountDown;
}

void append_conflict_target(std::string& sql, const std::vector<std::string>& target) {
    sql += " ON CONFLICT (";
    append_identifiers(sql, target);
    sql += ") ";
}

bool is_put_filter(const parse::Tree& tree) {
    const parse::Filter& filter = tree.filter;
    return tree.kind == parse::Tree::Kind::filter && !filter.negated &&
           filter.op == parse::Op::eq && filter.quantifier == parse::Quantifier::none &&
           filter.field.path.empty();
}

bool filters_are_the_key(const parse::Query& query, const schema::Relation& relation) {
    const std::vector<std::string>& key = relation.primary_key;
    if (query.has_logic || key.empty() || query.where.size() != key.size()) return false;
    return std::ranges::all_of(query.where, is_put_filter) &&
           std::ranges::all_of(key, [&](const std::string& column) {
               return std::ranges::any_of(query.where, [&](const parse::Tree& tree) {
                   return tree.filter.field.column == column;
               });
           });
}

}  // namespace

Result<Mutation> insert_mutation(const parse::Request& request, const schema::Relation& relation,
                                 Parameters& params) {
    Result<Columns> columns = payload_columns(request, relation);
    if (!columns) return fail(std::move(columns.error()));

    using Resolution = parse::Preferences::Resolution;
    const std::optional<Resolution> resolution = request.prefer.resolution;
    const bool names_target = request.query.on_conflict && !request.query.on_conflict->empty();
    const std::vector<std::string>& target =
        names_target ? *request.query.on_conflict : relation.primary_key;
    const bool resolves = resolution && !target.empty();

    Mutation mutation;
    mutation.upsert = resolves && *resolution == Resolution::merge_duplicates;
    std::string& sql = mutation.text;
    sql.reserve(512);
    append_insert_head(sql, relation, *columns);
    append_payload_source(sql, params, request, relation, *columns);
    if (mutation.upsert) {
        sql += " WHERE ";
        sql += kCountUp;
    }
    if (resolves) {
        append_conflict_target(sql, target);
        if (mutation.upsert && !columns->empty()) {
            append_do_update(sql, *columns);
        } else {
            sql += "DO NOTHING";
        }
    }
    sql += " RETURNING ";
    sql += returning_list(request, relation);
    return mutation;
}

Result<Mutation> put_mutation(const parse::Request& request, const schema::Relation& relation,
                              Parameters& params) {
    if (request.query.window_given) {
        return fail(Errc::put_window,
                    "limit/offset querystring parameters are not allowed for PUT");
    }
    if (!filters_are_the_key(request.query, relation)) {
        return fail(Errc::put_filters,
                    "Filters must include all and only primary key columns with 'eq' operators");
    }
    Result<Columns> columns = payload_columns(request, relation);
    if (!columns) return fail(std::move(columns.error()));
    const bool has_key = std::ranges::all_of(relation.primary_key, [&](const std::string& name) {
        return std::ranges::find(*columns, name, &schema::Column::name) != columns->end();
    });
    if (!has_key) {
        return fail(Errc::put_key_mismatch,
                    "Payload values do not match URL in primary key column(s)");
    }

    Mutation mutation;
    mutation.upsert = true;
    std::string& sql = mutation.text;
    sql.reserve(768);
    append_insert_head(sql, relation, *columns);
    append_payload_source(sql, params, request, relation, *columns);
    // CASE keeps the order: a row that the filters turn away must not be counted.
    sql += " WHERE CASE WHEN ";
    bool first = true;
    for (const parse::Tree& tree : request.query.where) {
        if (!first) sql += " AND ";
        first = false;
        sql += payload_alias(relation);
        sql += '.';
        append_identifier(sql, tree.filter.field.column);
        sql += " = ";
        params.bind(sql, tree.filter.value);
    }
    sql += " THEN ";
    sql += kCountUp;
    sql += " ELSE false END";
    append_conflict_target(sql, relation.primary_key);
    append_do_update(sql, *columns);
    sql += " RETURNING ";
    sql += returning_list(request, relation);
    return mutation;
}

}  // namespace lintas::sql
