#include <algorithm>

#include "sql/clause.hpp"
#include "sql/main_statement.hpp"
#include "sql/mutation.hpp"
#include "sql/statements.hpp"

namespace lintas::sql {

namespace {

Result<Mutation> mutation_of(const parse::Request& request, const schema::Relation& relation,
                             Parameters& params) {
    switch (request.method) {
        case parse::Method::post:
            return insert_mutation(request, relation, params);
        case parse::Method::put:
            return put_mutation(request, relation, params);
        case parse::Method::patch:
            return update_mutation(request, relation, params);
        case parse::Method::del:
            return delete_mutation(request, relation, params);
        case parse::Method::get:
        case parse::Method::head:
        case parse::Method::options:
            break;
    }
    return fail(Errc::not_implemented, "Feature not implemented", "A write with this method");
}

// An array of the key's values as text, which respond/ takes apart: the values are data and stay
// data.
std::string location_expression(const schema::Relation& relation) {
    std::string sql = "CASE WHEN count(*) = 1 THEN (SELECT json_build_array(";
    bool first = true;
    for (const std::string& column : relation.primary_key) {
        if (!first) sql += ", ";
        first = false;
        sql += "src.";
        sql += quoted_identifier(column);
        sql += "::text";
    }
    sql += ")::text FROM src LIMIT 1) END";
    return sql;
}

bool row_count_decides(const parse::Request& request, parse::Media media) {
    if (media == parse::Media::object || media == parse::Media::object_stripped) return true;
    if (request.method == parse::Method::put) return true;
    return request.prefer.max_affected &&
           request.prefer.handling == parse::Preferences::Handling::strict &&
           (request.method == parse::Method::patch || request.method == parse::Method::del);
}

// A column of the relation is in the `*` that a list without names stands for.
bool has_star(const parse::Query& query) {
    return query.select.empty() || std::ranges::any_of(query.select, &parse::SelectItem::star);
}

std::vector<std::string> needed_columns(const parse::Query& query,
                                        const schema::Relation& relation) {
    std::vector<std::string> names;
    const auto need = [&](const std::string& name) {
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    };
    for (const parse::SelectItem& item : query.select) {
        if (!item.star) need(item.field.column);
    }
    for (const parse::OrderTerm& term : query.order) need(term.field.column);
    for (const std::string& column : relation.primary_key) need(column);
    return names;
}

}  // namespace

bool wants_representation(const parse::Request& request) {
    return request.prefer.return_ == parse::Preferences::Return::representation;
}

bool wants_location(const parse::Request& request, const schema::Relation& relation) {
    return request.method == parse::Method::post && !relation.primary_key.empty() &&
           request.prefer.return_ == parse::Preferences::Return::headers_only;
}

bool star_needs_expanding(const parse::Query& query, const schema::Relation& relation) {
    return has_star(query) &&
           std::ranges::any_of(needed_columns(query, relation), [&](const std::string& name) {
               return relation.column(name) == nullptr;
           });
}

std::string returning_list(const parse::Request& request, const schema::Relation& relation) {
    const Scope scope = scope_of_relation(relation);
    std::string sql;
    bool first = true;
    const auto add = [&](std::string_view column) {
        if (!first) sql += ", ";
        first = false;
        append_column(sql, scope, column);
    };
    if (wants_location(request, relation)) {
        for (const std::string& column : relation.primary_key) add(column);
        return sql;
    }
    if (!wants_representation(request)) return "1";
    const bool star = has_star(request.query);
    if (star) {
        sql += scope.prefix;
        sql += '*';
        first = false;
    }
    for (const std::string& name : needed_columns(request.query, relation)) {
        if (!star || relation.column(name) == nullptr) add(name);
    }
    return sql;
}

Result<Write> build_write(const parse::Request& request, const schema::Relation& relation,
                          parse::Media media) {
    Parameters params;
    Result<Mutation> mutation = mutation_of(request, relation, params);
    if (!mutation) return fail(std::move(mutation.error()));

    Write write;
    write.upsert = mutation->upsert;
    write.no_op = mutation->no_op;
    write.count_decides = row_count_decides(request, media);

    std::string rows;
    if (wants_representation(request)) {
        const Scope scope = scope_of_written_rows(relation);
        rows += "SELECT ";
        Result<void> listed = append_select_list(rows, params, scope, request.query.select,
                                                 star_needs_expanding(request.query, relation));
        if (!listed) return fail(std::move(listed.error()));
        rows += " FROM src AS ";
        rows += quoted_identifier(relation.name);
        append_order(rows, params, scope, request.query.order);
    }
    const std::string location =
        wants_location(request, relation) ? location_expression(relation) : std::string{"NULL"};
    write.main.text = main_statement({
        .source = mutation->text,
        .rows = rows,
        .location = location,
        .inserted = write.upsert
                        ? "coalesce(nullif(current_setting('lintas.inserted', true), ''), '0')"
                        : "NULL",
        .with_body = wants_representation(request),
        .media = media,
    });
    write.main.params = std::move(params).take();
    return write;
}

}  // namespace lintas::sql
