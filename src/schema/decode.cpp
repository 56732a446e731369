#include "schema/decode.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cstdint>
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

std::optional<KeyType> key_type_from(const json::value& value) {
    if (!value.is_string() || value.get_string().size() != 1) return std::nullopt;
    switch (value.get_string().front()) {
        case 'i':
            return KeyType::integer;
        case 'u':
            return KeyType::uuid;
        case 't':
            return KeyType::text;
        case 'o':
            return KeyType::other;
        default:
            return std::nullopt;
    }
}

std::optional<std::vector<std::uint32_t>> oids_from(const json::array& list) {
    std::vector<std::uint32_t> oids;
    oids.reserve(list.size());
    for (const json::value& item : list) {
        boost::system::error_code problem;
        const auto oid = item.to_number<std::uint32_t>(problem);
        if (problem) return std::nullopt;
        oids.push_back(oid);
    }
    // Looked at with a binary search, whatever the server's order.
    std::ranges::sort(oids);
    oids.erase(std::ranges::unique(oids).begin(), oids.end());
    return oids;
}

std::optional<std::uint32_t> oid_from(std::string_view text) {
    std::uint32_t oid = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), oid);
    if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return oid;
}

std::optional<Column> column_from(const json::value& value) {
    const json::array* fields = value.if_array();
    if (fields == nullptr || fields->size() != 9) return std::nullopt;
    const json::array& f = *fields;
    if (!f[0].is_string() || !f[1].is_string()) return std::nullopt;
    for (std::size_t i = 2; i < 6; ++i) {
        if (!f[i].is_bool()) return std::nullopt;
    }
    const std::optional<KeyType> key_type = key_type_from(f[6]);
    if (!key_type || !f[7].is_bool()) return std::nullopt;
    if (!f[8].is_string() && !f[8].is_null()) return std::nullopt;

    Column column;
    column.name = f[0].get_string();
    column.type = f[1].get_string();
    column.nullable = f[2].get_bool();
    column.is_json = f[3].get_bool();
    column.is_tsvector = f[4].get_bool();
    column.generated = f[5].get_bool();
    column.key_type = *key_type;
    column.input_reads_clock = f[7].get_bool();
    if (f[8].is_string()) column.default_sql = std::string{f[8].get_string()};
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
    std::vector<std::uint32_t> reads{};
    bool needs_primary = false;
    bool reads_materialized = false;
    bool reads_claims = false;
    std::optional<std::string> why_not_cacheable{};
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
        std::optional<std::vector<std::uint32_t>> reads = oids_from(cells.list());
        cells.expect(reads.has_value(), "is not a list of oids");
        traits.needs_primary = cells.boolean();
        traits.reads_materialized = cells.boolean();
        traits.reads_claims = cells.boolean();
        traits.why_not_cacheable = cells.optional_text();
        if (cells.problem()) return fail(*cells.problem());
        traits.reads = std::move(*reads);
        by_oid.traits.emplace(std::move(oid), std::move(traits));
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

void take_traits(const Traits& traits, Relation& relation) {
    relation.row_security = traits.row_security;
    relation.has_volatile_parts = traits.has_volatile_parts;
    relation.reads = traits.reads;
    relation.needs_primary = traits.needs_primary;
    relation.reads_materialized = traits.reads_materialized;
    relation.reads_claims = traits.reads_claims;
    relation.why_not_cacheable = traits.why_not_cacheable.value_or(std::string{});
    relation.cacheability =
        relation.why_not_cacheable.empty() ? Cacheability::yes : Cacheability::no;
}

// Empty unless every column of the primary key is there and has a canonical text.
std::vector<std::size_t> row_key_of(const Relation& relation) {
    std::vector<std::size_t> key;
    for (const std::string& name : relation.primary_key) {
        const Column* column = relation.column(name);
        if (column == nullptr || column->key_type == KeyType::other) return {};
        key.push_back(static_cast<std::size_t>(column - relation.columns.data()));
    }
    return key;
}

Result<Relation> decode_relation(const TableRow& row, const ByOid& by_oid) {
    Cells cells{"relations", row};
    Relation relation;
    const std::string oid = cells.text();
    const std::optional<std::uint32_t> number = oid_from(oid);
    cells.expect(number.has_value(), "is not an oid");
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
    // Or policies that look at rows: an answer about one of them may depend on others of the table.
    const bool more_than_its_row = cells.boolean();
    if (cells.problem()) return fail(*cells.problem());

    relation.kind = *kind;
    relation.primary_key = std::move(*primary_key);
    relation.oid = *number;
    // One snapshot gives both lists, so traits are always found; without them the worst of the
    // relation would be believed.
    if (const auto found = by_oid.traits.find(oid); found != by_oid.traits.end()) {
        take_traits(found->second, relation);
    } else {
        relation.row_security = true;
        relation.has_volatile_parts = true;
    }
    if (relation.kind == RelationKind::table && !more_than_its_row) {
        relation.row_key = row_key_of(relation);
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

// FNV-1a, whose high bits alone are good enough to be added up: mixed once more at the end.
class Hash {
 public:
    void add(std::string_view bytes) {
        for (const char c : bytes) {
            value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
        }
    }

    void add(std::uint64_t number) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            value_ = (value_ ^ ((number >> shift) & 0xFFU)) * 0x100000001b3ULL;
        }
    }

    std::uint64_t value() const {
        std::uint64_t mixed = value_;
        mixed = (mixed ^ (mixed >> 33U)) * 0xff51afd7ed558ccdULL;
        mixed = (mixed ^ (mixed >> 33U)) * 0xc4ceb9fe1a85ec53ULL;
        return mixed ^ (mixed >> 33U);
    }

 private:
    std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

// The rows' hashes are added, so that their order does not count; lengths keep cells apart.
std::uint64_t fingerprint_of(const CatalogueTables& tables) {
    std::uint64_t sum = 0;
    std::uint64_t which = 0;
    for (const Table* table : {&tables.missing_schemas, &tables.relations, &tables.traits,
                               &tables.view_keys, &tables.functions, &tables.roles}) {
        ++which;
        for (const TableRow& row : *table) {
            Hash hash;
            hash.add(which);
            for (const std::optional<std::string_view>& cell : row) {
                hash.add(cell ? cell->size() : ~std::uint64_t{0});
                if (cell) hash.add(*cell);
            }
            sum += hash.value();
        }
    }
    return sum;
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
    loaded.catalogue = std::make_shared<const Catalogue>(
        std::move(*relations), std::move(*functions), std::move(*roles), fingerprint_of(tables));
    return loaded;
}

}  // namespace lintas::schema
