// OpenSSL's decoder takes padding and blanks, so two texts could mean the same bytes; this does
// not.

#include "auth/base64url.hpp"

#include <array>
#include <cstdint>

namespace lintas::auth {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> kSextets = [] {
    std::array<std::int8_t, 256> table{};
    table.fill(-1);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
    }
    return table;
}();

}  // namespace

std::optional<std::string> base64url_decode(std::string_view text) {
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out;
    out.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;  // not yet written ones in the low `held` bits
    int held = 0;
    for (const char c : text) {
        const int sextet = kSextets[static_cast<unsigned char>(c)];
        if (sextet < 0) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(sextet);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out.push_back(static_cast<char>(bits >> held & 0xFFu));
            bits &= (1u << held) - 1;
        }
    }
    if (bits != 0) return std::nullopt;
    return out;
}

std::string base64url_encode(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size() / 3 * 4 + 3);
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : bytes) {
        bits = (bits << 8 | static_cast<unsigned char>(c)) & 0xFFFFu;
        held += 8;
        while (held >= 6) {
            held -= 6;
            out.push_back(kAlphabet[bits >> held & 63u]);
        }
    }
    if (held > 0) out.push_back(kAlphabet[bits << (6 - held) & 63u]);
    return out;
}

}  // namespace lintas::auth
