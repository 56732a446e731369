#pragma once
// Rows of the catalogue queries → values; apart from the connection, so that a test can write the
// rows.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "schema/catalogue.hpp"

namespace lintas::schema {

/// One result as text, NULL as nullopt; the bytes belong to whoever made the table.
using TableRow = std::vector<std::optional<std::string_view>>;
using Table = std::vector<TableRow>;

/// The results of the queries of the same names in queries.hpp.
struct CatalogueTables {
    Table missing_schemas{};
    Table relations{};
    Table traits{};
    Table view_keys{};
    Table functions{};
    Table roles{};
};

struct Loaded {
    Snapshot catalogue;                          // never null
    std::vector<std::string> missing_schemas{};  // exposed, but not in the database
};

/// Errors: internal, naming query and column, for rows that the queries cannot have returned.
Result<Loaded> decode(const CatalogueTables& tables);

}  // namespace lintas::schema
