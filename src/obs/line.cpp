#include "obs/line.hpp"

#include <algorithm>
#include <array>

#include "base/json_text.hpp"

namespace lintas::obs {

namespace {

constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 4> kTextLevels{" DEBUG ", " INFO  ", " WARN  ", " ERROR "};
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

/// A value that a person can read without quotes and a program can split at blanks.
bool is_bare(std::string_view value) {
    return !value.empty() && std::ranges::all_of(value, [](char c) {
        return c > 0x20 && c < 0x7F && c != '"' && c != '=' && c != '\\';
    });
}

/// A message is a sentence of ours, but may carry a part that is not: no newline may get through.
bool is_sentence(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

}  // namespace

std::string_view level_name(LogLevel level) {
    return kLevels[static_cast<std::size_t>(level)];
}

LineStyle line_style(LogFormat format, std::string_view site, std::string_view role) {
    constexpr std::size_t kMaxIdentity = 200;
    std::string identity{",\"site\":"};
    append_json_string(identity, utf8_prefix(site, kMaxIdentity));
    identity += ",\"role\":";
    append_json_string(identity, utf8_prefix(role, kMaxIdentity));
    return {format, std::move(identity)};
}

Line::Line(LineBuffer& buffer, const LineStyle& style, std::chrono::system_clock::time_point when,
           LogLevel level, std::string_view message)
    : buffer_(buffer),
      at_(buffer.bytes_.data()),
      before_field_(at_),
      json_(style.format == LogFormat::json) {
    if (json_) {
        put("{\"ts\":\"");
        at_ = put_timestamp(at_, when);
        put("\",\"level\":\"");
        put(level_name(level));
        put("\",\"msg\":");
        value_text(message, true);
        put(style.json_identity);
    } else {
        at_ = put_timestamp(at_, when);
        put(kTextLevels[static_cast<std::size_t>(level)]);
        if (is_sentence(message) && message.size() <= LineBuffer::kMaxText) {
            put(message);
        } else {
            value_text(message, true);
        }
    }
}

Line& Line::field(const Field& field) {
    struct Visitor {
        Line& line;
        std::string_view name;
        void operator()(std::string_view v) const { line.text(name, v); }
        void operator()(std::int64_t v) const { line.number(name, v); }
        void operator()(double v) const { line.real(name, v); }
        void operator()(bool v) const { line.flag(name, v); }
    };
    std::visit(Visitor{*this, field.name}, field.value);
    return *this;
}

void Line::end() {
    if (truncated_) put(json_ ? ",\"truncated\":true" : " truncated=true");
    put(json_ ? "}\n" : "\n");
    buffer_.size_ = static_cast<std::size_t>(at_ - buffer_.bytes_.data());
}

void Line::take_back_field() {
    at_ = before_field_;
    truncated_ = true;
}

Line& Line::bare(std::string_view name, std::string_view value) {
    begin_field(name);
    put(value);
    return end_field();
}

void Line::value_text(std::string_view value, bool quote) {
    if (value.size() <= LineBuffer::kMaxText) {
        if (!quote && is_bare(value)) {
            put(value);
        } else {
            at_ = put_json_string(at_, value);
        }
        return;
    }
    at_ = put_json_string(at_, utf8_prefix(value, LineBuffer::kMaxText)) - 1;
    put(kEllipsis);
    *at_++ = '"';
}

}  // namespace lintas::obs
