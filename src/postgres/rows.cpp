#include "postgres/rows.hpp"

#include <libpq-fe.h>

namespace lintas::postgres {

Rows::Rows(pg_result* result) : result_(result, &PQclear) {}

std::size_t Rows::rows() const {
    return static_cast<std::size_t>(PQntuples(result_.get()));
}

std::size_t Rows::columns() const {
    return static_cast<std::size_t>(PQnfields(result_.get()));
}

std::optional<std::string_view> Rows::at(std::size_t row, std::size_t column) const {
    const int r = static_cast<int>(row);
    const int c = static_cast<int>(column);
    if (PQgetisnull(result_.get(), r, c)) return std::nullopt;
    return std::string_view{PQgetvalue(result_.get(), r, c),
                            static_cast<std::size_t>(PQgetlength(result_.get(), r, c))};
}

std::size_t Rows::affected() const {
    const std::string_view text{PQcmdTuples(result_.get())};
    std::size_t count = 0;
    for (const char c : text) count = count * 10 + static_cast<std::size_t>(c - '0');
    return count;
}

}  // namespace lintas::postgres
