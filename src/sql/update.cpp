#include "sql/clause.hpp"
#include "sql/mutation.hpp"
#include "sql/quote.hpp"

namespace lintas::sql {

Result<Mutation> update_mutation(const parse::Request& request, const schema::Relation& relation,
                                 Parameters& params) {
    Result<Columns> columns = payload_columns(request, relation);
    if (!columns) return fail(std::move(columns.error()));

    Mutation mutation;
    std::string& sql = mutation.text;
    if (columns->empty()) {
        // An UPDATE needs something to set; no rows of the right shape are the same as none
        // changed.
        mutation.no_op = true;
        sql += "SELECT ";
        sql += returning_list(request, relation);
        sql += " FROM ";
        append_relation(sql, relation);
        sql += " WHERE false";
        return mutation;
    }
    sql.reserve(512);
    sql += "UPDATE ";
    append_relation(sql, relation);
    bool first = true;
    for (const schema::Column* column : *columns) {
        sql += first ? " SET " : ", ";
        first = false;
        append_identifier(sql, column->name);
        sql += " = ";
        sql += payload_alias(relation);
        sql += '.';
        append_identifier(sql, column->name);
    }
    append_payload_source(sql, params, request, relation, *columns);
    append_where(sql, params, scope_of_relation(relation), request.query.where);
    sql += " RETURNING ";
    sql += returning_list(request, relation);
    return mutation;
}

}  // namespace lintas::sql
