#include <fmt/format.h>

#include <algorithm>

#include "parse/headers.hpp"

namespace lintas::parse {

std::unexpected<Error> malformed_header(std::string_view header, std::string_view rule) {
    return fail(Errc::bad_header, fmt::format("Malformed {} header", header),
                fmt::format("{}: {}", header, rule));
}

namespace {

constexpr std::size_t kPositionsMax = 16;
constexpr std::size_t kPositionBytesMax = 256;
constexpr std::int64_t kDeltaSecondsMax = 2147483648;  // RFC 9111 section 1.2.2

std::unexpected<Error> not_built(std::string_view header) {
    return fail(Errc::not_implemented, "Feature not implemented",
                fmt::format("The {} header is not implemented", header));
}

bool visible_ascii(std::string_view text, std::size_t longest) {
    return !text.empty() && text.size() <= longest &&
           std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

// The alphabet of base64url and of what else needs no quoting in a URL or a cookie.
bool is_position(std::string_view text) {
    return !text.empty() && text.size() <= kPositionBytesMax &&
           std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '.' || c == '_' || c == '~';
           });
}

Result<void> parse_positions(const RawRequest& raw, LintasHeaders& out) {
    bool readable = true;
    for_each_element(raw, "Lintas-Position", Quotes::plain, [&](std::string_view token) {
        readable = readable && out.positions.size() < kPositionsMax && is_position(token);
        if (readable) out.positions.emplace_back(token);
    });
    if (!readable || out.positions.empty()) {
        return malformed_header("Lintas-Position", "1 to 16 tokens as lintas sent them");
    }
    return {};
}

// The fields of that name: how often, and the first one's value.
struct Occurrences {
    std::size_t count = 0;
    std::string_view value{};
};

Occurrences find_field(const RawRequest& raw, std::string_view name) {
    Occurrences field;
    for (const HeaderView& header : raw.headers) {
        if (!header_name_equal(header.name, name)) continue;
        if (field.count++ == 0) field.value = without_blanks(header.value);
    }
    return field;
}

// Digits only; too large is clamped.
std::optional<std::int64_t> delta_seconds(std::string_view text) {
    if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"')) {
        text = text.substr(1, text.size() - 2);
    }
    if (text.empty()) return std::nullopt;
    std::int64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = std::min(value * 10 + (c - '0'), kDeltaSecondsMax);
    }
    return value;
}

Result<void> parse_cache_control(const RawRequest& raw, LintasHeaders& out) {
    bool readable = true;
    for_each_element(raw, "Cache-Control", Quotes::respected, [&](std::string_view directive) {
        const std::size_t equals = std::min(directive.find('='), directive.size());
        const std::string_view name = without_blanks(directive.substr(0, equals));
        if (header_name_equal(name, "no-cache")) {
            out.no_cache = true;
        } else if (header_name_equal(name, "no-store")) {
            out.no_store = true;
        } else if (header_name_equal(name, "only-if-cached")) {
            out.only_if_cached = true;
        } else if (header_name_equal(name, "max-age")) {
            const std::string_view argument =
                equals < directive.size() ? without_blanks(directive.substr(equals + 1)) : "";
            const std::optional<std::int64_t> seconds = delta_seconds(argument);
            readable = readable && seconds.has_value();
            // Said twice, the stricter one holds.
            if (seconds) out.max_age_s = std::min(*seconds, out.max_age_s.value_or(*seconds));
        }
    });
    if (!readable) return malformed_header("Cache-Control", "max-age takes a number of seconds");
    return {};
}

// Parses the fields of `name` once, however many there are.
Result<void> parse_tags_once(const RawRequest& raw, std::string_view name, Comparison comparison,
                             std::optional<EntityTags>& out) {
    if (out) return {};
    Result<EntityTags> tags = parse_entity_tags(raw, name, comparison);
    if (!tags) return fail(std::move(tags).error());
    out = *std::move(tags);
    return {};
}

Result<void> parse_session(const RawRequest& raw) {
    const Occurrences field = find_field(raw, "Lintas-Session");
    if (field.count == 1 && visible_ascii(field.value, 64)) return {};
    return malformed_header("Lintas-Session", "1 to 64 visible ASCII characters, once");
}

Result<void> parse_idempotency_key(const RawRequest& raw) {
    const Occurrences field = find_field(raw, "Idempotency-Key");
    if (field.count == 1 && visible_ascii(field.value, 255)) return {};
    return malformed_header("Idempotency-Key", "1 to 255 visible ASCII characters, once");
}

Result<void> parse_consistency(const RawRequest& raw, LintasHeaders& out) {
    const Occurrences field = find_field(raw, "Lintas-Consistency");
    if (field.count == 1 && field.value == "eventual") {
        out.consistency = LintasHeaders::Consistency::eventual;
    } else if (field.count == 1 && field.value == "critical") {
        out.consistency = LintasHeaders::Consistency::critical;
    } else {
        return malformed_header("Lintas-Consistency", "eventual or critical, once");
    }
    return {};
}

}  // namespace

Result<LintasHeaders> parse_lintas_headers(const RawRequest& raw, Method method) {
    LintasHeaders out;
    bool idempotency_key = false;
    // One look at each header decides whether the slower ones are looked at; most requests have
    // none.
    for (const HeaderView& header : raw.headers) {
        Result<void> parsed;
        switch (header.name.size()) {
            case 8:
                if (header_name_equal(header.name, "If-Match")) {
                    parsed = parse_tags_once(raw, "If-Match", Comparison::strong, out.if_match);
                }
                break;
            case 13:
                if (header_name_equal(header.name, "Cache-Control") && !header.value.empty()) {
                    parsed = parse_cache_control(raw, out);
                } else if (header_name_equal(header.name, "If-None-Match")) {
                    parsed =
                        parse_tags_once(raw, "If-None-Match", Comparison::weak, out.if_none_match);
                }
                break;
            case 14:
                if (header_name_equal(header.name, "Lintas-Session")) parsed = parse_session(raw);
                break;
            case 15:
                if (header_name_equal(header.name, "Lintas-Position") && out.positions.empty()) {
                    parsed = parse_positions(raw, out);
                } else if (header_name_equal(header.name, "Idempotency-Key")) {
                    parsed = parse_idempotency_key(raw);
                    idempotency_key = true;
                }
                break;
            case 18:
                if (header_name_equal(header.name, "Lintas-Consistency")) {
                    parsed = parse_consistency(raw, out);
                }
                break;
            default:
                break;
        }
        if (!parsed) return fail(std::move(parsed).error());
    }
    const bool reads = method == Method::get || method == Method::head;
    if (idempotency_key && !reads) return not_built("Idempotency-Key");
    if (out.if_match && method == Method::post) return not_built("If-Match");
    if (out.if_none_match && !reads) return not_built("If-None-Match");
    return out;
}

std::optional<std::string_view> position_cookie(const RawRequest& raw) {
    for (const HeaderView& header : raw.headers) {
        if (!header_name_equal(header.name, "Cookie")) continue;
        for (std::string_view rest = header.value; !rest.empty();) {
            const std::size_t end = std::min(rest.find(';'), rest.size());
            const std::string_view pair = without_blanks(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            const std::size_t equals = pair.find('=');
            if (pair.substr(0, equals) != kPositionCookie) continue;
            if (equals == std::string_view::npos) continue;
            std::string_view value = pair.substr(equals + 1);
            if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"')) {
                value = value.substr(1, value.size() - 2);
            }
            return value;
        }
    }
    return std::nullopt;
}

}  // namespace lintas::parse
