#include "respond/raise.hpp"

#include <boost/json.hpp>

#include "respond/fields.hpp"

namespace lintas::respond {

namespace {

namespace json = boost::json;

std::unexpected<Error> unreadable(std::string details, std::string hint) {
    return fail(Errc::bad_raise, "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error",
                std::move(details), std::move(hint));
}

std::unexpected<Error> bad_message(const Error& error) {
    return unreadable("Invalid JSON value for MESSAGE: '" + error.message + "'",
                      "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and "
                      "optional keys: 'details', 'hint'.");
}

std::unexpected<Error> bad_detail(const Error& error) {
    return unreadable(error.details.empty()
                          ? std::string{"DETAIL is missing in the RAISE statement"}
                          : "Invalid JSON value for DETAIL: '" + error.details + "'",
                      "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and "
                      "optional key: 'status_text'.");
}

std::string text_of(const json::string& text) {
    return {text.data(), text.size()};
}

// False: there, but neither a string nor null.
bool read_optional(const json::object& object, std::string_view key,
                   std::optional<std::string>& out) {
    const json::value* value = object.if_contains(json::string_view{key.data(), key.size()});
    if (value == nullptr || value->is_null()) return true;
    if (!value->is_string()) return false;
    out = text_of(value->get_string());
    return true;
}

bool read_message(const json::object& object, Raised& raised) {
    std::optional<std::string> code;
    std::optional<std::string> message;
    if (!read_optional(object, "code", code) || !read_optional(object, "message", message) ||
        !read_optional(object, "details", raised.details) ||
        !read_optional(object, "hint", raised.hint) || !code || !message) {
        return false;
    }
    raised.code = std::move(*code);
    raised.message = std::move(*message);
    return true;
}

bool read_detail(const json::object& object, Raised& raised) {
    const json::value* status = object.if_contains("status");
    const json::value* headers = object.if_contains("headers");
    if (status == nullptr || !status->is_int64() || headers == nullptr || !headers->is_object()) {
        return false;
    }
    if (status->get_int64() < 200 || status->get_int64() > 599) return false;
    raised.status = static_cast<int>(status->get_int64());
    for (const auto& pair : headers->get_object()) {
        if (!pair.value().is_string()) return false;
        std::string name{pair.key().data(), pair.key().size()};
        std::string value = text_of(pair.value().get_string());
        if (!is_token(name) || !is_field_value(value) || belongs_to_server(name)) return false;
        raised.headers.emplace_back(std::move(name), std::move(value));
    }
    return true;
}

}  // namespace

Result<Raised> raised_from_error(const Error& error) {
    Raised raised;
    boost::system::error_code ec;
    const json::value message = json::parse(error.message, ec);
    if (ec || !message.is_object() || !read_message(message.get_object(), raised)) {
        return bad_message(error);
    }
    if (error.details.empty()) return bad_detail(error);
    const json::value detail = json::parse(error.details, ec);
    if (ec || !detail.is_object() || !read_detail(detail.get_object(), raised)) {
        return bad_detail(error);
    }
    return raised;
}

}  // namespace lintas::respond
