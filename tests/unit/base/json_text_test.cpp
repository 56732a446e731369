#include "base/json_text.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace lintas;
using namespace std::chrono_literals;

namespace {

std::string json(std::string_view bytes) {
    std::string out;
    append_json_string(out, bytes);
    return out;
}

std::string timestamp(std::chrono::system_clock::time_point at) {
    std::string out(kNumberRoom, '?');
    out.resize(static_cast<std::size_t>(put_timestamp(out.data(), at) - out.data()));
    return out;
}

struct Row {
    std::string_view bytes;
    std::string_view text;
};

}  // namespace

TEST_CASE("json text: what JSON reserves is escaped and the rest stands for itself",
          "[unit][base]") {
    const Row row = GENERATE(values<Row>({
        {"", "\"\""},
        {"plain /path?x=1'", "\"plain /path?x=1'\""},
        {"a\"b\\c", R"("a\"b\\c")"},
        {"01234567\"9abcdef\\0123456789\x7f", R"("01234567\"9abcdef\\0123456789\u007f")"},
        {"line\r\n\ttab", R"("line\r\n\ttab")"},
        {std::string_view{"\0\x01\x1f\x7f", 4}, R"("\u0000\u0001\u001f\u007f")"},
        {"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x98",
         "\"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x98\""},
    }));
    CHECK(json(row.bytes) == row.text);
}

TEST_CASE("json text: bytes that are not UTF-8 become U+FFFD, one per broken part",
          "[unit][base]") {
    const Row row = GENERATE(values<Row>({
        {"a\xFFz", "\"a\xEF\xBF\xBDz\""},
        {"\x80\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                  // two lone continuations
        {"\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                  // overlong '/'
        {"\xE2\x82", "\"\xEF\xBF\xBD\""},                              // cut short at the end
        {"\xE2\x82 x", "\"\xEF\xBF\xBD x\""},                          // cut short inside
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},  // a surrogate
        {"\xF4\x90\x80\x80",
         "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},  // past U+10FFFF
        {"\xF0\x9F\x90\"", "\"\xEF\xBF\xBD\\\"\""},  // a cut sequence does not swallow the quote
    }));
    CHECK(json(row.bytes) == row.text);
}

TEST_CASE("json text: any two bytes give a JSON string of valid UTF-8", "[unit][base]") {
    for (int a = 0; a < 256; ++a) {
        for (int b = 0; b < 256; ++b) {
            const std::string bytes{static_cast<char>(a), static_cast<char>(b)};
            const std::string text = json(bytes);
            REQUIRE(text.front() == '"');
            REQUIRE(text.back() == '"');
            std::string_view rest{text};
            while (!rest.empty()) {
                const std::size_t length = utf8_length(rest);
                REQUIRE(length > 0);
                if (length == 1) REQUIRE(rest[0] >= 0x20);
                rest.remove_prefix(length);
            }
        }
    }
}

TEST_CASE("json text: a prefix never cuts a character in two", "[unit][base]") {
    CHECK(utf8_prefix("abc", 3) == "abc");
    CHECK(utf8_prefix("abc", 2) == "ab");
    CHECK(utf8_prefix("a\xE2\x82\xAC", 3) == "a");
    CHECK(utf8_prefix("a\xE2\x82\xAC!", 4) == "a\xE2\x82\xAC");
    CHECK(utf8_prefix("\x80\x80\x80\x80\x80\x80", 4).size() ==
          1);  // not UTF-8: no endless walk back
}

TEST_CASE("json text: numbers", "[unit][base]") {
    std::string out;
    append_int(out, std::numeric_limits<std::int64_t>::min());
    out += ' ';
    append_uint(out, std::numeric_limits<std::uint64_t>::max());
    out += ' ';
    append_json_double(out, 0.1);
    out += ' ';
    append_json_double(out, std::nan(""));
    out += ' ';
    append_json_double(out, -std::numeric_limits<double>::infinity());
    CHECK(out == "-9223372036854775808 18446744073709551615 0.1 null null");
}

TEST_CASE("json text: milliseconds have three digits behind the point", "[unit][base]") {
    struct Case {
        std::chrono::nanoseconds duration;
        std::string_view text;
    };
    const Case c = GENERATE(values<Case>({{0ns, "0.000"},
                                          {999ns, "0.000"},
                                          {1us, "0.001"},
                                          {1234567ns, "1.234"},
                                          {12s + 45us, "12000.045"},
                                          {-5ms, "0.000"}}));
    std::string out(kNumberRoom, '?');
    out.resize(static_cast<std::size_t>(put_milliseconds(out.data(), c.duration) - out.data()));
    CHECK(out == c.text);
}

TEST_CASE("json text: timestamps are RFC 3339 in UTC with milliseconds", "[unit][base]") {
    using std::chrono::sys_days;
    using namespace std::chrono;
    CHECK(timestamp(system_clock::time_point{}) == "1970-01-01T00:00:00.000Z");
    CHECK(timestamp(sys_days{2024y / February / 29} + 23h + 59min + 59s + 7ms) ==
          "2024-02-29T23:59:59.007Z");
    CHECK(timestamp(sys_days{2024y / February / 29} + 23h + 59min + 59s + 999ms + 999us) ==
          "2024-02-29T23:59:59.999Z");
    CHECK(timestamp(sys_days{1969y / December / 31} + 23h + 59min + 59s + 250ms) ==
          "1969-12-31T23:59:59.250Z");
}
