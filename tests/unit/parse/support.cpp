#include "support.hpp"

#include <array>

namespace lintas::parse {

std::string shown(const Field& field) {
    std::string out = "<" + field.column + ">";
    for (const JsonStep& step : field.path) {
        out += step.as_text ? "->>" : "->";
        if (const auto* index = std::get_if<std::int64_t>(&step.key)) {
            out += "#" + std::to_string(*index);
        } else {
            out += "<" + std::get<std::string>(step.key) + ">";
        }
    }
    return out;
}

std::string shown(const SelectItem& item) {
    if (item.star) return "*";
    std::string out = shown(item.field);
    if (item.alias) out = *item.alias + " = " + out;
    if (item.cast) out += " as " + *item.cast;
    return out;
}

std::string shown(const Filter& filter) {
    constexpr std::array kOps = {"eq",    "neq",   "gt",     "gte", "lt",  "lte",        "like",
                                 "ilike", "match", "imatch", "in",  "is",  "isdistinct", "cs",
                                 "cd",    "ov",    "sl",     "sr",  "nxr", "nxl",        "adj",
                                 "fts",   "plfts", "phfts",  "wfts"};
    constexpr std::array kWords = {"null", "not_null", "true", "false", "unknown"};
    constexpr std::array kQuantifiers = {"", "(any)", "(all)"};
    std::string out = shown(filter.field) + (filter.negated ? " not " : " ");
    out += kOps[static_cast<std::size_t>(filter.op)];
    out += kQuantifiers[static_cast<std::size_t>(filter.quantifier)];
    if (filter.fts_config) out += "(" + *filter.fts_config + ")";
    if (filter.op == Op::is) return out + " " + kWords[static_cast<std::size_t>(filter.is)];
    if (filter.op != Op::in) return out + " [" + filter.value + "]";
    out += " (";
    for (const std::string& element : filter.list) out += "[" + element + "]";
    return out + ")";
}

std::string shown(const Tree& tree) {
    if (tree.kind == Tree::Kind::filter) return shown(tree.filter);
    std::string out = tree.negated ? "not " : "";
    out += tree.kind == Tree::Kind::all_of ? "and(" : "or(";
    for (const Tree& child : tree.children) {
        if (&child != &tree.children.front()) out += ", ";
        out += shown(child);
    }
    return out + ")";
}

std::string shown(const OrderTerm& term) {
    constexpr std::array kDirections = {"", " asc", " desc"};
    constexpr std::array kNulls = {"", " first", " last"};
    return shown(term.field) + kDirections[static_cast<std::size_t>(term.direction)] +
           kNulls[static_cast<std::size_t>(term.nulls)];
}

}  // namespace lintas::parse
