#include "obs/mask.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

namespace lintas::obs {

namespace {

constexpr std::string_view kMask = "***";
constexpr std::string_view kBlank = " \t\n\r\f\v";

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Parameter names may be percent-encoded; libpq decodes them, so must we.
std::string decoded_lower(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        char c = name[i];
        if (c == '%' && i + 2 < name.size() && hex_digit(name[i + 1]) >= 0 &&
            hex_digit(name[i + 2]) >= 0) {
            c = static_cast<char>(hex_digit(name[i + 1]) * 16 + hex_digit(name[i + 2]));
            i += 2;
        }
        out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return out;
}

bool is_secret(std::string_view name) {
    const std::string key = decoded_lower(name);
    if (key == "passfile") return false;  // a path
    for (const std::string_view word : {"pass", "pwd", "secret", "token", "scram_"}) {
        if (key.find(word) != std::string::npos) return true;
    }
    return false;
}

std::string mask_query(std::string_view query) {
    std::string out;
    while (true) {
        const auto end = query.find('&');
        const std::string_view pair = query.substr(0, end);
        const auto equals = pair.find('=');
        if (equals != std::string_view::npos && is_secret(pair.substr(0, equals))) {
            out.append(pair.substr(0, equals + 1)).append(kMask);
        } else {
            out.append(pair);
        }
        if (end == std::string_view::npos) return out;
        out += '&';
        query.remove_prefix(end + 1);
    }
}

std::string mask_uri(std::string_view url, std::size_t authority) {
    std::string out{url.substr(0, authority)};
    std::string_view rest = url.substr(authority);
    // A password with an unescaped '/', '?' or '@' is wrong, and must be hidden nevertheless: it
    // ends at the last '@' there is, even if that takes part of the query string with it.
    const auto at = rest.rfind('@');
    const auto colon = rest.find(':');
    if (at != std::string_view::npos && colon < at) {
        out.append(rest.substr(0, colon + 1)).append(kMask);
        rest.remove_prefix(at);
    }
    const auto query = rest.find('?');
    if (query == std::string_view::npos) return out.append(rest);
    return out.append(rest.substr(0, query + 1)).append(mask_query(rest.substr(query + 1)));
}

/// One value of a keyword string, as conninfo_parse() of libpq reads it; returns its length,
/// nullopt when a quote is left open.
std::optional<std::size_t> value_length(std::string_view text) {
    const bool quoted = !text.empty() && text[0] == '\'';
    std::size_t i = quoted ? 1 : 0;
    for (; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (quoted && text[i] == '\'') {
            return i + 1;
        } else if (!quoted && kBlank.find(text[i]) != std::string_view::npos) {
            return i;
        }
    }
    if (quoted) return std::nullopt;
    return text.size();
}

std::optional<std::string> mask_keywords(std::string_view text) {
    std::string out;
    while (true) {
        const auto name_at = text.find_first_not_of(kBlank);
        if (name_at == std::string_view::npos) return out;
        text.remove_prefix(name_at);
        if (!out.empty()) out += ' ';
        const auto equals = text.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        std::string_view name = text.substr(0, equals);
        name = name.substr(0, name.find_last_not_of(kBlank) + 1);
        if (name.empty() || name.find_first_of(kBlank) != std::string_view::npos)
            return std::nullopt;
        text.remove_prefix(equals + 1);
        text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
        const std::optional<std::size_t> length = value_length(text);
        if (!length) return std::nullopt;
        out.append(name).append("=").append(is_secret(name) ? kMask : text.substr(0, *length));
        text.remove_prefix(*length);
    }
}

/// Text about connections rather than a connection string: what looks like a URL or a password's
/// assignment is masked where it stands.
std::string mask_sentence(std::string_view text) {
    std::string out;
    while (true) {
        const auto scheme = text.find("://");
        const auto equals = text.find('=');
        if (scheme == std::string_view::npos && equals == std::string_view::npos)
            return out.append(text);
        if (scheme < equals) {
            const auto end = std::min(text.find_first_of(kBlank, scheme), text.size());
            out += mask_uri(text.substr(0, end), scheme + 3);
            text.remove_prefix(end);
            continue;
        }
        std::string_view name = text.substr(0, equals);
        name = name.substr(0, name.find_last_not_of(kBlank) + 1);
        name.remove_prefix(name.find_last_of(" \t\n\r\"'(,;&?") + 1);  // npos + 1: from its start
        out.append(text.substr(0, equals + 1));
        text.remove_prefix(equals + 1);
        if (!is_secret(name)) continue;
        out += kMask;
        text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
        text.remove_prefix(value_length(text).value_or(text.size()));
    }
}

/// A word and '=' at the start, as no sentence begins.
bool begins_as_keywords(std::string_view text) {
    const auto end = text.find_first_of(" \t=");
    if (end == std::string_view::npos)
        return true;  // a single word: nothing says that it is harmless
    const auto next = text.find_first_not_of(kBlank, end);
    return next != std::string_view::npos && text[next] == '=';
}

}  // namespace

std::string mask_url(std::string_view url) {
    const auto scheme = url.find("://");
    const bool has_scheme =
        scheme != std::string_view::npos &&
        url.substr(0, scheme).find_first_of("= \t\"'") == std::string_view::npos;
    if (has_scheme) return mask_uri(url, scheme + 3);
    const std::string_view text = url.substr(std::min(url.find_first_not_of(kBlank), url.size()));
    if (!begins_as_keywords(text)) return mask_sentence(url);
    return mask_keywords(text).value_or(std::string{kMask});
}

}  // namespace lintas::obs
