#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <map>
#include <string>
#include <vector>

#include "parse/body.hpp"

namespace lintas::parse {

namespace {

namespace json = boost::json;
using boost::system::error_code;

// Boost.JSON recurses once per level, so the stack bounds it whatever the configuration allows.
constexpr std::size_t kDepthCeiling = 512;

std::unexpected<Error> invalid_json(std::string details = {}) {
    return fail(Errc::bad_body, "Empty or invalid json", std::move(details));
}

std::unexpected<Error> too_deep(std::size_t max_depth) {
    return fail(Errc::too_complex, "The request is too complex",
                fmt::format("limits.nesting: the body has more than {} levels", max_depth));
}

bool is_json_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool begins_object(std::string_view body) {
    const auto first = std::ranges::find_if_not(body, is_json_blank);
    return first != body.end() && *first == '{';
}

// The keys of the first row, and whether every later row has the same set of them.
class RowKeys {
 public:
    void begin_row() {
        ++row_;
        next_ = 0;
        distinct_ = 0;
    }

    void key(std::string_view name) {
        if (!uniform_ || too_many_) return;
        // Rows made by one program have their keys in one order.
        if (next_ < keys_.size() && keys_[next_] == name) {
            see(next_);
            return;
        }
        const std::size_t index = find(name);
        if (index < keys_.size()) {
            see(index);
        } else if (row_ == 1 && keys_.size() == kColumnsMax) {
            too_many_ = true;
        } else if (row_ == 1) {
            keys_.emplace_back(name);
            seen_.push_back(0);
            if (!index_.empty()) index_.emplace(name, keys_.size() - 1);
            see(keys_.size() - 1);
        } else {
            uniform_ = false;
        }
    }

    void end_row() { uniform_ = uniform_ && distinct_ == keys_.size(); }
    void not_an_object() { uniform_ = false; }

    bool uniform() const { return uniform_; }
    bool too_many() const { return too_many_; }
    std::size_t rows() const { return row_; }
    std::vector<std::string> take_keys() { return std::move(keys_); }

 private:
    static constexpr std::size_t kFewKeys = 16;

    std::size_t find(std::string_view name) {
        if (keys_.size() <= kFewKeys) {
            return static_cast<std::size_t>(std::ranges::find(keys_, name) - keys_.begin());
        }
        // A tree, not a hash table: the names are the client's, and so would be the collisions.
        if (index_.empty()) {
            for (std::size_t i = 0; i < keys_.size(); ++i) index_.emplace(keys_[i], i);
        }
        const auto found = index_.find(name);
        return found == index_.end() ? keys_.size() : found->second;
    }

    void see(std::size_t index) {
        next_ = index + 1;
        if (seen_[index] == row_) return;
        seen_[index] = row_;
        ++distinct_;
    }

    std::vector<std::string> keys_{};
    std::vector<std::size_t> seen_{};  // the last row that had it
    std::map<std::string, std::size_t, std::less<>> index_{};
    std::size_t row_ = 0;
    std::size_t next_ = 0;
    std::size_t distinct_ = 0;
    bool uniform_ = true;
    bool too_many_ = false;
};

// The events of Boost.JSON's parser; names and signatures are its own.
struct Handler {
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    enum class Top { scalar, object, array };

    RowKeys rows{};
    Top top = Top::scalar;
    std::size_t depth = 0;
    bool in_row = false;
    bool nul_in_key = false;
    std::string key{};  // what came of it so far; escapes split keys

    std::size_t row_depth() const { return top == Top::object ? 1 : 2; }
    bool scalar() {
        if (depth == 1 && top == Top::array) rows.not_an_object();
        return true;
    }

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }

    bool on_object_begin(error_code&) {
        if (depth == 0) top = Top::object;
        ++depth;
        if (depth == row_depth()) {
            in_row = true;
            rows.begin_row();
        }
        return true;
    }
    bool on_object_end(std::size_t, error_code&) {
        if (in_row && depth == row_depth()) {
            rows.end_row();
            in_row = false;
        }
        --depth;
        return true;
    }
    bool on_array_begin(error_code&) {
        if (depth == 0) top = Top::array;
        scalar();  // an array is no row either
        ++depth;
        return true;
    }
    bool on_array_end(std::size_t, error_code&) {
        --depth;
        return true;
    }
    bool on_key_part(json::string_view part, std::size_t, error_code&) {
        if (in_row && depth == row_depth()) key.append(part.data(), part.size());
        return true;
    }
    bool on_key(json::string_view part, std::size_t, error_code&) {
        if (!in_row || depth != row_depth()) return true;
        std::string_view name{part.data(), part.size()};
        if (!key.empty()) {
            key.append(name);
            name = key;
        }
        nul_in_key = nul_in_key || name.find('\0') != std::string_view::npos;
        rows.key(name);
        key.clear();
        return true;
    }
    bool on_string_part(json::string_view, std::size_t, error_code&) { return true; }
    bool on_string(json::string_view, std::size_t, error_code&) { return scalar(); }
    bool on_number_part(json::string_view, error_code&) { return true; }
    bool on_int64(std::int64_t, json::string_view, error_code&) { return scalar(); }
    bool on_uint64(std::uint64_t, json::string_view, error_code&) { return scalar(); }
    bool on_double(double, json::string_view, error_code&) { return scalar(); }
    bool on_bool(bool, error_code&) { return scalar(); }
    bool on_null(error_code&) { return scalar(); }
    bool on_comment_part(json::string_view, error_code&) { return true; }
    bool on_comment(json::string_view, error_code&) { return true; }
};

// Whether brackets outside of strings nest deeper than `max_depth`; the text need not be JSON.
bool nests_deeper(std::string_view body, std::size_t max_depth) {
    std::size_t depth = 0;
    bool quoted = false;
    for (std::size_t at = 0; at < body.size(); ++at) {
        const char c = body[at];
        if (quoted) {
            if (c == '\\') ++at;
            if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > max_depth) return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return false;
}

}  // namespace

Result<Payload> payload_from_json(std::string_view body, std::size_t max_depth) {
    json::parse_options options;
    options.max_depth = std::min(max_depth, kDepthCeiling);
    json::basic_parser<Handler> parser{options};
    error_code error;
    const std::size_t read = parser.write_some(false, body.data(), body.size(), error);
    if (error == json::error::too_deep) return too_deep(options.max_depth);
    if (error || read != body.size()) return invalid_json();
    Handler& seen = parser.handler();
    if (seen.nul_in_key) return invalid_json("an object key contains the character U+0000");

    Payload payload;
    payload.keys_known = true;
    if (seen.top == Handler::Top::scalar) {  // counts as an empty array
        payload.json = "[]";
        return payload;
    }
    if (seen.rows.too_many()) {
        return fail(Errc::bad_body, fmt::format("An object has more than {} keys", kColumnsMax));
    }
    if (!seen.rows.uniform()) return fail(Errc::bad_body, "All object keys must match");
    payload.json = body;
    payload.is_object = seen.top == Handler::Top::object;
    payload.rows = seen.rows.rows();
    payload.keys = seen.rows.take_keys();
    return payload;
}

Result<Payload> payload_from_unparsed_json(std::string_view body, std::size_t max_depth) {
    const std::size_t limit = std::min(max_depth, kDepthCeiling);
    if (body.find('\0') != std::string_view::npos)
        return invalid_json("the body contains a NUL byte");
    if (nests_deeper(body, limit)) return too_deep(limit);
    Payload payload;
    payload.json = body;
    payload.is_object = begins_object(body);
    return payload;
}

}  // namespace lintas::parse
