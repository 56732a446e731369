#pragma once
// The rules no single key can state: what is required, what excludes what, what must be readable.

#include "config/config.hpp"
#include "config/origins.hpp"
#include "config/problems.hpp"

namespace lintas::config {

/// Adds a problem for every rule that is broken; says nothing about keys that already failed. Opens
/// the files that the configuration names, to see that they can be read.
void check(const Config& config, const Origins& origins, Problems& problems);

}  // namespace lintas::config
