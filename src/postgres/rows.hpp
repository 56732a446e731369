#pragma once
// One statement's result. Owns the PGresult, so its bytes can go to a socket without being copied.

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

struct pg_result;

namespace lintas::postgres {

class Rows {
 public:
    explicit Rows(pg_result* result);  // takes ownership; never null

    std::size_t rows() const;
    std::size_t columns() const;
    /// nullopt is SQL NULL. The view lives as long as keep(). `row` and `column` are in range.
    std::optional<std::string_view> at(std::size_t row, std::size_t column) const;
    /// Rows that an INSERT, UPDATE, DELETE touched; 0 for other commands.
    std::size_t affected() const;
    std::shared_ptr<const void> keep() const { return result_; }

 private:
    std::shared_ptr<pg_result> result_;
};

}  // namespace lintas::postgres
