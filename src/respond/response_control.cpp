#include "respond/response_control.hpp"

#include <boost/json.hpp>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "respond/fields.hpp"

namespace lintas::respond {

namespace {

namespace json = boost::json;

std::unexpected<Error> bad_headers(std::string details = {}) {
    return fail(
        Errc::bad_response_headers,
        "response.headers guc must be a JSON array composed of objects with a single key and "
        "a string value",
        std::move(details));
}

Result<void> apply_headers(std::string_view text, Reply& reply) {
    boost::system::error_code ec;
    const json::value parsed = json::parse(text, ec);
    if (ec || !parsed.is_array()) return bad_headers();
    std::vector<std::pair<std::string, std::string>> added;
    for (const json::value& item : parsed.get_array()) {
        if (!item.is_object() || item.get_object().size() != 1) return bad_headers();
        const auto& pair = *item.get_object().begin();
        if (!pair.value().is_string()) return bad_headers();
        const std::string_view name{pair.key().data(), pair.key().size()};
        const std::string_view value{pair.value().get_string().data(),
                                     pair.value().get_string().size()};
        if (!is_token(name)) return bad_headers("A header name is not a token.");
        if (!is_field_value(value)) {
            return bad_headers("The value of '" + std::string{name} +
                               "' has control characters in it.");
        }
        if (belongs_to_server(name)) {
            return bad_headers("'" + std::string{name} + "' is written by the server alone.");
        }
        added.emplace_back(name, value);
    }
    for (const auto& header : added) {
        std::erase_if(reply.headers,
                      [&](const auto& h) { return header_name_equal(h.first, header.first); });
    }
    for (auto& [name, value] : added) reply.add(name, std::move(value));
    return {};
}

}  // namespace

Result<void> apply_response_control(const primary::Outcome& outcome, Reply& reply) {
    if (!outcome.response_headers.empty()) {
        if (Result<void> applied = apply_headers(outcome.response_headers, reply); !applied) {
            return applied;
        }
    }
    if (!outcome.response_status.empty()) {
        const std::string& text = outcome.response_status;
        int status = 0;
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), status);
        if (ec != std::errc{} || end != text.data() + text.size() || status < 200 || status > 599) {
            return fail(Errc::bad_response_status,
                        "response.status guc must be a valid status code");
        }
        reply.status = status;
    }
    return {};
}

}  // namespace lintas::respond
