#include <fmt/format.h>

#include <algorithm>

#include "parse/headers.hpp"

namespace lintas::parse {

namespace {

constexpr std::int64_t kDeltaSecondsMax = 2147483648;  // RFC 9111 section 1.2.2

std::unexpected<Error> malformed(std::string_view header, std::string_view rule) {
    return fail(Errc::bad_header, fmt::format("Malformed {} header", header),
                fmt::format("{}: {}", header, rule));
}

std::unexpected<Error> not_built(std::string_view header) {
    return fail(Errc::not_implemented, "Feature not implemented",
                fmt::format("The {} header is not implemented", header));
}

bool visible_ascii(std::string_view text, std::size_t longest) {
    return !text.empty() && text.size() <= longest &&
           std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
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
    if (!readable) return malformed("Cache-Control", "max-age takes a number of seconds");
    return {};
}

}  // namespace

Result<LintasHeaders> parse_lintas_headers(const RawRequest& raw, bool is_write) {
    LintasHeaders out;
    bool idempotency_key = false;
    bool position = false;
    bool if_match = false;
    // One look at each header decides whether the slower ones are looked at; most requests have
    // none.
    for (const HeaderView& header : raw.headers) {
        switch (header.name.size()) {
            case 8:
                if_match = if_match || header_name_equal(header.name, "If-Match");
                break;
            case 13:
                if (header_name_equal(header.name, "Cache-Control") && !header.value.empty()) {
                    const Result<void> parsed = parse_cache_control(raw, out);
                    if (!parsed) return fail(parsed.error());
                }
                break;
            case 14:
                if (header_name_equal(header.name, "Lintas-Session")) {
                    const Occurrences field = find_field(raw, "Lintas-Session");
                    if (field.count > 1 || !visible_ascii(field.value, 64)) {
                        return malformed("Lintas-Session",
                                         "1 to 64 visible ASCII characters, once");
                    }
                }
                break;
            case 15:
                if (header_name_equal(header.name, "Lintas-Position")) position = true;
                if (header_name_equal(header.name, "Idempotency-Key")) {
                    const Occurrences field = find_field(raw, "Idempotency-Key");
                    if (field.count > 1 || !visible_ascii(field.value, 255)) {
                        return malformed("Idempotency-Key",
                                         "1 to 255 visible ASCII characters, once");
                    }
                    idempotency_key = true;
                }
                break;
            case 18:
                if (header_name_equal(header.name, "Lintas-Consistency")) {
                    const Occurrences field = find_field(raw, "Lintas-Consistency");
                    if (field.count == 1 && field.value == "eventual") {
                        out.consistency = LintasHeaders::Consistency::eventual;
                    } else if (field.count == 1 && field.value == "critical") {
                        out.consistency = LintasHeaders::Consistency::critical;
                    } else {
                        return malformed("Lintas-Consistency", "eventual or critical, once");
                    }
                }
                break;
            default:
                break;
        }
    }
    if (position) return not_built("Lintas-Position");
    if (idempotency_key && is_write) return not_built("Idempotency-Key");
    if (if_match && is_write) return not_built("If-Match");
    return out;
}

}  // namespace lintas::parse
