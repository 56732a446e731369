#include "obs/trace.hpp"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "base/assert.hpp"

namespace lintas::obs {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::size_t kTraceparentLength = 55;
constexpr std::size_t kTracestateMembers = 32;
constexpr std::size_t kRequestIdMax = 128;

bool is_hex(std::string_view s) {
    return s.find_first_not_of(kHex) == std::string_view::npos;
}

bool all_zero(std::string_view s) {
    return s.find_first_not_of('0') == std::string_view::npos;
}

unsigned hex_value(char c) {
    return static_cast<unsigned>(kHex.find(c));
}

void put_hex(char* at, std::uint64_t value) {
    for (int digit = 15; digit >= 0; --digit) {
        at[digit] = kHex[value & 15U];
        value >>= 4U;
    }
}

std::uint64_t next_nonzero(IdSource& ids) {
    std::uint64_t value = ids.next();
    while (value == 0) value = ids.next();
    return value;
}

bool is_key_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' ||
           c == '/';
}

bool is_key_part(std::string_view s, std::size_t max, bool may_start_with_digit) {
    if (s.empty() || s.size() > max || !std::ranges::all_of(s, is_key_char)) return false;
    return (s[0] >= 'a' && s[0] <= 'z') || (may_start_with_digit && s[0] >= '0' && s[0] <= '9');
}

/// `vendor` or `tenant@vendor`.
bool valid_state_key(std::string_view key) {
    const auto at = key.find('@');
    if (at == std::string_view::npos) return is_key_part(key, 256, false);
    return is_key_part(key.substr(0, at), 241, true) && is_key_part(key.substr(at + 1), 14, false);
}

bool valid_state_value(std::string_view value) {
    if (value.empty() || value.size() > 256 || value.back() == ' ') return false;
    return std::ranges::all_of(
        value, [](char c) { return c >= 0x20 && c <= 0x7E && c != ',' && c != '='; });
}

std::string_view trimmed(std::string_view s) {
    const auto first = s.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

/// The one header of that name; nullopt when it is absent or there are two.
std::optional<std::string_view> only_header(const RawRequest& raw, std::string_view name) {
    std::optional<std::string_view> found;
    for (const HeaderView& header : raw.headers) {
        if (!header_name_equal(header.name, name)) continue;
        if (found) return std::nullopt;
        found = header.value;
    }
    return found;
}

std::string combined(const RawRequest& raw, std::string_view name) {
    std::string all;
    for (const HeaderView& header : raw.headers) {
        if (!header_name_equal(header.name, name)) continue;
        if (!all.empty()) all += ',';
        all += header.value;
    }
    return all;
}

}  // namespace

IdSource::IdSource() : state_{} {
    do {
        const ssize_t got = getrandom(state_.data(), sizeof state_, 0);
        LINTAS_ASSERT(got == static_cast<ssize_t>(sizeof state_));
    } while (std::ranges::all_of(state_, [](std::uint64_t word) { return word == 0; }));
}

std::uint64_t IdSource::next() {
    auto& s = state_;
    const std::uint64_t result = std::rotl(s[0] + s[3], 23) + s[0];
    const std::uint64_t t = s[1] << 17U;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = std::rotl(s[3], 45);
    return result;
}

std::string TraceContext::traceparent() const {
    std::string text{"00-"};
    text.append(trace_id_text()).append("-").append(span_id_text()).append("-");
    text += kHex[flags >> 4U];
    text += kHex[flags & 15U];
    return text;
}

std::optional<Traceparent> parse_traceparent(std::string_view header) {
    if (header.size() < kTraceparentLength) return std::nullopt;
    const std::string_view version = header.substr(0, 2);
    const std::string_view trace_id = header.substr(3, 32);
    const std::string_view parent_id = header.substr(36, 16);
    const std::string_view flags = header.substr(53, 2);
    if (header[2] != '-' || header[35] != '-' || header[52] != '-') return std::nullopt;
    if (!is_hex(version) || !is_hex(trace_id) || !is_hex(parent_id) || !is_hex(flags))
        return std::nullopt;
    if (version == "ff" || all_zero(trace_id) || all_zero(parent_id)) return std::nullopt;
    if (header.size() > kTraceparentLength && (version == "00" || header[55] != '-'))
        return std::nullopt;
    unsigned bits = hex_value(flags[0]) * 16 + hex_value(flags[1]);
    // Of a version that we do not know, nothing but the sampled bit may be believed.
    bits &= version == "00" ? unsigned{kSampled} | kRandomTrace : unsigned{kSampled};
    return Traceparent{trace_id, parent_id, static_cast<std::uint8_t>(bits)};
}

bool valid_tracestate(std::string_view header) {
    std::vector<std::string_view> keys;
    while (true) {
        const auto comma = header.find(',');
        const std::string_view member = trimmed(header.substr(0, comma));
        if (!member.empty()) {
            const auto equals = member.find('=');
            if (equals == std::string_view::npos) return false;
            const std::string_view key = member.substr(0, equals);
            if (!valid_state_key(key) || !valid_state_value(member.substr(equals + 1)))
                return false;
            if (std::ranges::find(keys, key) != keys.end() || keys.size() == kTracestateMembers)
                return false;
            keys.push_back(key);
        }
        if (comma == std::string_view::npos) return true;
        header.remove_prefix(comma + 1);
    }
}

TraceContext new_trace(IdSource& ids) {
    TraceContext trace;
    put_hex(trace.trace_id.data(), ids.next());
    put_hex(trace.trace_id.data() + 16, next_nonzero(ids));
    put_hex(trace.span_id.data(), next_nonzero(ids));
    return trace;
}

TraceContext trace_from(const RawRequest& raw, IdSource& ids) {
    const std::optional<std::string_view> header = only_header(raw, "traceparent");
    if (!header) return new_trace(ids);
    const std::optional<Traceparent> parent = parse_traceparent(*header);
    if (!parent) return new_trace(ids);
    std::string state;
    if (raw.has_header("tracestate")) {
        state = combined(raw, "tracestate");
        if (!valid_tracestate(state)) return new_trace(ids);
    }
    TraceContext trace;
    std::ranges::copy(parent->trace_id, trace.trace_id.begin());
    std::ranges::copy(parent->parent_id, trace.parent_id.begin());
    put_hex(trace.span_id.data(), next_nonzero(ids));
    trace.flags = parent->flags;
    trace.tracestate = std::move(state);
    return trace;
}

bool valid_request_id(std::string_view id) {
    return !id.empty() && id.size() <= kRequestIdMax &&
           std::ranges::all_of(id, [](char c) { return c >= 0x21 && c <= 0x7E; });
}

std::string new_request_id(IdSource& ids) {
    constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
    std::string id(15, '0');
    std::uint64_t bits = ids.next();
    for (std::size_t i = 0; i < id.size(); ++i) {
        if (i == 12) bits = ids.next();  // 12 digits have used 60 of 64 bits
        id[i] = kDigits[bits & 31U];
        bits >>= 5U;
    }
    return id;
}

Result<std::string> request_id_from(const RawRequest& raw, IdSource& ids) {
    if (!raw.has_header("x-request-id")) return new_request_id(ids);
    const std::optional<std::string_view> id = only_header(raw, "x-request-id");
    if (!id || !valid_request_id(*id)) {
        return fail(Errc::bad_header,
                    "X-Request-Id must be given once, as 1 to 128 visible ASCII characters");
    }
    return std::string{*id};
}

}  // namespace lintas::obs
