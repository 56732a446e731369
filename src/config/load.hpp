#pragma once
// The configuration file, environment and --set → Config, or everything that is wrong with them.

#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/expand.hpp"
#include "config/problems.hpp"

namespace lintas::config {

inline constexpr std::size_t kConfigFileBytesMax = 1024 * 1024;

struct LoadInput {
    std::string path{};
    Role role = Role::primary;
    std::vector<std::string> sets{};  // "a.b.c=value", a later one wins
    Environment environment{};        // for LINTAS__A__B__C and ${env:NAME}
};

/// Reads, overrides (--set before LINTAS__… before the file) and checks. A function of its input
/// and of the files it names, so a reload is a second call. Use the result only if `problems`
/// gained none. Never throws; every problem is reported, not only the first.
Config load_config(const LoadInput& input, Problems& problems);

/// The process's own environment, for main.
Environment process_environment();

}  // namespace lintas::config
