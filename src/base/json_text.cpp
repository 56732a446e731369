#include "base/json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace lintas {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Bytes that stand for themselves inside a JSON string and need no look at their neighbours.
constexpr std::array<bool, 256> kPlain = [] {
    std::array<bool, 256> plain{};
    for (std::size_t c = 0x20; c < 0x7F; ++c) plain[c] = c != '"' && c != '\\';
    return plain;
}();

unsigned byte_at(std::string_view s, std::size_t i) {
    return static_cast<unsigned char>(s[i]);
}

struct Utf8Step {
    std::size_t length = 0;  // bytes to take
    bool valid = false;
};

/// Table 3-7 of the Unicode standard; an invalid step is as long as the part that could have begun
/// a sequence.
Utf8Step utf8_step(std::string_view s) {
    const unsigned lead = byte_at(s, 0);
    if (lead < 0x80) return {1, true};
    std::size_t need = 0;
    unsigned low = 0x80;
    unsigned high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        need = 1;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        need = 2;
        if (lead == 0xE0) low = 0xA0;   // overlong
        if (lead == 0xED) high = 0x9F;  // surrogates
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        need = 3;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;  // above U+10FFFF
    } else {
        return {1, false};
    }
    for (std::size_t i = 1; i <= need; ++i) {
        if (i >= s.size() || byte_at(s, i) < low || byte_at(s, i) > high) return {i, false};
        low = 0x80;
        high = 0xBF;
    }
    return {need + 1, true};
}

char* put_escape(char* at, unsigned char c) {
    constexpr std::string_view kHex = "0123456789abcdef";
    *at++ = '\\';
    switch (c) {
        case '"':
            *at++ = '"';
            return at;
        case '\\':
            *at++ = '\\';
            return at;
        case '\n':
            *at++ = 'n';
            return at;
        case '\r':
            *at++ = 'r';
            return at;
        case '\t':
            *at++ = 't';
            return at;
        default:
            break;
    }
    at = std::copy_n("u00", 3, at);
    *at++ = kHex[c >> 4U];
    *at++ = kHex[c & 15U];
    return at;
}

/// Whether eight bytes all stand for themselves (the classic zero-in-word test, for each byte that
/// does not).
bool all_plain(std::uint64_t word) {
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    constexpr std::uint64_t kHighs = 0x8080808080808080;
    const std::uint64_t quote = word ^ (kOnes * '"');
    const std::uint64_t backslash = word ^ (kOnes * '\\');
    const std::uint64_t del = word ^ (kOnes * 0x7F);
    const std::uint64_t hits =
        (quote - kOnes) | (backslash - kOnes) | (del - kOnes) | (word - kOnes * 0x20) | word;
    return (hits & kHighs) == 0;
}

void put2(char* at, unsigned value) {
    at[0] = static_cast<char>('0' + value / 10 % 10);
    at[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::size_t utf8_length(std::string_view bytes) {
    if (bytes.empty()) return 0;
    const Utf8Step step = utf8_step(bytes);
    return step.valid ? step.length : 0;
}

std::string_view utf8_prefix(std::string_view bytes, std::size_t limit) {
    if (bytes.size() <= limit) return bytes;
    std::size_t cut = limit;
    for (int back = 0; back < 3 && cut > 0 && (byte_at(bytes, cut) & 0xC0U) == 0x80U; ++back) --cut;
    return bytes.substr(0, cut);
}

char* put_json_string(char* at, std::string_view bytes) {
    *at++ = '"';
    const char* from = bytes.data();
    const char* const end = from + bytes.size();
    while (from != end) {
        std::uint64_t word = 0;
        while (end - from >= 8) {
            std::memcpy(&word, from, 8);
            if (!all_plain(word)) break;
            std::memcpy(at, &word, 8);
            from += 8;
            at += 8;
        }
        while (from != end && kPlain[static_cast<unsigned char>(*from)]) *at++ = *from++;
        if (from == end) break;
        const auto c = static_cast<unsigned char>(*from);
        if (c < 0x80) {
            at = put_escape(at, c);
            ++from;
            continue;
        }
        const Utf8Step step = utf8_step({from, static_cast<std::size_t>(end - from)});
        at = step.valid ? std::copy_n(from, step.length, at)
                        : std::ranges::copy(kReplacement, at).out;
        from += step.length;
    }
    *at++ = '"';
    return at;
}

char* put_int(char* at, std::int64_t value) {
    return std::to_chars(at, at + kNumberRoom, value).ptr;
}

char* put_json_double(char* at, double value) {
    if (!std::isfinite(value)) return std::copy_n("null", 4, at);
    return std::to_chars(at, at + kNumberRoom, value).ptr;
}

char* put_milliseconds(char* at, std::chrono::nanoseconds duration) {
    const auto us = duration.count() > 0 ? static_cast<std::uint64_t>(duration.count()) / 1000 : 0;
    at = std::to_chars(at, at + kNumberRoom, us / 1000).ptr;
    const auto rest = static_cast<unsigned>(us % 1000);
    at[0] = '.';
    at[1] = static_cast<char>('0' + rest / 100);
    put2(at + 2, rest % 100);
    return at + 4;
}

char* put_timestamp(char* at, std::chrono::system_clock::time_point when) {
    using std::chrono::floor;
    // Lines come many to a second: the calendar is computed once in it.
    thread_local std::chrono::sys_seconds last_second = std::chrono::sys_seconds::min();
    thread_local std::array<char, 24> text{};
    const auto second = floor<std::chrono::seconds>(when);
    if (second != last_second) {
        const auto day = floor<std::chrono::days>(second);
        const std::chrono::year_month_day date{day};
        const std::chrono::hh_mm_ss time{second - day};
        const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
        put2(&text[0], year / 100);
        put2(&text[2], year % 100);
        text[4] = '-';
        put2(&text[5], static_cast<unsigned>(date.month()));
        text[7] = '-';
        put2(&text[8], static_cast<unsigned>(date.day()));
        text[10] = 'T';
        put2(&text[11], static_cast<unsigned>(time.hours().count()));
        text[13] = ':';
        put2(&text[14], static_cast<unsigned>(time.minutes().count()));
        text[16] = ':';
        put2(&text[17], static_cast<unsigned>(time.seconds().count()));
        text[19] = '.';
        text[23] = 'Z';
        last_second = second;
    }
    const auto ms = static_cast<unsigned>(floor<std::chrono::milliseconds>(when - second).count());
    text[20] = static_cast<char>('0' + ms / 100);
    put2(&text[21], ms % 100);
    return std::copy_n(text.data(), text.size(), at);
}

void append_json_string(std::string& out, std::string_view bytes) {
    const std::size_t before = out.size();
    out.resize(before + 6 * bytes.size() + 10);
    const char* const end = put_json_string(out.data() + before, bytes);
    out.resize(static_cast<std::size_t>(end - out.data()));
}

void append_int(std::string& out, std::int64_t value) {
    std::array<char, kNumberRoom> text;
    out.append(text.data(), put_int(text.data(), value));
}

void append_uint(std::string& out, std::uint64_t value) {
    std::array<char, kNumberRoom> text;
    out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

void append_json_double(std::string& out, double value) {
    std::array<char, kNumberRoom> text;
    out.append(text.data(), put_json_double(text.data(), value));
}

}  // namespace lintas
