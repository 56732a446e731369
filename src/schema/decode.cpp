#include "schema/decode.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>
#include <memory>
#include <unordered_map>
#include <utility>

namespace lintas::schema {
namespace {

namespace json = boost::json;

/// Reads one row's cells in order and remembers the first that makes no sense, so that a decoder is
/// a plain list of fields followed by one check.
class Cells {
 public:
    Cells(std::string_view query, const TableRow& row) : query_{query}, row_{row} {}

    std::optional<std::string> optional_text() {
        const std::size_t at = next_++;
        if (at >= row_.size()) {
            complain(at, "is missing");
            return std::nullopt;
        }
        if (!row_[at]) return std::nullopt;
        return std::string{*row_[at]};
    }

    std::string text() {
        std::optional<std::string> value = optional_text();
        if (!value) complain(next_ - 1, "is null");
        return std::move(value).value_or(std::string{});
    }

    char letter() {
        const std::string value = text();
        if (value.size() != 1) complain(next_ - 1, "is not one letter");
        return value.empty() ? '\0' : value.front();
    }

    bool boolean() {
        const char value = letter();
        if (value != 't' && value != 'f') complain(next_ - 1, "is not a boolean");
        return value == 't';
    }

    json::array list() {
        const std::string value = text();
        boost::system::error_code problem;
        const json::value parsed = json::parse(value, problem);
        if (problem || !parsed.is_array()) {
            complain(next_ - 1, "is not a JSON array");
            return {};
        }
        return parsed.get_array();
    }

    /// For what the last cell holds and its reader cannot know.
    void expect(bool condition, const char* what) {
        if (!condition) complain(next_ - 1, what);
    }

    const std::optional<Error>& problem() const { return problem_; }

 private:
    void complain(std::size_t at, const char* what) {
        if (problem_) return;
        problem_ =
            Error{.code = Errc::internal,
                  .message = fmt::format("catalogue query {}: column {} {}", query_, at + 1, what)};
    }

    std::string_view query_;
    const TableRow& row_;
    std::size_t next_ = 0;
    std::optional<Error> problem_;
};

std::optional<std::vector<std::string>> names_from(const json::value& value) {
    if (!value.is_array()) return std::nullopt;
    std::vector<std::string> names;
    names.reserve(value.get_array().size());
    for (const json::value& name : value.get_array()) {
        if (!name.is_string()) return std::nullopt;
        names.emplace_back(name.get_string());
    }
    return names;
}

std::optional<Column> column_from(const json::value& value) {
    const json::array* fields = value.if_array();
    if (fields == nullptr || fields->size() != 7) return std::nullopt;
    const json::array& f = *fields;
    if (!f[0].is_string() || !f[1].is_string()) return std::nullopt;
    for (std::size_t i = 2; i < 6; ++i) {
        if (!f[i].is_bool()) return std::nullopt;
    }
    if (!f[6].is_string() && !f[6].is_null()) return std::nullopt;

    Column column;
    column.name = f[0].get_string();
    column.type = f[1].get_string();
    column.nullable = f[2].get_bool();
    column.is_json = f[3].get_bool();
    column.is_tsvector = f[4].get_bool();
    column.generated = f[5].get_bool();
    if (f[6].is_string()) column.default_sql = std::string{f[6].get_string()};
    return column;
}

std::optional<RelationKind> kind_from(char relkind) {
    switch (relkind) {
        case 'r':
            return RelationKind::table;
        case 'p':
            return RelationKind::partitioned;
        case 'v':
            return RelationKind::view;
        case 'm':
            return RelationKind::materialized_view;
        case 'f':
            return RelationKind::foreign;
        default:
            return std::nullopt;
    }
}

struct Traits {
    bool row_security = false;
    bool has_volatile_parts = false;
};

struct ByOid {
    std::unordered_map<std::string, Traits> traits{};
    std::unordered_map<std::string, std::vector<std::string>> view_keys{};
};

Result<ByOid> decode_by_oid(const CatalogueTables& tables) {
    ByOid by_oid;
    for (const TableRow& row : tables.traits) {
        Cells cells{"traits", row};
        std::string oid = cells.text();
        Traits traits;
        traits.row_security = cells.boolean();
        traits.has_volatile_parts = cells.boolean();
        if (cells.problem()) return fail(*cells.problem());
        by_oid.traits.emplace(std::move(oid), traits);
    }
    for (const TableRow& row : tables.view_keys) {
        Cells cells{"view_keys", row};
        std::string oid = cells.text();
        std::optional<std::vector<std::string>> key = names_from(cells.list());
        cells.expect(key.has_value(), "is not a list of names");
        if (cells.problem()) return fail(*cells.problem());
        by_oid.view_keys.emplace(std::move(oid), std::move(*key));
    }
    return by_oid;
}

Result<Relation> decode_relation(const TableRow& row, const ByOid& by_oid) {
    Cells cells{"relations", row};
    const std::string oid = cells.text();
    Relation relation;
    relation.schema = cells.text();
    relation.name = cells.text();
    const std::optional<RelationKind> kind = kind_from(cells.letter());
    cells.expect(kind.has_value(), "is not a known kind of relation");
    relation.insertable = cells.boolean();
    relation.updatable = cells.boolean();
    relation.deletable = cells.boolean();
    for (const json::value& item : cells.list()) {
        std::optional<Column> column = column_from(item);
        cells.expect(column.has_value(), "is not a list of columns");
        if (column) relation.columns.push_back(std::move(*column));
    }
    std::optional<std::vector<std::string>> primary_key = names_from(cells.list());
    cells.expect(primary_key.has_value(), "is not a list of names");
    for (const json::value& item : cells.list()) {
        std::optional<std::vector<std::string>> key = names_from(item);
        cells.expect(key.has_value(), "is not a list of keys");
        if (key) relation.unique_keys.push_back(std::move(*key));
    }
    relation.may_set_response = cells.boolean();
    relation.cascades = cells.boolean();
    if (cells.problem()) return fail(*cells.problem());

    relation.kind = *kind;
    relation.primary_key = std::move(*primary_key);
    if (const auto found = by_oid.traits.find(oid); found != by_oid.traits.end()) {
        relation.row_security = found->second.row_security;
        relation.has_volatile_parts = found->second.has_volatile_parts;
    } else {
        // One snapshot gives both lists, so this cannot happen; believing the worst of it is free.
        relation.row_security = true;
        relation.has_volatile_parts = true;
    }
    if (const auto found = by_oid.view_keys.find(oid);
        found != by_oid.view_keys.end() && relation.primary_key.empty()) {
        relation.primary_key = found->second;
    }
    return relation;
}

Result<Function> decode_function(const TableRow& row) {
    Cells cells{"functions", row};
    Function function;
    function.schema = cells.text();
    function.name = cells.text();
    function.volatility = cells.letter();
    cells.expect(std::string_view{"isv"}.find(function.volatility) != std::string_view::npos,
                 "is not a volatility");
    if (cells.problem()) return fail(*cells.problem());
    return function;
}

Result<Role> decode_role(const TableRow& row) {
    Cells cells{"roles", row};
    Role role;
    role.name = cells.text();
    for (const json::value& item : cells.list()) {
        std::optional<std::vector<std::string>> setting = names_from(item);
        const bool is_pair = setting.has_value() && setting->size() == 2;
        cells.expect(is_pair, "is not a list of settings");
        if (is_pair) role.settings.emplace_back(std::move((*setting)[0]), std::move((*setting)[1]));
    }
    role.isolation = cells.optional_text().value_or(std::string{});
    if (cells.problem()) return fail(*cells.problem());
    // "read uncommitted" behaves as read committed in PostgreSQL, and users of the value know
    // three.
    if (role.isolation == "read uncommitted") role.isolation = "read committed";
    return role;
}

template <class T, class Decode>
Result<std::vector<T>> decode_all(const Table& table, const Decode& decode_one) {
    std::vector<T> all;
    all.reserve(table.size());
    for (const TableRow& row : table) {
        Result<T> one = decode_one(row);
        if (!one) return fail(std::move(one.error()));
        all.push_back(std::move(*one));
    }
    return all;
}

}  // namespace

Result<Loaded> decode(const CatalogueTables& tables) {
    const Result<ByOid> by_oid = decode_by_oid(tables);
    if (!by_oid) return fail(by_oid.error());
    Result<std::vector<Relation>> relations = decode_all<Relation>(
        tables.relations, [&](const TableRow& row) { return decode_relation(row, *by_oid); });
    if (!relations) return fail(std::move(relations.error()));
    Result<std::vector<Function>> functions =
        decode_all<Function>(tables.functions, decode_function);
    if (!functions) return fail(std::move(functions.error()));
    Result<std::vector<Role>> roles = decode_all<Role>(tables.roles, decode_role);
    if (!roles) return fail(std::move(roles.error()));

    Loaded loaded;
    for (const TableRow& row : tables.missing_schemas) {
        Cells cells{"missing_schemas", row};
        loaded.missing_schemas.push_back(cells.text());
        if (cells.problem()) return fail(*cells.problem());
    }
    loaded.catalogue = std::make_shared<const Catalogue>(std::move(*relations),
                                                         std::move(*functions), std::move(*roles));
    return loaded;
}

}  // namespace lintas::schema
