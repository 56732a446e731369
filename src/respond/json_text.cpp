#include "respond/json_text.hpp"

#include <algorithm>

#include "parse/utf8.hpp"

namespace lintas::respond {

namespace {

bool needs_escape(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == 0x7F;
}

void append_escape(std::string& json, char c) {
    if (c == '"' || c == '\\') {
        json += '\\';
        json += c;
        return;
    }
    if (c == '\n') {
        json += "\\n";
        return;
    }
    constexpr std::string_view kHex = "0123456789abcdef";
    json += "\\u00";
    json += kHex[static_cast<unsigned char>(c) >> 4U];
    json += kHex[static_cast<unsigned char>(c) & 15U];
}

}  // namespace

void append_json_string(std::string& json, std::string_view bytes) {
    std::string repaired;
    if (!parse::valid_utf8(bytes)) {
        repaired = parse::printable(bytes);
        bytes = repaired;
    }
    json.reserve(json.size() + bytes.size() + 2);
    json += '"';
    while (!bytes.empty()) {
        const auto next = std::ranges::find_if(bytes, needs_escape);
        const auto plain = static_cast<std::size_t>(next - bytes.begin());
        json += bytes.substr(0, plain);
        if (next != bytes.end()) append_escape(json, *next);
        bytes.remove_prefix(std::min(plain + 1, bytes.size()));
    }
    json += '"';
}

}  // namespace lintas::respond
