#pragma once
// Connection strings with their passwords blotted out, for --check-config, logs and /status.

#include <string>
#include <string_view>

namespace lintas::config {

/// Both of libpq's forms, postgresql://user:password@host/db?password=... and "host=...
/// password=...". Whatever cannot be told apart for certain is masked too: too much rather than too
/// little.
std::string mask_url(std::string_view url);

}  // namespace lintas::config
