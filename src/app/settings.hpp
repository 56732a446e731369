#pragma once
// Configuration → what one thread serves with.

#include <memory>

#include "app/services.hpp"
#include "base/result.hpp"

namespace lintas::app {

/// Errors: internal, a key set that cannot be used (the message names the file).
Result<std::shared_ptr<Settings>> make_settings(const config::Config& config);

}  // namespace lintas::app
