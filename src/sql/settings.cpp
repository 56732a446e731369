#include <utility>
#include <vector>

#include "base/json_text.hpp"
#include "parse/utf8.hpp"
#include "sql/parameters.hpp"
#include "sql/quote.hpp"
#include "sql/statements.hpp"

namespace lintas::sql {

namespace {

// One SELECT of transaction-local set_config() calls; PostgreSQL evaluates them from left to right.
class SettingCalls {
 public:
    void set(std::string_view name, std::string value) {
        begin();
        statement_ += '\'';
        statement_ += name;
        statement_ += "', ";
        params_.bind(statement_, std::move(value));
        statement_ += ", true)";
    }

    void set_by_parameter(const std::string& name, const std::string& value) {
        begin();
        params_.bind(statement_, name);
        statement_ += ", ";
        params_.bind(statement_, value);
        statement_ += ", true)";
    }

    /// For values that are words of our own.
    void set_constant(std::string_view name, std::string_view value) {
        begin();
        statement_ += '\'';
        statement_ += name;
        statement_ += "', '";
        statement_ += value;
        statement_ += "', true)";
    }

    /// For SQL of our own; sees what was set to the left of it.
    void set_expression(std::string_view name, std::string_view sql) {
        begin();
        statement_ += '\'';
        statement_ += name;
        statement_ += "', ";
        statement_ += sql;
        statement_ += ", true)";
    }

    Statement take() && { return {std::move(statement_), std::move(params_).take()}; }

 private:
    void begin() { statement_ += statement_.empty() ? "SELECT set_config(" : ", set_config("; }

    std::string statement_{};
    Parameters params_{};
};

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view name) {
    std::string result{name};
    for (char& c : result) c = lower(c);
    return result;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string json_object(const Pairs& pairs) {
    std::string json = "{";
    for (const auto& [name, value] : pairs) {
        if (json.size() > 1) json += ',';
        append_json_string(json, name);
        json += ':';
        append_json_string(json, value);
    }
    json += '}';
    return json;
}

// Lines of one name are one list, as RFC 9110 section 5.3 joins them. Cookies have their own
// setting.
std::string headers_json(const RawRequest& raw) {
    Pairs pairs;
    pairs.reserve(raw.headers.size());
    for (const HeaderView& header : raw.headers) {
        if (header_name_equal(header.name, "cookie")) continue;
        bool joined = false;
        for (auto& [name, value] : pairs) {
            if (!header_name_equal(name, header.name)) continue;
            value += ", ";
            value += header.value;
            joined = true;
            break;
        }
        if (!joined) pairs.emplace_back(lower(header.name), std::string{header.value});
    }
    return json_object(pairs);
}

void add_cookies(Pairs& pairs, std::string_view line) {
    while (!line.empty()) {
        const std::size_t end = line.find(';');
        const std::string_view cookie = trimmed(line.substr(0, end));
        line = end == std::string_view::npos ? std::string_view{} : line.substr(end + 1);
        if (cookie.empty()) continue;
        const std::size_t equals = cookie.find('=');
        const std::string_view name = cookie.substr(0, equals);
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view{} : cookie.substr(equals + 1);
        bool replaced = false;
        for (auto& pair : pairs) {
            if (pair.first != name) continue;
            pair.second = value;
            replaced = true;
        }
        if (!replaced) pairs.emplace_back(name, value);
    }
}

std::string cookies_json(const RawRequest& raw) {
    Pairs pairs;
    for (const HeaderView& header : raw.headers) {
        if (header_name_equal(header.name, "cookie")) add_cookies(pairs, header.value);
    }
    return json_object(pairs);
}

std::string search_path(const SettingsInput& input) {
    std::string path = quoted_identifier(input.schema);
    for (const std::string& schema : input.extra_search_path) {
        path += ", ";
        append_identifier(path, schema);
    }
    return path;
}

}  // namespace

Statement shared_settings(const SettingsInput& input, bool with_claims) {
    SettingCalls calls;
    calls.set("search_path", search_path(input));
    // The role's own settings come before the role: setting some of them takes a privilege that the
    // connection's user has and the role has not.
    if (input.role != nullptr) {
        for (const auto& [name, value] : input.role->settings) calls.set_by_parameter(name, value);
    }
    if (!input.identity.role.empty()) calls.set("role", input.identity.role);
    if (with_claims) calls.set("request.jwt.claims", input.identity.claims_json);
    if (input.prefer.timezone) calls.set("timezone", *input.prefer.timezone);
    // Whatever the role says: a commit that is acknowledged before it is in the log has no position
    // yet, and a token made for it would be too low.
    if (!input.read_only) {
        calls.set_expression("synchronous_commit",
                             "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'local' "
                             "ELSE current_setting('synchronous_commit') END");
    }
    // Last: from here on nothing may write, but everything above may still be set.
    if (input.read_only) calls.set_constant("transaction_read_only", "on");
    return std::move(calls).take();
}

Statement request_settings(const RawRequest& raw) {
    SettingCalls calls;
    calls.set("request.method", parse::printable(raw.method));
    calls.set("request.path", parse::printable(raw.target.substr(0, raw.target.find('?'))));
    calls.set("request.headers", headers_json(raw));
    calls.set("request.cookies", cookies_json(raw));
    calls.set_constant("response.headers", "");
    calls.set_constant("response.status", "");
    return std::move(calls).take();
}

Statement pre_request_call(std::string_view function) {
    Statement statement;
    statement.text = "SELECT ";
    const std::size_t dot = function.find('.');
    if (dot != std::string_view::npos) {
        append_identifier(statement.text, function.substr(0, dot));
        statement.text += '.';
        function.remove_prefix(dot + 1);
    }
    append_identifier(statement.text, function);
    statement.text += "()";
    return statement;
}

}  // namespace lintas::sql
