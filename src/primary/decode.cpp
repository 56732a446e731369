#include "primary/decode.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <limits>

#include "sql/statements.hpp"

namespace lintas::primary {

namespace {

using sql::MainColumn;

std::optional<std::string_view> cell(const postgres::Rows& rows, MainColumn column) {
    return rows.at(0, static_cast<std::size_t>(column));
}

std::optional<std::int64_t> number(std::optional<std::string_view> text) {
    if (!text || text->empty()) return std::nullopt;
    std::int64_t value = 0;
    const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (ec != std::errc{} || end != text->data() + text->size()) return std::nullopt;
    return value;
}

std::vector<std::optional<std::string>> key_values(std::optional<std::string_view> location) {
    std::vector<std::optional<std::string>> values;
    if (!location) return values;
    boost::system::error_code ec;
    const boost::json::value parsed = boost::json::parse(*location, ec);
    if (ec || !parsed.is_array()) return values;
    for (const boost::json::value& value : parsed.get_array()) {
        if (value.is_string()) {
            values.emplace_back(std::string{value.get_string()});
        } else {
            values.emplace_back(std::nullopt);
        }
    }
    return values;
}

}  // namespace

Result<Outcome> decode_main_row(const postgres::Rows& rows) {
    constexpr std::size_t kColumns = static_cast<std::size_t>(MainColumn::inserted) + 1;
    if (rows.rows() != 1 || rows.columns() != kColumns) {
        return fail(Errc::internal, "the main statement did not return its one row");
    }
    Outcome outcome;
    outcome.page = number(cell(rows, MainColumn::page)).value_or(0);
    outcome.total = number(cell(rows, MainColumn::total));
    outcome.key_values = key_values(cell(rows, MainColumn::location));
    if (const auto body = cell(rows, MainColumn::body); body && !body->empty()) {
        outcome.body = Body{{*body}, rows.keep()};
    }
    outcome.response_headers = cell(rows, MainColumn::response_headers).value_or("");
    outcome.response_status = cell(rows, MainColumn::response_status).value_or("");
    if (const auto inserted = number(cell(rows, MainColumn::inserted)))
        outcome.any_inserted = *inserted > 0;
    return outcome;
}

Outcome decode_plain_rows(const postgres::Rows& rows, bool as_array, bool with_body) {
    Outcome outcome;
    outcome.page = static_cast<std::int64_t>(rows.rows());
    if (!with_body) return outcome;
    outcome.body.keep = rows.keep();
    std::vector<std::string_view>& pieces = outcome.body.pieces;
    if (as_array) pieces.push_back("[");
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        if (as_array && row > 0) pieces.push_back(", \n ");
        pieces.push_back(rows.at(row, 0).value_or(""));
    }
    if (as_array) pieces.push_back("]");
    return outcome;
}

Result<Outcome> outcome_of(const sql::Read& statements, const postgres::Rows& main,
                           const postgres::Rows* explain, ReadShape shape) {
    if (statements.plain_rows) return decode_plain_rows(main, shape.array, shape.body);
    Result<Outcome> outcome = decode_main_row(main);
    if (outcome && explain) outcome->planned = planned_rows(*explain);
    return outcome;
}

std::optional<std::int64_t> planned_rows(const postgres::Rows& rows) {
    if (rows.rows() == 0 || rows.columns() == 0) return std::nullopt;
    boost::system::error_code ec;
    const boost::json::value plan = boost::json::parse(rows.at(0, 0).value_or(""), ec);
    if (ec) return std::nullopt;
    const boost::json::value* found = plan.find_pointer("/0/Plan/Plan Rows", ec);
    if (!found || ec) return std::nullopt;
    if (found->is_int64()) return found->get_int64();
    if (found->is_uint64()) return std::numeric_limits<std::int64_t>::max();
    if (found->is_double()) {  // PostgreSQL's estimates go up to 1e100
        constexpr double kLimit = 9e18;
        return static_cast<std::int64_t>(std::clamp(found->get_double(), 0.0, kLimit));
    }
    return std::nullopt;
}

}  // namespace lintas::primary
