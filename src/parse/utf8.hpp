#pragma once
// UTF-8 as the grammar needs it: checked once where bytes come in, walked by code point afterwards.

#include <cstddef>
#include <string>
#include <string_view>

namespace lintas::parse {

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool valid_utf8(std::string_view text);

struct CodePoint {
    char32_t value = 0;
    std::size_t bytes = 1;
};

/// The code point at `at`. Requires at < text.size() and valid UTF-8.
CodePoint code_point_at(std::string_view text, std::size_t at);

/// A letter as names may contain: Unicode categories L* and M*, above ASCII.
bool is_letter_beyond_ascii(char32_t c);

/// `text` for an error message: every byte that is not valid UTF-8 becomes U+FFFD, so the JSON
/// around it stays valid whatever a header held.
std::string printable(std::string_view text);

}  // namespace lintas::parse
