#pragma once
// Who asked: the request id and the W3C trace context of one request, taken from its headers or
// made.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/http_message.hpp"
#include "base/result.hpp"

namespace lintas::obs {

/// Random numbers for ids, fast and not for secrets (xoshiro256++ by Blackman and Vigna).
/// Thread: one per thread, never shared.
class IdSource {
 public:
    IdSource();  // seeded by the kernel; aborts if it has no randomness to give
    explicit IdSource(std::array<std::uint64_t, 4> seed) : state_(seed) {}

    std::uint64_t next();

 private:
    std::array<std::uint64_t, 4> state_;
};

inline constexpr std::uint8_t kSampled = 0x01;      // the caller may have recorded the trace
inline constexpr std::uint8_t kRandomTrace = 0x02;  // trace context level 2: the trace id is random

/// Ids are kept as the lower-case hexadecimal that headers, logs and OTLP/JSON all want.
struct TraceContext {
    std::array<char, 32> trace_id{};
    std::array<char, 16> span_id{};    // of our work on this request; new for each
    std::array<char, 16> parent_id{};  // the caller's span; all NUL when the trace begins here
    std::uint8_t flags = 0;
    std::string tracestate{};  // passed on as it came; empty: none

    std::string_view trace_id_text() const { return {trace_id.data(), trace_id.size()}; }
    std::string_view span_id_text() const { return {span_id.data(), span_id.size()}; }
    /// Empty when the trace begins here.
    std::string_view parent_id_text() const {
        return {parent_id.data(), parent_id[0] == '\0' ? 0 : parent_id.size()};
    }
    bool continued() const { return parent_id[0] != '\0'; }
    /// For a request made on behalf of this one: our span is its parent.
    std::string traceparent() const;
};

/// What a valid traceparent says. Source: W3C Trace Context, level 1, section 3.2
/// (versions: 3.2.2, 4.3): version ff, upper case, all-zero ids, and anything behind a version 00
/// are invalid.
struct Traceparent {
    std::string_view trace_id;   // 32 digits, a view into the header
    std::string_view parent_id;  // 16 digits
    std::uint8_t flags = 0;      // only the bits that are defined; the rest must not be passed on
};
std::optional<Traceparent> parse_traceparent(std::string_view header);

/// One combined tracestate (section 3.3): at most 32 members, keys unique. Empty members are
/// allowed.
bool valid_tracestate(std::string_view header);

/// A new trace that begins with this request; not sampled.
TraceContext new_trace(IdSource& ids);

/// Continues the caller's trace under a new span id. A traceparent that is absent, malformed or
/// given twice, or a malformed tracestate, begins a new trace (CONTRACT.md section 3). Never fails.
TraceContext trace_from(const RawRequest& raw, IdSource& ids);

/// 1 to 128 visible ASCII characters.
bool valid_request_id(std::string_view id);

/// 15 characters of [0-9a-z] without i, l, o and u: 75 random bits, and short enough that
/// std::string does not allocate.
std::string new_request_id(IdSource& ids);

/// X-Request-Id as it came, or a new one. Errors: bad_header when it is malformed or given twice.
Result<std::string> request_id_from(const RawRequest& raw, IdSource& ids);

}  // namespace lintas::obs
