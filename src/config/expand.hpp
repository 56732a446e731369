#pragma once
// ${file:/path} and ${env:NAME} inside a value, so that secrets need not stand in the file.

#include <expected>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace lintas::config {

using Environment = std::map<std::string, std::string, std::less<>>;

inline constexpr std::size_t kValueFileBytesMax = 64 * 1024;

/// Replaces each reference once (what comes in is not looked at again); `$${` stands for a literal
/// `${`. A file loses one newline at its end. Reads files; the error never quotes their content.
std::expected<std::string, std::string> expand(std::string_view text,
                                               const Environment& environment);

/// The text of a value that expand() turns back into `text`.
std::string escape_references(std::string_view text);

/// At most `bytes_max` bytes of a file. The error says why, without the path.
std::expected<std::string, std::string> read_file(const std::string& path, std::size_t bytes_max);

}  // namespace lintas::config
