#include <algorithm>

#include "sql/clause.hpp"
#include "sql/count.hpp"
#include "sql/main_statement.hpp"
#include "sql/statements.hpp"
#include "sql/traits.hpp"

namespace lintas::sql {

namespace {

parse::Window clamped(parse::Window window, std::optional<std::int64_t> max_rows) {
    if (max_rows) window.limit = std::min(window.limit.value_or(*max_rows), *max_rows);
    return window;
}

bool is_table(const schema::Relation& relation) {
    return relation.kind == schema::RelationKind::table ||
           relation.kind == schema::RelationKind::partitioned;
}

}  // namespace

Result<Read> build_read(const parse::Request& request, const schema::Relation& relation,
                        parse::Media media, const ReadOptions& options) {
    const parse::Query& query = request.query;
    const parse::Window window = clamped(request.window, options.max_rows);
    const bool is_head = request.method == parse::Method::head;
    const bool own_columns = names_own_columns_only(query, relation);
    const bool plain_casts = casts_are_built_in(query, relation);

    Read read;
    read.shareable = own_columns && plain_casts && !relation.has_volatile_parts;
    read.sees_only_role =
        own_columns && plain_casts && !relation.row_security &&
        (is_table(relation) || relation.kind == schema::RelationKind::materialized_view);
    read.plain_rows = read.sees_only_role && is_table(relation) && !is_head &&
                      !request.prefer.count && !options.pre_request &&
                      (media == parse::Media::json || media == parse::Media::object) &&
                      pins_a_unique_key(query, relation);

    const Scope scope = scope_of_relation(relation);
    Parameters params;
    std::string rows = "SELECT ";
    rows.reserve(256);
    if (Result<void> listed = append_select_list(rows, params, scope, query.select); !listed) {
        return fail(std::move(listed.error()));
    }
    rows += " FROM ";
    append_relation(rows, relation);
    const std::size_t where_at = rows.size();
    append_where(rows, params, scope, query.where);
    const std::string where = rows.substr(where_at);
    append_order(rows, params, scope, query.order);
    append_window(rows, params, window);

    if (read.plain_rows) {
        read.main.text.reserve(rows.size() + 48);
        read.main.text += "SELECT row_to_json(_t.*)::text FROM (";
        read.main.text += rows;
        read.main.text += ") _t";
    } else {
        const std::string total = total_expression(request, relation, where, params,
                                                   window.everything(), options.max_rows);
        read.main.text =
            main_statement({.rows = rows, .total = total, .with_body = !is_head, .media = media});
        read.explain = explain_count(request, relation);
    }
    read.main.params = std::move(params).take();
    return read;
}

}  // namespace lintas::sql
