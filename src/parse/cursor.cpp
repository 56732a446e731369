#include "parse/cursor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "parse/utf8.hpp"

namespace lintas::parse {

namespace {

struct Place {
    std::size_t line = 1;
    std::size_t column = 1;
};

// Counts as the dialect's reference does: characters, and a tab goes to the next multiple of eight.
Place place_of(std::string_view text, std::size_t at, std::size_t column_shift) {
    Place place{1, 1 + column_shift};
    for (std::size_t i = 0; i < at && i < text.size();) {
        const char c = text[i];
        if (c == '\n') {
            ++place.line;
            place.column = 1;
        } else if (c == '\t') {
            place.column += 8 - (place.column - 1) % 8;
        } else {
            ++place.column;
        }
        i += code_point_at(text, i).bytes;
    }
    return place;
}

std::string listed(std::span<const std::string_view> words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
        out += words[i];
    }
    return out;
}

}  // namespace

bool Cursor::miss_at(std::size_t at, std::initializer_list<std::string_view> expecting) {
    return miss_word(at, at, expecting);
}

bool Cursor::miss_word(std::size_t at, std::size_t unexpected_at,
                       std::initializer_list<std::string_view> expecting) {
    if (expecting_count_ > 0 && at < failed_at_) return false;
    if (expecting_count_ == 0 || at > failed_at_) {
        failed_at_ = at;
        unexpected_at_ = unexpected_at;
        expecting_count_ = 0;
    }
    for (const std::string_view word : expecting) {
        const auto known = std::span{expecting_}.first(expecting_count_);
        if (expecting_count_ == expecting_.size()) break;
        if (std::ranges::find(known, word) == known.end()) expecting_[expecting_count_++] = word;
    }
    return false;
}

Error Cursor::syntax_error(std::string_view what, std::string_view shown) const {
    const Place place = place_of(text_, failed_at_, column_shift_);
    std::string unexpected = "end of input";
    if (unexpected_at_ < text_.size()) {
        const CodePoint c = code_point_at(text_, unexpected_at_);
        unexpected = fmt::format("\"{}\"", text_.substr(unexpected_at_, c.bytes));
    }
    Error error;
    error.code = Errc::query_syntax;
    error.message = fmt::format("\"failed to parse {} ({})\" (line {}, column {})", what, shown,
                                place.line, place.column);
    error.details = fmt::format("unexpected {} expecting {}", unexpected,
                                listed(std::span{expecting_}.first(expecting_count_)));
    return error;
}

}  // namespace lintas::parse
