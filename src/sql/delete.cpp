#include "sql/clause.hpp"
#include "sql/mutation.hpp"

namespace lintas::sql {

Mutation delete_mutation(const parse::Request& request, const schema::Relation& relation,
                         Parameters& params) {
    Mutation mutation;
    std::string& sql = mutation.text;
    sql.reserve(256);
    sql += "DELETE FROM ";
    append_relation(sql, relation);
    append_where(sql, params, scope_of_relation(relation), request.query.where);
    sql += " RETURNING ";
    sql += returning_list(request, relation);
    return mutation;
}

}  // namespace lintas::sql
