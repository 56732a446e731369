#include "auth/json_members.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include "base/assert.hpp"

namespace lintas::auth {

namespace {

/// Walks over text that is known to be valid JSON.
class Cursor {
 public:
    explicit Cursor(std::string_view text) : rest_(text) { skip_blanks(); }

    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        skip_blanks();
        return true;
    }

    std::string_view value() {
        LINTAS_ASSERT(!rest_.empty());
        const std::size_t length = value_length();
        const std::string_view value = rest_.substr(0, length);
        rest_.remove_prefix(length);
        skip_blanks();
        return value;
    }

 private:
    void skip_blanks() {
        const std::size_t start = rest_.find_first_not_of(" \t\r\n");
        rest_.remove_prefix(std::min(start, rest_.size()));
    }

    /// Valid JSON lets a value end be found by counting brackets outside strings.
    std::size_t value_length() const {
        if (rest_.front() == '"') return string_length(0);
        if (rest_.front() != '{' && rest_.front() != '[') {
            return std::min(rest_.find_first_of(",]} \t\r\n"), rest_.size());
        }
        std::size_t depth = 0;
        for (std::size_t i = 0; i < rest_.size(); ++i) {
            const char c = rest_[i];
            if (c == '"') i += string_length(i) - 1;
            if (c == '{' || c == '[') ++depth;
            if ((c == '}' || c == ']') && --depth == 0) return i + 1;
        }
        return rest_.size();
    }

    std::size_t string_length(std::size_t from) const {
        std::size_t i = from + 1;
        while (i < rest_.size() && rest_[i] != '"') i += rest_[i] == '\\' ? 2 : 1;
        return std::min(i + 1, rest_.size()) - from;
    }

    std::string_view rest_;
};

std::string decoded(std::string_view string) {
    if (string.find('\\') == std::string_view::npos) {
        return std::string{string.substr(1, string.size() - 2)};
    }
    const std::optional<boost::json::value> value = parse_json(string);
    LINTAS_ASSERT(value && value->is_string());
    return std::string{value->get_string()};
}

}  // namespace

std::optional<boost::json::value> parse_json(std::string_view text) {
    boost::json::error_code error;
    boost::json::parse_options options;
    options.max_depth = kJsonDepthMax;
    boost::json::value value = boost::json::parse({text.data(), text.size()}, error, {}, options);
    if (error) return std::nullopt;
    return value;
}

std::vector<Member> members_of(std::string_view text) {
    std::vector<Member> members;
    Cursor cursor{text};
    const bool object = cursor.take('{');
    LINTAS_ASSERT(object);
    while (!cursor.take('}')) {
        std::string name = decoded(cursor.value());
        cursor.take(':');
        members.push_back({std::move(name), cursor.value()});
        cursor.take(',');
    }
    return members;
}

std::vector<std::string_view> elements_of(std::string_view text) {
    std::vector<std::string_view> elements;
    Cursor cursor{text};
    const bool array = cursor.take('[');
    LINTAS_ASSERT(array);
    while (!cursor.take(']')) {
        elements.push_back(cursor.value());
        cursor.take(',');
    }
    return elements;
}

bool has_duplicate_names(std::string_view text) {
    const std::size_t start = text.find_first_of("{[\"-0123456789tfn");
    if (start == std::string_view::npos) return false;
    if (text[start] == '[') return std::ranges::any_of(elements_of(text), has_duplicate_names);
    if (text[start] != '{') return false;
    std::vector<Member> members = members_of(text);
    if (std::ranges::any_of(members,
                            [](const Member& m) { return has_duplicate_names(m.value); })) {
        return true;
    }
    std::ranges::sort(members, {}, &Member::name);
    return std::ranges::adjacent_find(members, {}, &Member::name) != members.end();
}

std::string json_quoted(std::string_view text) {
    return boost::json::serialize(boost::json::string_view{text.data(), text.size()});
}

}  // namespace lintas::auth
