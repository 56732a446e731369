#include "obs/line.hpp"

#include <catch2/catch.hpp>
#include <cstddef>

using namespace lintas::obs;
using namespace std::chrono_literals;

namespace {

constexpr auto kWhen =
    std::chrono::sys_days{std::chrono::year{2024} / 3 / 1} + 12h + 34min + 56s + 789ms;

std::string line(LogFormat format, LogLevel level, std::string_view message,
                 std::initializer_list<Field> fields) {
    LineBuffer out;
    const LineStyle style = line_style(format, "jakarta", "primary");
    Line one{out, style, kWhen, level, message};
    for (const Field& field : fields) one.field(field);
    one.end();
    return std::string{out.view()};
}

}  // namespace

TEST_CASE("line: JSON has time, level, message, site and role before the fields", "[unit][obs]") {
    const std::string name = "orders";
    const std::size_t rows = 7;
    CHECK(
        line(LogFormat::json, LogLevel::info, "schema loaded",
             {{"relations", 12},
              {"name", name},
              {"rows", rows},
              {"took_s", 0.25},
              {"again", false}}) ==
        R"({"ts":"2024-03-01T12:34:56.789Z","level":"info","msg":"schema loaded","site":"jakarta",)"
        R"("role":"primary","relations":12,"name":"orders","rows":7,"took_s":0.25,"again":false})"
        "\n");
}

TEST_CASE("line: text is one line of key=value, quoted where a reader would stumble",
          "[unit][obs]") {
    CHECK(line(LogFormat::text, LogLevel::warn, "database away",
               {{"error", "connection refused"},
                {"host", "10.0.0.1:5432"},
                {"empty", ""},
                {"tries", 3},
                {"eq", "a=b"},
                {"umlaut", "\xC3\xBC"}}) ==
          "2024-03-01T12:34:56.789Z WARN  database away error=\"connection refused\" "
          "host=10.0.0.1:5432 empty=\"\" "
          "tries=3 eq=\"a=b\" umlaut=\"\xC3\xBC\"\n");
    CHECK(line(LogFormat::text, LogLevel::error, "x", {}) == "2024-03-01T12:34:56.789Z ERROR x\n");
    CHECK(line(LogFormat::text, LogLevel::debug, "x", {}) == "2024-03-01T12:34:56.789Z DEBUG x\n");
}

TEST_CASE("line: no value can forge a second line or a terminal sequence", "[unit][obs]") {
    const auto format = GENERATE(LogFormat::json, LogFormat::text);
    const std::string out = line(format, LogLevel::info, "bad\nmessage\x1b[2J",
                                 {{"value", "a\n{\"level\":\"x\"}\x1b]0;"}});
    CHECK(out.find('\n') == out.size() - 1);
    CHECK(out.find('\x1b') == std::string::npos);
}

TEST_CASE("line: a long value is cut at a character and ends with an ellipsis", "[unit][obs]") {
    std::string text(LineBuffer::kMaxText - 1, 'x');
    text += "\xE2\x82\xAC tail";
    const std::string out = line(LogFormat::json, LogLevel::info, "m", {{"v", text}});
    CHECK(out.ends_with(std::string(LineBuffer::kMaxText - 1, 'x') + "\xE2\x80\xA6\"}\n"));
}

TEST_CASE("line: fields past the line's limit are left out and the line says so", "[unit][obs]") {
    const auto format = GENERATE(LogFormat::json, LogFormat::text);
    const std::string nasty(LineBuffer::kMaxText, '\x01');  // six bytes each when escaped
    LineBuffer buffer;
    const LineStyle style = line_style(format, "s", "r");
    Line one{buffer, style, kWhen, LogLevel::info, nasty};
    for (int i = 0; i < 20; ++i) one.text("field", nasty);
    one.number("small", 1);
    one.end();
    const std::string_view out = buffer.view();
    CHECK(out.size() <= LineBuffer::kMaxLine);
    CHECK(out.ends_with(format == LogFormat::json ? "\"small\":1,\"truncated\":true}\n"
                                                  : " small=1 truncated=true\n"));
}

TEST_CASE("line: the site's name is escaped as well", "[unit][obs]") {
    CHECK(line_style(LogFormat::json, "a\"b", "primary").json_identity ==
          R"(,"site":"a\"b","role":"primary")");
}
