#pragma once
// SQL text and its parameters: what sql/ makes and postgres/ sends.

#include <optional>
#include <string>
#include <vector>

namespace lintas {

/// Parameters travel as text and without a type, so PostgreSQL infers the column's type
/// (PostgreSQL 15 manual, PQsendQueryParams, paramTypes = NULL). nullopt is SQL NULL.
/// A value never changes `text`: prepared statements are keyed by it.
struct Statement {
    std::string text;
    std::vector<std::optional<std::string>> params{};
};

}  // namespace lintas
