#pragma once
// Requests and relations built by hand: these tests need no parser and no catalogue query.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "parse/request.hpp"
#include "schema/catalogue.hpp"
#include "sql/statements.hpp"

namespace lintas::sql::test {

using Params = std::vector<std::optional<std::string>>;

inline schema::Column column(std::string name, std::string type,
                             std::optional<std::string> default_sql = {}) {
    schema::Column result;
    result.name = std::move(name);
    result.type = std::move(type);
    result.default_sql = std::move(default_sql);
    result.is_json = result.type == "json" || result.type == "jsonb";
    result.is_tsvector = result.type == "tsvector";
    return result;
}

/// s.t (id, name, data jsonb, tags, tv tsvector, up generated), key id, name unique.
inline schema::Relation table() {
    schema::Relation relation;
    relation.schema = "s";
    relation.name = "t";
    relation.columns = {
        column("id", "integer", "nextval('s.t_id_seq'::regclass)"),
        column("name", "text", "'it''s'::text"),
        column("data", "jsonb"),
        column("tags", "text[]"),
        column("tv", "tsvector"),
        column("up", "text", "upper(name)"),
    };
    relation.columns.back().generated = true;
    relation.primary_key = {"id"};
    relation.unique_keys = {{"id"}, {"name"}};
    return relation;
}

/// s.pair (a, b, v), key (a, b).
inline schema::Relation pair_table() {
    schema::Relation relation;
    relation.schema = "s";
    relation.name = "pair";
    relation.columns = {column("a", "integer"), column("b", "integer"), column("v", "text")};
    relation.primary_key = {"a", "b"};
    relation.unique_keys = {{"a", "b"}};
    return relation;
}

inline parse::JsonStep key(std::string name) {
    return {false, std::move(name)};
}
inline parse::JsonStep key_text(std::string name) {
    return {true, std::move(name)};
}
inline parse::JsonStep index(std::int64_t at) {
    return {false, at};
}

inline parse::SelectItem item(std::string name, std::vector<parse::JsonStep> path = {}) {
    parse::SelectItem result;
    result.field = {std::move(name), std::move(path)};
    return result;
}

inline parse::SelectItem star() {
    parse::SelectItem result;
    result.star = true;
    return result;
}

inline parse::Tree filter(std::string name, parse::Op op, std::string value) {
    parse::Tree tree;
    tree.filter.field.column = std::move(name);
    tree.filter.op = op;
    tree.filter.value = std::move(value);
    return tree;
}

inline parse::Request get() {
    return {};
}

inline parse::Request with_body(parse::Method method, std::string json,
                                std::vector<std::string> keys, std::size_t rows = 1) {
    parse::Request request;
    request.method = method;
    parse::Payload payload;
    payload.is_object = json.front() == '{';
    payload.json = std::move(json);
    payload.keys_known = true;
    payload.keys = std::move(keys);
    payload.rows = rows;
    request.payload = std::move(payload);
    return request;
}

/// The part of a main statement between `from` and `to`, without either.
inline std::string between(const std::string& text, const std::string& from,
                           const std::string& to) {
    const std::size_t begin = text.find(from);
    if (begin == std::string::npos) return "no '" + from + "' in: " + text;
    const std::size_t end = text.find(to, begin + from.size());
    if (end == std::string::npos) return "no '" + to + "' in: " + text;
    return text.substr(begin + from.size(), end - begin - from.size());
}

}  // namespace lintas::sql::test
