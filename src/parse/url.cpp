#include "parse/url.hpp"

#include <algorithm>
#include <array>

#include "parse/utf8.hpp"

namespace lintas::parse {

namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

constexpr std::array<bool, 256> unreserved_bytes() {
    std::array<bool, 256> table{};
    for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (const char c : {'-', '_', '.', '~'}) table[static_cast<std::size_t>(c)] = true;
    return table;
}

constexpr std::array<bool, 256> kUnreserved = unreserved_bytes();

Result<std::string> decoded_segment(std::string_view segment) {
    std::string name;
    if (!append_decoded(segment, Plus::literal, name)) {
        return fail(Errc::query_syntax, "The request path is not percent-encoded UTF-8",
                    "every % needs two hexadecimal digits, and %00 is not allowed");
    }
    return name;
}

}  // namespace

bool append_decoded(std::string_view raw, Plus plus, std::string& out) {
    const std::size_t start = out.size();
    for (std::size_t at = 0; at < raw.size(); ++at) {
        const char c = raw[at];
        if (c == '%') {
            if (raw.size() - at < 3) return false;
            const int high = hex_value(raw[at + 1]);
            const int low = hex_value(raw[at + 2]);
            if (high < 0 || low < 0) return false;
            out += static_cast<char>(high << 4 | low);
            at += 2;
        } else {
            out += c == '+' && plus == Plus::space ? ' ' : c;
        }
    }
    const std::string_view decoded = std::string_view{out}.substr(start);
    return decoded.find('\0') == std::string_view::npos && valid_utf8(decoded);
}

void append_encoded(std::string_view text, std::string& out) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (kUnreserved[byte]) {
            out += c;
        } else {
            out += '%';
            out += kHex[byte >> 4];
            out += kHex[byte & 15U];
        }
    }
}

Target split_target(std::string_view target) {
    if (!target.starts_with('/')) {
        const std::size_t scheme_end = target.find("://");
        if (scheme_end != std::string_view::npos &&
            scheme_end < std::min(target.find('/'), target.find('?'))) {
            target.remove_prefix(scheme_end + 3);
            target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
        }
    }
    const std::size_t mark = target.find('?');
    if (mark == std::string_view::npos) return {target, {}};
    return {target.substr(0, mark), target.substr(mark + 1)};
}

Result<Path> parse_path(std::string_view path) {
    const auto unknown = [] {
        return fail(Errc::no_such_path, "Invalid path specified in request URL");
    };
    if (path.empty() || path == "/") return Path{};
    if (!path.starts_with('/')) return unknown();
    path.remove_prefix(1);

    PathKind kind = PathKind::relation;
    const std::size_t slash = path.find('/');
    if (slash != std::string_view::npos) {
        Result<std::string> first = decoded_segment(path.substr(0, slash));
        if (!first) return fail(std::move(first).error());
        path.remove_prefix(slash + 1);
        if (*first != "rpc" || path.find('/') != std::string_view::npos) return unknown();
        kind = PathKind::rpc;
    }
    Result<std::string> name = decoded_segment(path);
    if (!name) return fail(std::move(name).error());
    if (name->empty()) return unknown();
    return Path{kind, *std::move(name)};
}

}  // namespace lintas::parse
