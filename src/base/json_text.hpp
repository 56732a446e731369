#pragma once
// JSON fragments appended to a string: log lines and /status are built without a document tree.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace lintas {

/// Appends `bytes` as a JSON string with its quotes. Any input gives valid JSON in UTF-8: what is
/// not UTF-8 becomes U+FFFD, one per maximal broken part (Unicode 15, section 3.9).
void append_json_string(std::string& out, std::string_view bytes);

void append_int(std::string& out, std::int64_t value);
void append_uint(std::string& out, std::uint64_t value);

/// The shortest text that reads back as the same value; JSON has no NaN and no infinity: null.
void append_json_double(std::string& out, double value);

// The same into memory that the caller has made sure of, for the log line of each request; all
// return the end of what they wrote.

/// Needs room for 6 * bytes.size() + 10.
char* put_json_string(char* at, std::string_view bytes);

/// Need room for kNumberRoom.
inline constexpr std::size_t kNumberRoom = 40;
char* put_int(char* at, std::int64_t value);
char* put_json_double(char* at, double value);
/// Milliseconds with three digits behind the point, "12.034"; a negative duration is 0.
char* put_milliseconds(char* at, std::chrono::nanoseconds duration);
/// RFC 3339 in UTC with milliseconds, "2024-02-29T23:59:59.007Z". Years 0 to 9999.
char* put_timestamp(char* at, std::chrono::system_clock::time_point when);

/// Length of the valid UTF-8 sequence at the start of `bytes`; 0 when there is none.
std::size_t utf8_length(std::string_view bytes);

/// At most `limit` bytes of `bytes`, never cutting a UTF-8 sequence in two.
std::string_view utf8_prefix(std::string_view bytes, std::size_t limit);

}  // namespace lintas
