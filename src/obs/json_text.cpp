#include "obs/json_text.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace lintas::obs {

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

void append_escape(std::string& out, unsigned char c) {
    constexpr std::string_view kHex = "0123456789abcdef";
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            break;
    }
    out += "\\u00";
    out += kHex[c >> 4U];
    out += kHex[c & 15U];
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

void append_json_string(std::string& out, std::string_view bytes) {
    out += '"';
    std::size_t at = 0;
    while (at < bytes.size()) {
        std::size_t end = at;
        while (end < bytes.size() && kPlain[byte_at(bytes, end)]) ++end;
        out.append(bytes.substr(at, end - at));
        at = end;
        if (at == bytes.size()) break;
        const unsigned c = byte_at(bytes, at);
        if (c < 0x80) {
            append_escape(out, static_cast<unsigned char>(c));
            ++at;
            continue;
        }
        const Utf8Step step = utf8_step(bytes.substr(at));
        out.append(step.valid ? bytes.substr(at, step.length) : kReplacement);
        at += step.length;
    }
    out += '"';
}

void append_int(std::string& out, std::int64_t value) {
    std::array<char, 24> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out.append(text.data(), end);
}

void append_uint(std::string& out, std::uint64_t value) {
    std::array<char, 24> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out.append(text.data(), end);
}

void append_json_double(std::string& out, double value) {
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    std::array<char, 40> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out.append(text.data(), end);
}

void append_milliseconds(std::string& out, std::chrono::nanoseconds duration) {
    const auto us = duration.count() > 0 ? static_cast<std::uint64_t>(duration.count()) / 1000 : 0;
    append_uint(out, us / 1000);
    const auto rest = static_cast<unsigned>(us % 1000);
    std::array<char, 4> text{'.', static_cast<char>('0' + rest / 100), '0', '0'};
    put2(&text[2], rest % 100);
    out.append(text.data(), text.size());
}

void append_timestamp(std::string& out, std::chrono::system_clock::time_point at) {
    using std::chrono::floor;
    // Lines come many to a second: the calendar is computed once in it.
    thread_local std::chrono::sys_seconds last_second = std::chrono::sys_seconds::min();
    thread_local std::array<char, 24> text{};
    const auto second = floor<std::chrono::seconds>(at);
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
    const auto ms = static_cast<unsigned>(floor<std::chrono::milliseconds>(at - second).count());
    text[20] = static_cast<char>('0' + ms / 100);
    put2(&text[21], ms % 100);
    out.append(text.data(), text.size());
}

}  // namespace lintas::obs
