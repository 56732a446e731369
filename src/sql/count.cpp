#include "sql/count.hpp"

#include <limits>

#include "sql/clause.hpp"

namespace lintas::sql {

std::string total_expression(const parse::Request& request, const schema::Relation& relation,
                             std::string_view where, Parameters& params, bool everything,
                             std::optional<std::int64_t> max_rows) {
    using Count = parse::Preferences::Count;
    const std::optional<Count> count = request.prefer.count;
    if (!count || *count == Count::planned) return "NULL";
    if (everything) return "count(*)";
    std::string sql;
    sql.reserve(where.size() + 96);
    if (*count == Count::exact || !max_rows) {
        sql += "(SELECT count(*) FROM ";
        append_relation(sql, relation);
        sql += where;
        sql += ')';
        return sql;
    }
    sql += "(SELECT count(*) FROM (SELECT 1 FROM ";
    append_relation(sql, relation);
    sql += where;
    sql += " LIMIT ";
    const bool at_end = *max_rows == std::numeric_limits<std::int64_t>::max();
    params.bind(sql, std::to_string(at_end ? *max_rows : *max_rows + 1));
    sql += ") c)";
    return sql;
}

std::optional<Statement> explain_count(const parse::Request& request,
                                       const schema::Relation& relation) {
    using Count = parse::Preferences::Count;
    const std::optional<Count> count = request.prefer.count;
    if (!count || *count == Count::exact) return std::nullopt;
    Statement statement;
    Parameters params;
    statement.text = "EXPLAIN (FORMAT JSON) SELECT 1 FROM ";
    append_relation(statement.text, relation);
    append_where(statement.text, params, scope_of_relation(relation), request.query.where);
    statement.params = std::move(params).take();
    return statement;
}

}  // namespace lintas::sql
