#include <fmt/format.h>

#include <array>
#include <charconv>

#include "parse/headers.hpp"
#include "parse/utf8.hpp"

namespace lintas::parse {

namespace {

using P = Preferences;

template <class T>
struct Token {
    std::string_view text;
    T value;
};

constexpr std::array kResolution = {
    Token{"resolution=merge-duplicates", P::Resolution::merge_duplicates},
    Token{"resolution=ignore-duplicates", P::Resolution::ignore_duplicates},
};
constexpr std::array kMissing = {
    Token{"missing=default", P::Missing::as_default},
    Token{"missing=null", P::Missing::as_null},
};
constexpr std::array kReturn = {
    Token{"return=representation", P::Return::representation},
    Token{"return=minimal", P::Return::minimal},
    Token{"return=headers-only", P::Return::headers_only},
};
constexpr std::array kCount = {
    Token{"count=exact", P::Count::exact},
    Token{"count=planned", P::Count::planned},
    Token{"count=estimated", P::Count::estimated},
};
constexpr std::array kTx = {
    Token{"tx=commit", P::Tx::commit},
    Token{"tx=rollback", P::Tx::rollback},
};
constexpr std::array kHandling = {
    Token{"handling=strict", P::Handling::strict},
    Token{"handling=lenient", P::Handling::lenient},
};

constexpr std::string_view kTimezone = "timezone=";
constexpr std::string_view kMaxAffected = "max-affected=";

// True if `token` is one of `tokens`; the first of a kind decides.
template <class T, std::size_t N>
bool recognise(std::string_view token, const std::array<Token<T>, N>& tokens,
               std::optional<T>& out) {
    for (const Token<T>& known : tokens) {
        if (token != known.text) continue;
        if (!out) out = known.value;
        return true;
    }
    return false;
}

bool recognise_timezone(std::string_view token, std::optional<std::string>& out) {
    if (!token.starts_with(kTimezone)) return false;
    const std::string_view zone = token.substr(kTimezone.size());
    // Whether the zone exists is PostgreSQL's to say; it can be told text only.
    if (zone.empty() || zone.find('\0') != std::string_view::npos || !valid_utf8(zone))
        return false;
    if (!out) out = std::string{zone};
    return true;
}

// A limit that cannot be read is not recognised, so that handling=strict refuses it instead of
// leaving the client without the guard it asked for.
bool recognise_max_affected(std::string_view token, std::optional<std::int64_t>& out) {
    if (!token.starts_with(kMaxAffected)) return false;
    const std::string_view digits = token.substr(kMaxAffected.size());
    std::int64_t value = 0;
    const char* const last = digits.data() + digits.size();
    const auto [end, error] = std::from_chars(digits.data(), last, value);
    if (error != std::errc{} || end != last || value < 0) return false;
    if (!out) out = value;
    return true;
}

template <class T, std::size_t N>
void append_token(const std::array<Token<T>, N>& tokens, const std::optional<T>& value,
                  std::string& out) {
    if (!value) return;
    for (const Token<T>& known : tokens) {
        if (known.value != *value) continue;
        if (!out.empty()) out += ", ";
        out += known.text;
    }
}

}  // namespace

Preferences parse_preferences(const RawRequest& raw) {
    Preferences prefer;
    for_each_element(raw, "Prefer", Quotes::plain, [&](std::string_view token) {
        if (token == "respond-async") {
            prefer.respond_async = true;
            return;
        }
        const bool known =
            recognise(token, kResolution, prefer.resolution) ||
            recognise(token, kMissing, prefer.missing) ||
            recognise(token, kReturn, prefer.return_) || recognise(token, kCount, prefer.count) ||
            recognise(token, kTx, prefer.tx) || recognise(token, kHandling, prefer.handling) ||
            recognise_timezone(token, prefer.timezone) ||
            recognise_max_affected(token, prefer.max_affected);
        if (!known) prefer.unrecognised.push_back(printable(token));
    });
    return prefer;
}

Result<void> check_strict(const Preferences& prefer) {
    if (prefer.handling != Preferences::Handling::strict || prefer.unrecognised.empty()) return {};
    return fail(Errc::bad_preference, "Invalid preferences given with handling=strict",
                fmt::format("Invalid preferences: {}", fmt::join(prefer.unrecognised, ", ")));
}

std::string preference_applied(const Request& request, bool upsert_possible, bool tx_allowed) {
    const Preferences& prefer = request.prefer;
    const bool rpc = request.path == PathKind::rpc;
    const bool post = !rpc && request.method == Method::post;
    const bool patch = !rpc && request.method == Method::patch;
    const bool put = !rpc && request.method == Method::put;
    const bool del = !rpc && request.method == Method::del;

    std::string out;
    if (post && upsert_possible) append_token(kResolution, prefer.resolution, out);
    if (post || patch) append_token(kMissing, prefer.missing, out);
    if (post || patch || put || del) append_token(kReturn, prefer.return_, out);
    append_token(kCount, prefer.count, out);
    if (tx_allowed) append_token(kTx, prefer.tx, out);
    append_token(kHandling, prefer.handling, out);
    const auto append = [&](std::string_view name, std::string_view value) {
        if (!out.empty()) out += ", ";
        out += name;
        out += value;
    };
    if (prefer.timezone) append(kTimezone, *prefer.timezone);
    if ((rpc || patch || del) && prefer.max_affected &&
        prefer.handling == Preferences::Handling::strict) {
        append(kMaxAffected, fmt::format_int(*prefer.max_affected).str());
    }
    return out;
}

}  // namespace lintas::parse
