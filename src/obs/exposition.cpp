#include "obs/exposition.hpp"

#include <cmath>

#include "base/json_text.hpp"

namespace lintas::obs {

namespace {

void append_escaped(std::string& out, std::string_view text, bool quotes) {
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
        } else if (c == '\\' || (quotes && c == '"')) {
            out += '\\';
            out += c;
        } else {
            out += c;
        }
    }
}

constexpr std::string_view name_of(Exposition::Type type) {
    switch (type) {
        case Exposition::Type::counter:
            return "counter";
        case Exposition::Type::gauge:
            return "gauge";
        case Exposition::Type::histogram:
            return "histogram";
    }
    return "untyped";
}

}  // namespace

void Exposition::family(std::string_view name, Type type, std::string_view help) {
    name_ = name;
    text_.append("# HELP ").append(name).append(" ");
    append_escaped(text_, help, false);
    text_.append("\n# TYPE ").append(name).append(" ").append(name_of(type)).append("\n");
}

void Exposition::sample(Labels labels, std::int64_t value) {
    begin_sample("", labels);
    append_int(text_, value);
    text_ += '\n';
}

void Exposition::sample(std::string_view suffix, Labels labels, std::uint64_t value) {
    begin_sample(suffix, labels);
    append_uint(text_, value);
    text_ += '\n';
}

void Exposition::sample(std::string_view suffix, Labels labels, double value) {
    begin_sample(suffix, labels);
    if (std::isnan(value)) {
        text_ += "NaN";
    } else if (std::isinf(value)) {
        text_ += value > 0 ? "+Inf" : "-Inf";
    } else {
        append_json_double(text_, value);
    }
    text_ += '\n';
}

void Exposition::begin_sample(std::string_view suffix, Labels labels) {
    text_.append(name_).append(suffix);
    char separator = '{';
    for (const auto& [name, value] : labels) {
        if (name.empty()) continue;
        text_ += separator;
        text_.append(name).append("=\"");
        append_escaped(text_, value, true);
        text_ += '"';
        separator = ',';
    }
    if (separator == ',') text_ += '}';
    text_ += ' ';
}

}  // namespace lintas::obs
