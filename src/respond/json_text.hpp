#pragma once
// JSON strings out of bytes that may not be UTF-8: messages of the database and of clients.

#include <string>
#include <string_view>

namespace lintas::respond {

/// Appends `bytes` as a JSON string. What is not UTF-8 becomes U+FFFD:
/// the JSON around it has to stay readable.
void append_json_string(std::string& json, std::string_view bytes);

}  // namespace lintas::respond
