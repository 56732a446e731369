#include "sql/traits.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "sql/clause.hpp"

namespace lintas::sql {

namespace {

constexpr std::array<std::string_view, 38> kBuiltInTypes{
    "bigint",
    "bool",
    "boolean",
    "bpchar",
    "bytea",
    "char",
    "character",
    "cidr",
    "date",
    "decimal",
    "float",
    "float4",
    "float8",
    "inet",
    "int",
    "int2",
    "int4",
    "int8",
    "integer",
    "interval",
    "json",
    "jsonb",
    "money",
    "numeric",
    "real",
    "smallint",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "uuid",
    "varchar",
    "character varying",
    "double precision",
    "time with time zone",
    "timestamp with time zone",
    "timestamp without time zone",
};

std::string folded(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (const char c : text) {
        if (c == ' ' && (result.empty() || result.back() == ' ')) continue;
        result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    if (!result.empty() && result.back() == ' ') result.pop_back();
    return result;
}

// format_type() writes the schema of every type that is not in pg_catalog.
bool is_catalog_type(std::string_view type) {
    return type.find('.') == std::string_view::npos;
}

bool is_pin(const parse::Tree& tree, std::string_view column) {
    const parse::Filter& filter = tree.filter;
    return tree.kind == parse::Tree::Kind::filter && !filter.negated &&
           filter.op == parse::Op::eq && filter.quantifier == parse::Quantifier::none &&
           filter.field.path.empty() && filter.field.column == column;
}

bool pins(const std::vector<parse::Tree>& where, const std::vector<std::string>& key) {
    return !key.empty() && std::ranges::all_of(key, [&](const std::string& column) {
        return std::ranges::any_of(where,
                                   [&](const parse::Tree& tree) { return is_pin(tree, column); });
    });
}

}  // namespace

bool names_own_columns_only(const parse::Query& query, const schema::Relation& relation) {
    bool own = true;
    for_each_field(query, [&](const parse::Field& field) {
        own = own && relation.column(field.column) != nullptr;
    });
    return own;
}

bool casts_are_built_in(const parse::Query& query, const schema::Relation& relation) {
    return std::ranges::all_of(query.select, [&](const parse::SelectItem& item) {
        if (!item.cast) return true;
        const schema::Column* column = relation.column(item.field.column);
        return column != nullptr && is_catalog_type(column->type) &&
               std::ranges::find(kBuiltInTypes, folded(*item.cast)) != kBuiltInTypes.end();
    });
}

bool pins_a_unique_key(const parse::Query& query, const schema::Relation& relation) {
    if (query.where.empty()) return false;
    return pins(query.where, relation.primary_key) ||
           std::ranges::any_of(relation.unique_keys, [&](const std::vector<std::string>& key) {
               return pins(query.where, key);
           });
}

}  // namespace lintas::sql
