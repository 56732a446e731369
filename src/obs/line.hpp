#pragma once
// One log line as text: JSON for programs, key=value for people. Pure: the clock and the stream are
// the caller's.

#include <chrono>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "config/config.hpp"

namespace lintas::obs {

using config::LogFormat;
using config::LogLevel;

std::string_view level_name(LogLevel level);  // "info"

/// A name and a value of a log line; views live for the call that logs it. Names are ours:
/// [a-z0-9_].
struct Field {
    using Value = std::variant<std::string_view, std::int64_t, double, bool>;
    std::string_view name;
    Value value;

    template <std::convertible_to<std::string_view> T>
    Field(std::string_view n, const T& text) : name(n), value(std::string_view{text}) {}
    template <std::integral T>
    Field(std::string_view n, T number) : name(n), value(static_cast<std::int64_t>(number)) {}
    Field(std::string_view n, bool flag) : name(n), value(flag) {}
    Field(std::string_view n, double number) : name(n), value(number) {}
};

/// What every line of a process has in common.
struct LineStyle {
    LogFormat format = LogFormat::json;
    std::string json_identity{};  // `,"site":"jakarta","role":"primary"`
};
LineStyle line_style(LogFormat format, std::string_view site, std::string_view role);

/// Builds one line in `out`, which must be empty. No input makes a line longer than kMaxLine or one
/// that is not a line: long values are cut, fields that do not fit are left out and `truncated`
/// says so.
class Line {
 public:
    static constexpr std::size_t kMaxLine = 16 * 1024;
    static constexpr std::size_t kMaxText = 2000;  // bytes of a value before escaping

    Line(std::string& out, const LineStyle& style, std::chrono::system_clock::time_point at,
         LogLevel level, std::string_view message);

    Line& text(std::string_view name, std::string_view value);
    /// As text(), but nothing when the value is empty.
    Line& text_if(std::string_view name, std::string_view value);
    Line& number(std::string_view name, std::int64_t value);
    Line& real(std::string_view name, double value);
    Line& flag(std::string_view name, bool value);
    Line& milliseconds(std::string_view name,
                       std::chrono::nanoseconds value);  // three digits behind the point
    Line& field(const Field& field);

    /// Ends the line with its newline.
    void end();

 private:
    void begin_field(std::string_view name);
    void end_field();
    void value_text(std::string_view value);

    std::string& out_;
    bool json_;
    bool truncated_ = false;
    std::size_t before_field_ = 0;  // to take back a field that made the line too long
};

}  // namespace lintas::obs
