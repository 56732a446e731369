#include "obs/line.hpp"

#include <algorithm>
#include <array>

#include "obs/json_text.hpp"

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
    std::string identity{",\"site\":"};
    append_json_string(identity, site);
    identity += ",\"role\":";
    append_json_string(identity, role);
    return {format, std::move(identity)};
}

Line::Line(std::string& out, const LineStyle& style, std::chrono::system_clock::time_point at,
           LogLevel level, std::string_view message)
    : out_(out), json_(style.format == LogFormat::json) {
    if (json_) {
        out_ += "{\"ts\":\"";
        append_timestamp(out_, at);
        out_ += "\",\"level\":\"";
        out_ += level_name(level);
        out_ += "\",\"msg\":";
        value_text(message);
        out_ += style.json_identity;
    } else {
        append_timestamp(out_, at);
        out_ += kTextLevels[static_cast<std::size_t>(level)];
        if (is_sentence(message) && message.size() <= kMaxText) {
            out_ += message;
        } else {
            value_text(message);
        }
    }
}

Line& Line::text(std::string_view name, std::string_view value) {
    begin_field(name);
    if (!json_ && value.size() <= kMaxText && is_bare(value)) {
        out_ += value;
    } else {
        value_text(value);
    }
    end_field();
    return *this;
}

Line& Line::text_if(std::string_view name, std::string_view value) {
    return value.empty() ? *this : text(name, value);
}

Line& Line::number(std::string_view name, std::int64_t value) {
    begin_field(name);
    append_int(out_, value);
    end_field();
    return *this;
}

Line& Line::real(std::string_view name, double value) {
    begin_field(name);
    append_json_double(out_, value);
    end_field();
    return *this;
}

Line& Line::flag(std::string_view name, bool value) {
    begin_field(name);
    out_ += value ? "true" : "false";
    end_field();
    return *this;
}

Line& Line::milliseconds(std::string_view name, std::chrono::nanoseconds value) {
    begin_field(name);
    append_milliseconds(out_, value);
    end_field();
    return *this;
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
    if (truncated_) out_ += json_ ? ",\"truncated\":true" : " truncated=true";
    out_ += json_ ? "}\n" : "\n";
}

void Line::begin_field(std::string_view name) {
    before_field_ = out_.size();
    if (json_) {
        out_ += ",\"";
        out_ += name;
        out_ += "\":";
    } else {
        out_ += ' ';
        out_ += name;
        out_ += '=';
    }
}

void Line::end_field() {
    constexpr std::size_t kRoomForTheEnd = 32;
    if (out_.size() + kRoomForTheEnd <= kMaxLine) return;
    out_.resize(before_field_);
    truncated_ = true;
}

void Line::value_text(std::string_view value) {
    if (value.size() <= kMaxText) {
        append_json_string(out_, value);
        return;
    }
    append_json_string(out_, utf8_prefix(value, kMaxText));
    out_.pop_back();
    out_ += kEllipsis;
    out_ += '"';
}

}  // namespace lintas::obs
