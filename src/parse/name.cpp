#include <array>
#include <charconv>

#include "parse/grammar.hpp"
#include "parse/utf8.hpp"

namespace lintas::parse {

namespace {

constexpr std::array<bool, 128> identifier_bytes() {
    std::array<bool, 128> table{};
    for (std::size_t c = 'a'; c <= 'z'; ++c) table[c] = true;
    for (std::size_t c = 'A'; c <= 'Z'; ++c) table[c] = true;
    for (std::size_t c = '0'; c <= '9'; ++c) table[c] = true;
    for (const char c : {'_', ' ', '$'}) table[static_cast<std::size_t>(c)] = true;
    return table;
}

constexpr std::array<bool, 128> kIdentifier = identifier_bytes();

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

void skip_identifier(Cursor& cursor) {
    while (!cursor.at_end()) {
        const auto byte = static_cast<unsigned char>(cursor.peek());
        if (byte < 0x80) {
            if (!kIdentifier[byte]) return;
            cursor.advance(1);
        } else {
            const CodePoint c = code_point_at(cursor.text(), cursor.pos());
            if (!is_letter_beyond_ascii(c.value)) return;
            cursor.advance(c.bytes);
        }
    }
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

// A '-' joins, unless it begins -> or ->>.
bool at_joining_dash(const Cursor& cursor) {
    return cursor.peek() == '-' && cursor.peek(1) != '>';
}

bool at_key_end(const Cursor& cursor) {
    switch (cursor.peek()) {
        case '(':
        case '-':
        case ':':
        case '.':
        case ',':
        case '>':
        case ')':
            return true;
        default:
            return cursor.at_end();
    }
}

// An index counts as one only in front of -> :: . , or the end; else, and beyond 64 bits, the same
// text is a key.
bool parse_json_index(Cursor& cursor, std::int64_t& out) {
    const std::size_t start = cursor.pos();
    const bool negative = cursor.take('-');
    if (!is_digit(cursor.peek())) {
        return negative ? cursor.miss({"digit"}) : cursor.miss({"\"-\"", "digit"});
    }
    while (is_digit(cursor.peek())) cursor.advance(1);
    const std::string_view rest = cursor.rest();
    if (!rest.empty() && !rest.starts_with("->") && !rest.starts_with("::") &&
        rest.front() != '.' && rest.front() != ',') {
        return cursor.miss({"digit", "\"->\"", "\"::\"", "\".\"", "\",\"", "end of input"});
    }
    const std::string_view digits = cursor.since(start);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc{} && end == digits.data() + digits.size();
}

bool parse_json_key(Cursor& cursor, std::string& out) {
    if (cursor.take('"')) return parse_quoted(cursor, out);
    const std::size_t start = cursor.pos();
    while (true) {
        const std::size_t run = cursor.pos();
        while (!at_key_end(cursor)) cursor.advance(1);
        if (cursor.pos() == run) {
            return cursor.miss({"any non reserved character different from: .,>()"});
        }
        if (!at_joining_dash(cursor)) break;
        cursor.advance(1);
    }
    out = trimmed(cursor.since(start));
    if (out.empty()) {
        return cursor.miss_at(start, {"any non reserved character different from: .,>()"});
    }
    return true;
}

}  // namespace

bool parse_quoted(Cursor& cursor, std::string& out) {
    out.clear();
    while (!cursor.at_end()) {
        char c = cursor.peek();
        cursor.advance(1);
        if (c == '"') return true;
        if (c == '\\') {
            if (cursor.at_end()) break;
            c = cursor.peek();
            cursor.advance(1);
        }
        out += c;  // the bytes behind an escaped lead byte follow as ordinary ones
    }
    return cursor.miss({"\"\\\\\"", "\"\\\"\""});
}

bool parse_identifier(Cursor& cursor, std::string& out) {
    const std::size_t start = cursor.pos();
    skip_identifier(cursor);
    out = trimmed(cursor.since(start));
    return !out.empty() || cursor.miss({"letter", "digit"});
}

bool parse_name(Cursor& cursor, std::string& out) {
    constexpr std::string_view kFieldName = "field name (* or [a..z0..9_$])";
    const std::size_t start = cursor.pos();
    if (cursor.take('"')) {
        if (!parse_quoted(cursor, out)) return false;
        return !out.empty() || cursor.miss_at(start, {kFieldName});  // no column is called ""
    }
    while (true) {
        const std::size_t run = cursor.pos();
        skip_identifier(cursor);
        if (cursor.pos() == run) {
            if (run == start) return cursor.miss({kFieldName});
            return cursor.miss({"letter", "digit"});
        }
        if (!at_joining_dash(cursor)) break;
        cursor.advance(1);
    }
    out = trimmed(cursor.since(start));
    return !out.empty() || cursor.miss({kFieldName});
}

bool parse_json_path(Cursor& cursor, std::vector<JsonStep>& out) {
    while (cursor.take("->")) {
        JsonStep step;
        step.as_text = cursor.take('>');
        const std::size_t start = cursor.pos();
        if (std::int64_t index = 0; parse_json_index(cursor, index)) {
            step.key = index;
        } else {
            cursor.seek(start);
            if (!parse_json_key(cursor, step.key.emplace<std::string>())) return false;
        }
        out.push_back(std::move(step));
    }
    return true;
}

bool parse_field(Cursor& cursor, Field& out) {
    cursor.skip_blanks();
    if (!parse_name(cursor, out.column)) return false;
    if (!parse_json_path(cursor, out.path)) return false;
    cursor.skip_blanks();
    return true;
}

bool parse_names(Cursor& cursor, std::vector<std::string>& out) {
    do {
        cursor.skip_blanks();
        if (!parse_name(cursor, out.emplace_back())) return false;
        cursor.skip_blanks();
    } while (cursor.take(','));
    return cursor.at_end() || cursor.miss({"letter", "digit", "\"-\"", "\",\"", "end of input"});
}

bool parse_key_names(Cursor& cursor, std::vector<std::string>& out) {
    do {
        if (!parse_name(cursor, out.emplace_back())) return false;
    } while (cursor.take('.'));
    return cursor.at_end() || cursor.miss({"letter", "digit", "\"-\"", "delimiter (.)"});
}

bool parse_filter_key(Cursor& cursor, std::vector<std::string>& embeds, Field& out) {
    if (!parse_name(cursor, out.column)) return false;
    while (cursor.take('.')) {
        embeds.push_back(std::move(out.column));
        if (!parse_name(cursor, out.column)) return false;
    }
    if (!parse_json_path(cursor, out.path)) return false;
    cursor.skip_blanks();
    return cursor.at_end() || cursor.miss({"letter", "digit", "\"-\"", "\"->>\"", "\"->\"",
                                           "delimiter (.)", "end of input"});
}

}  // namespace lintas::parse
