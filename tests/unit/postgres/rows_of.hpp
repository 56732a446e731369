#pragma once
// Results made by hand: tests of what reads them need no server.

#include <libpq-fe.h>

#include <optional>
#include <string>
#include <vector>

#include "postgres/rows.hpp"

namespace lintas::postgres::test {

using Cell = std::optional<std::string>;
using Values = std::vector<std::vector<Cell>>;

/// As libpq would have it: every value is text.
inline Rows rows_of(std::size_t columns, const Values& values) {
    PGresult* result = PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < columns; ++i) names.push_back("c" + std::to_string(i));
    std::vector<PGresAttDesc> described(columns);
    for (std::size_t i = 0; i < columns; ++i) {
        described[i] = PGresAttDesc{names[i].data(), 0, 0, 0, 25, -1, -1};
    }
    PQsetResultAttrs(result, static_cast<int>(columns), described.data());
    for (std::size_t row = 0; row < values.size(); ++row) {
        for (std::size_t column = 0; column < columns; ++column) {
            Cell cell = values[row][column];
            PQsetvalue(result, static_cast<int>(row), static_cast<int>(column),
                       cell ? cell->data() : nullptr, cell ? static_cast<int>(cell->size()) : -1);
        }
    }
    return Rows{result};
}

}  // namespace lintas::postgres::test
