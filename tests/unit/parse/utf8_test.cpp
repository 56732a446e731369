#include "parse/utf8.hpp"

#include <catch2/catch.hpp>

namespace lintas::parse {

TEST_CASE("utf8: only well-formed sequences are valid", "[unit][parse]") {
    struct Row {
        std::string_view text;
        bool valid;
    };
    const auto row = GENERATE(values<Row>({
        {"", true},
        {"plain ascii text", true},
        {"\x7F", true},
        {"\xC2\x80", true},
        {"\xDF\xBF", true},
        {"\xE0\xA0\x80", true},
        {"\xED\x9F\xBF", true},
        {"\xEE\x80\x80", true},
        {"\xF0\x90\x80\x80", true},
        {"\xF4\x8F\xBF\xBF", true},
        {"12345678\xC3\xA9", true},
        {"\x80", false},
        {"\xC0\x80", false},
        {"\xC1\xBF", false},
        {"\xC2", false},
        {"\xE0\x9F\xBF", false},
        {"\xE0\xA0", false},
        {"\xED\xA0\x80", false},
        {"\xF0\x8F\xBF\xBF", false},
        {"\xF4\x90\x80\x80", false},
        {"\xF5\x80\x80\x80", false},
        {"\xFF", false},
        {"12345678\xFF", false},
        {"1234567\xC3\xA9\xC3", false},
    }));
    CHECK(valid_utf8(row.text) == row.valid);
    CHECK(valid_utf8(printable(row.text)));
    if (row.valid) CHECK(printable(row.text) == row.text);
}

TEST_CASE("utf8: letters are letters in every script, signs are not", "[unit][parse]") {
    for (const char32_t letter : {U'\u00E9', U'\u0416', U'\u0627', U'\u0E01', U'\u4E2D', U'\uAC00',
                                  U'\u0301', U'\u093E', U'\U00020000'}) {
        CHECK(is_letter_beyond_ascii(letter));
    }
    for (const char32_t sign : {U'\u0080', U'\u00A0', U'\u00AB', U'\u00D7', U'\u200B', U'\u2026',
                                U'\u20AC', U'\u3000', U'\uFF08', U'\U0001F600', U'\U0010FFFF'}) {
        CHECK_FALSE(is_letter_beyond_ascii(sign));
    }
}

}  // namespace lintas::parse
