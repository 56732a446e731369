#include "sql/clause.hpp"
#include "sql/statements.hpp"

namespace lintas::sql {

Statement build_lock(const parse::Request& request, const schema::Relation& relation) {
    Statement lock;
    Parameters params;
    lock.text = "SELECT 1 FROM ";
    append_relation(lock.text, relation);
    append_where(lock.text, params, scope_of_relation(relation), request.query.where);
    lock.text += " FOR UPDATE";
    lock.params = std::move(params).take();
    return lock;
}

}  // namespace lintas::sql
