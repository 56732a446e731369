#pragma once
// The reading position of every part of the query-string grammar, and the one place that turns a
// failure into PGRST100's text.

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace lintas::parse {

/// Walks decoded text: valid UTF-8 without NUL, so peek() answers '\0' at the end and nowhere else.
///
/// Parsers return false after miss(). Alternatives may be tried one after the other from the same
/// position; as in the dialect's reference, the failure that got furthest is the one reported, and
/// what was expected there by several alternatives is listed together.
class Cursor {
 public:
    /// `column_shift`: characters that stand before the text in what the client is told about.
    explicit Cursor(std::string_view text, std::size_t column_shift = 0)
        : text_(text), column_shift_(column_shift) {}

    bool at_end() const { return pos_ == text_.size(); }
    char peek() const { return at_end() ? '\0' : text_[pos_]; }
    char peek(std::size_t ahead) const {
        return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
    }
    std::size_t pos() const { return pos_; }
    void seek(std::size_t pos) { pos_ = pos; }
    void advance(std::size_t bytes) { pos_ += bytes; }
    std::string_view text() const { return text_; }
    std::string_view rest() const { return text_.substr(pos_); }
    std::string_view since(std::size_t start) const { return text_.substr(start, pos_ - start); }

    bool take(char c) {
        if (peek() != c || at_end()) return false;
        ++pos_;
        return true;
    }
    bool take(std::string_view word) {
        if (!rest().starts_with(word)) return false;
        pos_ += word.size();
        return true;
    }
    void skip_blanks() {
        while (peek() == ' ' || peek() == '\t') ++pos_;
    }

    /// Always false, so that a parser can `return cursor.miss({"digit"});`. The texts are literals.
    bool miss(std::initializer_list<std::string_view> expecting) {
        return miss_at(pos_, expecting);
    }
    bool miss_at(std::size_t at, std::initializer_list<std::string_view> expecting);
    /// The character called unexpected stands later than the column that is reported: a word that
    /// began well.
    bool miss_word(std::size_t at, std::size_t unexpected_at,
                   std::initializer_list<std::string_view> expecting);

    /// Takes back the failures since `earlier`, a copy of this cursor: the alternative that follows
    /// began well, so only what it misses counts.
    void forget_failures_since(const Cursor& earlier) {
        failed_at_ = earlier.failed_at_;
        unexpected_at_ = earlier.unexpected_at_;
        expecting_ = earlier.expecting_;
        expecting_count_ = earlier.expecting_count_;
    }

    /// `"failed to parse WHAT (SHOWN)" (line L, column C)` with the furthest failure as details.
    Error syntax_error(std::string_view what, std::string_view shown) const;

 private:
    std::string_view text_;
    std::size_t column_shift_;
    std::size_t pos_ = 0;

    std::size_t failed_at_ = 0;
    std::size_t unexpected_at_ = 0;
    std::array<std::string_view, 12> expecting_{};
    std::size_t expecting_count_ = 0;
};

}  // namespace lintas::parse
