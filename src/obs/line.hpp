#pragma once
// One log line as text: JSON for programs, key=value for people. Pure: the clock and the stream are
// the caller's.

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <variant>

#include "base/json_text.hpp"
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

/// What every line of a process has in common. Site and role are cut to 200 bytes.
struct LineStyle {
    LogFormat format = LogFormat::json;
    std::string json_identity{};  // `,"site":"jakarta","role":"primary"`
};
LineStyle line_style(LogFormat format, std::string_view site, std::string_view role);

/// Where a line is built. Large enough for the longest line and the field that turned out not to
/// fit.
class LineBuffer {
 public:
    static constexpr std::size_t kMaxLine = std::size_t{16} * 1024;
    static constexpr std::size_t kMaxText = 2000;  // bytes of a value before escaping
    static constexpr std::size_t kMaxName = 64;

    std::string_view view() const { return {bytes_.data(), size_}; }

 private:
    friend class Line;
    std::size_t size_ = 0;
    std::array<char, 2 * kMaxLine> bytes_;
};

/// Builds one line in `buffer`, over what was there. No input makes a line longer than kMaxLine or
/// one that is not a line: long values are cut, fields that do not fit are left out and `truncated`
/// says so.
class Line {
 public:
    Line(LineBuffer& buffer, const LineStyle& style, std::chrono::system_clock::time_point when,
         LogLevel level, std::string_view message);

    Line& text(std::string_view name, std::string_view value) {
        begin_field(name);
        value_text(value, json_);
        return end_field();
    }
    /// As text(), but nothing when the value is empty.
    Line& text_if(std::string_view name, std::string_view value) {
        return value.empty() ? *this : text(name, value);
    }
    /// A value of our own, of visible ASCII without '"', '\\' and '=': it is copied without a look.
    Line& word(std::string_view name, std::string_view value) {
        begin_field(name);
        if (json_) *at_++ = '"';
        put(value);
        if (json_) *at_++ = '"';
        return end_field();
    }
    Line& number(std::string_view name, std::int64_t value) {
        begin_field(name);
        at_ = put_int(at_, value);
        return end_field();
    }
    Line& real(std::string_view name, double value) {
        begin_field(name);
        at_ = put_json_double(at_, value);
        return end_field();
    }
    Line& flag(std::string_view name, bool value) { return bare(name, value ? "true" : "false"); }
    Line& milliseconds(std::string_view name,
                       std::chrono::nanoseconds value) {  // three digits behind the point
        begin_field(name);
        at_ = put_milliseconds(at_, value);
        return end_field();
    }
    Line& field(const Field& field);

    /// Ends the line with its newline.
    void end();

 private:
    void put(std::string_view text) {
        std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
    }
    void begin_field(std::string_view name) {
        before_field_ = at_;
        put(json_ ? ",\"" : " ");
        put(name.substr(0, LineBuffer::kMaxName));
        put(json_ ? "\":" : "=");
    }
    Line& end_field() {
        constexpr std::size_t kRoomForTheEnd = 32;
        if (at_ > buffer_.bytes_.data() + (LineBuffer::kMaxLine - kRoomForTheEnd))
            take_back_field();
        return *this;
    }
    void take_back_field();
    Line& bare(std::string_view name, std::string_view value);
    void value_text(std::string_view value, bool quote);

    LineBuffer& buffer_;
    char* at_;
    char* before_field_;
    const bool json_;
    bool truncated_ = false;
};

}  // namespace lintas::obs
