#pragma once
// The clauses that every statement is put together from: column references, select list, WHERE,
// ORDER BY, LIMIT. Each appends to the SQL text and binds its values.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "parse/request.hpp"
#include "schema/catalogue.hpp"
#include "sql/parameters.hpp"

namespace lintas::sql {

/// Which rows a column reference means: the relation itself or, in the representation of a write,
/// the CTE that goes by the relation's name.
struct Scope {
    std::string prefix;  // `"s"."t".` or `"t".`, with the dot
    const schema::Relation& relation;
};

Scope scope_of_relation(const schema::Relation& relation);
Scope scope_of_written_rows(const schema::Relation& relation);

/// `"s"."t"`.
void append_relation(std::string& sql, const schema::Relation& relation);

void append_column(std::string& sql, const Scope& scope, std::string_view column);

/// A column with its JSON path. Columns that are not json or jsonb, unknown ones too, go through
/// to_jsonb(); keys are parameters, indexes `$n::int` (DIALECT 1.2).
void append_field(std::string& sql, Parameters& params, const Scope& scope,
                  const parse::Field& field);

/// The name a selected item has in the answer.
std::string_view output_name(const parse::SelectItem& item);

/// The select list, without SELECT. `expand_star`: write `*` as the catalogue's columns, one by
/// one. Errors: not_implemented for a cast with characters that the grammar does not know.
Result<void> append_select_list(std::string& sql, Parameters& params, const Scope& scope,
                                const std::vector<parse::SelectItem>& items,
                                bool expand_star = false);

/// " WHERE a AND b", or nothing.
void append_where(std::string& sql, Parameters& params, const Scope& scope,
                  const std::vector<parse::Tree>& where);

/// " ORDER BY a, b DESC", or nothing.
void append_order(std::string& sql, Parameters& params, const Scope& scope,
                  const std::vector<parse::OrderTerm>& order);

/// " LIMIT $1 OFFSET $2", " LIMIT ALL OFFSET $1", or nothing for everything.
void append_window(std::string& sql, Parameters& params, const parse::Window& window);

/// Calls `visit` with every field that the query names: selected, filtered and ordered by.
template <class Visit>
void for_each_field(const parse::Query& query, const Visit& visit) {
    const auto in_tree = [&](const auto& self, const parse::Tree& tree) -> void {
        if (tree.kind == parse::Tree::Kind::filter) {
            visit(tree.filter.field);
        } else {
            for (const parse::Tree& child : tree.children) self(self, child);
        }
    };
    for (const parse::SelectItem& item : query.select) {
        if (!item.star) visit(item.field);
    }
    for (const parse::Tree& tree : query.where) in_tree(in_tree, tree);
    for (const parse::OrderTerm& term : query.order) visit(term.field);
}

}  // namespace lintas::sql
