#pragma once
// --check-config: the effective configuration as YAML that loads again, with nothing secret in it.

#include <string>

#include "config/config.hpp"

namespace lintas::config {

/// Every key that has a value, defaults included, references resolved. The JWT secret and passwords
/// in connection strings are replaced by asterisks that pass the same checks as the real ones.
std::string dump(const Config& config);

}  // namespace lintas::config
