#pragma once
// What a SIGHUP cannot change in a running daemon.

#include <string>
#include <vector>

#include "config/config.hpp"

namespace lintas::config {

/// The keys that differ and only take effect at a start: listen.* and threads. Empty: the new
/// configuration can be taken over as a whole.
std::vector<std::string> needs_restart(const Config& before, const Config& after);

}  // namespace lintas::config
