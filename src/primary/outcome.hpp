#pragma once
// What the database answered, before it becomes HTTP: respond/ makes the reply from it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/http_message.hpp"

namespace lintas::primary {

struct Outcome {
    std::int64_t page = 0;                // rows returned or affected
    std::optional<std::int64_t> total{};  // with a count preference
    Body body{};                          // points into the PGresult that it keeps
    std::vector<std::optional<std::string>>
        key_values{};                       // headers-only with exactly one row: the
                                            // primary key's values as text, in key order
    std::string response_headers{};         // response.headers as set by SQL, empty if not
    std::string response_status{};          // response.status as set by SQL, empty if not
    bool any_inserted = true;               // upserts: at least one row was inserted
    std::optional<std::int64_t> planned{};  // from EXPLAIN
};

}  // namespace lintas::primary
