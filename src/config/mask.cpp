// libpq's own grammar where the string is well-formed; where it is not, all of it goes.

#include "config/mask.hpp"

#include <algorithm>
#include <optional>

namespace lintas::config {

namespace {

constexpr std::string_view kMask = "********";

bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 &&
            hex(text[i + 2]) >= 0) {
            out.push_back(static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

bool is_secret(std::string_view keyword) {
    return keyword == "password" || keyword == "sslpassword";
}

std::string mask_query(std::string_view query) {
    std::string out;
    for (std::size_t at = 0; at <= query.size();) {
        const std::size_t end = std::min(query.find('&', at), query.size());
        const std::string_view item = query.substr(at, end - at);
        const std::size_t equals = item.find('=');
        at = end + 1;
        // Without an '=' it may be the rest of a password that held a bare '&' or '?'.
        if (equals == std::string_view::npos) return std::string{kMask};
        if (!out.empty()) out.push_back('&');
        const bool secret = is_secret(percent_decoded(item.substr(0, equals)));
        out.append(secret ? item.substr(0, equals + 1) : item).append(secret ? kMask : "");
    }
    return out;
}

std::string mask_uri(std::string_view url) {
    const std::size_t start = url.find("://") + 3;
    std::string out{url.substr(0, start)};
    std::string_view rest = url.substr(start);
    const std::size_t query = rest.find('?');
    // The last '@' of all, not the first before a '/': a password may hold what should have been
    // encoded.
    const std::size_t at = rest.rfind('@');
    if (at != std::string_view::npos) {
        // A '?' inside a password, or an '@' inside a parameter: no way to tell.
        if (query < at) return out.append(kMask);
        const std::string_view user = rest.substr(0, at);
        const std::size_t colon = user.find(':');
        out.append(user.substr(0, colon));
        if (colon != std::string_view::npos) out.append(":").append(kMask);
    }
    if (query == std::string_view::npos) {
        return out.append(at == std::string_view::npos ? rest : rest.substr(at));
    }
    const std::size_t from = at == std::string_view::npos ? 0 : at;
    return out.append(rest.substr(from, query + 1 - from))
        .append(mask_query(rest.substr(query + 1)));
}

/// One `keyword = value` as libpq reads it; nullopt where libpq would refuse the string.
struct Pair {
    std::string_view keyword;
    std::string_view value;  // as written, quotes included
};

std::optional<Pair> next_pair(std::string_view& rest) {
    const auto skip_space = [&] {
        while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    };
    std::size_t length = 0;
    while (length < rest.size() && rest[length] != '=' && !is_space(rest[length])) ++length;
    Pair pair{rest.substr(0, length), {}};
    rest.remove_prefix(length);
    skip_space();
    if (!rest.starts_with('=') || pair.keyword.empty()) return std::nullopt;
    rest.remove_prefix(1);
    skip_space();

    const bool quoted = rest.starts_with('\'');
    std::size_t end = quoted ? 1 : 0;
    while (end < rest.size() && (quoted ? rest[end] != '\'' : !is_space(rest[end]))) {
        end += rest[end] == '\\' ? 2 : 1;
    }
    if (quoted && end >= rest.size()) return std::nullopt;
    end = std::min(end + (quoted ? 1 : 0), rest.size());
    pair.value = rest.substr(0, end);
    rest.remove_prefix(end);
    skip_space();
    return pair;
}

std::string mask_keywords(std::string_view text) {
    std::string out;
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty()) {
        const std::optional<Pair> pair = next_pair(text);
        if (!pair) return "unreadable=********";
        if (!out.empty()) out.push_back(' ');
        out.append(pair->keyword).append("=");
        out.append(is_secret(pair->keyword) ? kMask : pair->value);
    }
    return out;
}

}  // namespace

std::string mask_url(std::string_view url) {
    const bool uri = url.starts_with("postgresql://") || url.starts_with("postgres://");
    return uri ? mask_uri(url) : mask_keywords(url);
}

}  // namespace lintas::config
