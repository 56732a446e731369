#pragma once
// The one row that every main statement answers with: MainColumn, in its order (DIALECT 1.9).

#include <string>
#include <string_view>

#include "parse/request.hpp"

namespace lintas::sql {

struct MainParts {
    std::string_view source{};  // the CTE `src` of a write; empty for a read
    std::string_view rows{};    // SELECT of the rows that are answered with; empty: those of `src`
    std::string_view total{"NULL"};
    std::string_view location{"NULL"};
    std::string_view inserted{"NULL"};
    bool with_body = false;  // false (HEAD, minimal): the body is ''
    parse::Media media = parse::Media::json;
};

std::string main_statement(const MainParts& parts);

}  // namespace lintas::sql
