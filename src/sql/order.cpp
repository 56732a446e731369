#include "sql/clause.hpp"

namespace lintas::sql {

namespace {

std::string_view direction_word(parse::OrderTerm::Direction direction) {
    switch (direction) {
        case parse::OrderTerm::Direction::unsaid:
            return "";
        case parse::OrderTerm::Direction::asc:
            return " ASC";
        case parse::OrderTerm::Direction::desc:
            return " DESC";
    }
    return "";
}

std::string_view nulls_words(parse::OrderTerm::Nulls nulls) {
    switch (nulls) {
        case parse::OrderTerm::Nulls::unsaid:
            return "";
        case parse::OrderTerm::Nulls::first:
            return " NULLS FIRST";
        case parse::OrderTerm::Nulls::last:
            return " NULLS LAST";
    }
    return "";
}

}  // namespace

void append_order(std::string& sql, Parameters& params, const Scope& scope,
                  const std::vector<parse::OrderTerm>& order) {
    bool first = true;
    for (const parse::OrderTerm& term : order) {
        sql += first ? " ORDER BY " : ", ";
        first = false;
        append_field(sql, params, scope, term.field);
        sql += direction_word(term.direction);
        sql += nulls_words(term.nulls);
    }
}

void append_window(std::string& sql, Parameters& params, const parse::Window& window) {
    if (window.everything()) return;
    sql += " LIMIT ";
    if (window.limit) {
        params.bind(sql, std::to_string(*window.limit));
    } else {
        sql += "ALL";
    }
    sql += " OFFSET ";
    params.bind(sql, std::to_string(window.offset));
}

}  // namespace lintas::sql
