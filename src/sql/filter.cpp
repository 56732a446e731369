#include <algorithm>

#include "sql/clause.hpp"
#include "sql/quote.hpp"

namespace lintas::sql {

namespace {

using parse::Filter;
using parse::IsWord;
using parse::Op;
using parse::Quantifier;
using parse::Tree;

std::string_view sql_operator(Op op) {
    switch (op) {
        case Op::eq:
            return " = ";
        case Op::neq:
            return " <> ";
        case Op::gt:
            return " > ";
        case Op::gte:
            return " >= ";
        case Op::lt:
            return " < ";
        case Op::lte:
            return " <= ";
        case Op::like:
            return " LIKE ";
        case Op::ilike:
            return " ILIKE ";
        case Op::match:
            return " ~ ";
        case Op::imatch:
            return " ~* ";
        case Op::isdistinct:
            return " IS DISTINCT FROM ";
        case Op::cs:
            return " @> ";
        case Op::cd:
            return " <@ ";
        case Op::ov:
            return " && ";
        case Op::sl:
            return " << ";
        case Op::sr:
            return " >> ";
        case Op::nxr:
            return " &< ";
        case Op::nxl:
            return " &> ";
        case Op::adj:
            return " -|- ";
        case Op::in:
            return " = ANY(";
        case Op::is:
            return " IS ";
        case Op::fts:
            return " @@ to_tsquery(";
        case Op::plfts:
            return " @@ plainto_tsquery(";
        case Op::phfts:
            return " @@ phraseto_tsquery(";
        case Op::wfts:
            return " @@ websearch_to_tsquery(";
    }
    return " = ";
}

std::string_view is_word(IsWord word) {
    switch (word) {
        case IsWord::null:
            return "NULL";
        case IsWord::not_null:
            return "NOT NULL";
        case IsWord::is_true:
            return "TRUE";
        case IsWord::is_false:
            return "FALSE";
        case IsWord::unknown:
            return "UNKNOWN";
    }
    return "NULL";
}

bool is_full_text(Op op) {
    return op == Op::fts || op == Op::plfts || op == Op::phfts || op == Op::wfts;
}

void append_full_text(std::string& sql, Parameters& params, const Scope& scope,
                      const Filter& filter) {
    const schema::Column* column = scope.relation.column(filter.field.column);
    const bool is_vector = filter.field.path.empty() && column != nullptr && column->is_tsvector;
    // One parameter serves both calls: PostgreSQL infers regconfig for it in either place.
    std::string config;
    if (filter.fts_config) {
        params.bind(config, *filter.fts_config);
        config += ", ";
    }
    if (is_vector) {
        append_field(sql, params, scope, filter.field);
    } else {
        sql += "to_tsvector(";
        sql += config;
        append_field(sql, params, scope, filter.field);
        sql += ')';
    }
    sql += sql_operator(filter.op);
    sql += config;
    params.bind(sql, filter.value);
    sql += ')';
}

void append_filter(std::string& sql, Parameters& params, const Scope& scope, const Filter& filter) {
    if (filter.negated) sql += "NOT ";
    if (is_full_text(filter.op)) {
        append_full_text(sql, params, scope, filter);
        return;
    }
    append_field(sql, params, scope, filter.field);
    sql += sql_operator(filter.op);
    if (filter.op == Op::is) {
        sql += is_word(filter.is);
        return;
    }
    if (filter.op == Op::in) {
        params.bind(sql, array_literal(filter.list));
        sql += ')';
        return;
    }
    std::string value = filter.value;
    if (filter.op == Op::like || filter.op == Op::ilike) std::ranges::replace(value, '*', '%');
    switch (filter.quantifier) {
        case Quantifier::none:
            params.bind(sql, std::move(value));
            return;
        case Quantifier::any:
            sql += "ANY(";
            break;
        case Quantifier::all:
            sql += "ALL(";
            break;
    }
    params.bind(sql, std::move(value));
    sql += ')';
}

void append_tree(std::string& sql, Parameters& params, const Scope& scope, const Tree& tree) {
    if (tree.kind == Tree::Kind::filter) {
        append_filter(sql, params, scope, tree.filter);
        return;
    }
    const std::string_view between = tree.kind == Tree::Kind::all_of ? " AND " : " OR ";
    if (tree.negated) sql += "NOT ";
    sql += '(';
    bool first = true;
    for (const Tree& child : tree.children) {
        if (!first) sql += between;
        first = false;
        append_tree(sql, params, scope, child);
    }
    sql += ')';
}

}  // namespace

void append_where(std::string& sql, Parameters& params, const Scope& scope,
                  const std::vector<Tree>& where) {
    bool first = true;
    for (const Tree& tree : where) {
        sql += first ? " WHERE " : " AND ";
        first = false;
        append_tree(sql, params, scope, tree);
    }
}

}  // namespace lintas::sql
