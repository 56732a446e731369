#pragma once
// `lintas migrate`: makes or upgrades what lintas keeps in the primary database.

#include <cstdio>

#include "config/config.hpp"
#include "config/options.hpp"

namespace lintas::migrate {

/// Returns the exit status: 0, or 1 with a sentence on `err`, in which case nothing was changed
/// (or, where the sentence says so, nobody knows). What was done, and what could not be, goes to
/// `out`, one sentence per line. --print needs no database. Blocks for up to 6 minutes.
int migrate_command(const config::MigrateOptions& options, const config::Config& config,
                    std::FILE* out = stdout, std::FILE* err = stderr);

}  // namespace lintas::migrate
