#pragma once
// JSON strings out of header bytes, which may be anything but must become valid UTF-8 on the way
// in.

#include <string>
#include <string_view>

namespace lintas::sql {

/// Appends `bytes` as a JSON string. What is not UTF-8 becomes U+FFFD:
/// PostgreSQL would refuse it, and with it the whole request.
void append_json_string(std::string& json, std::string_view bytes);

}  // namespace lintas::sql
