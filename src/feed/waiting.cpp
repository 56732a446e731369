#include "feed/waiting.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "postgres/rows.hpp"

namespace lintas::feed {

std::string text_of(const Error& error) {
    std::string text = error.message;
    if (!error.sqlstate.empty()) text += fmt::format(" (SQLSTATE {})", error.sqlstate);
    if (!error.details.empty()) text += fmt::format(": {}", error.details);
    std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, ' ');
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
}

Result<void> check(const Result<postgres::UnitResults>& unit) {
    if (!unit) return fail(unit.error());
    for (const Result<postgres::Rows>& result : *unit) {
        if (!result) return fail(result.error());
    }
    return {};
}

}  // namespace lintas::feed
