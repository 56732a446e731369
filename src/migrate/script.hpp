#pragma once
// What `lintas migrate` runs and what its --print prints: the same statements.

#include <string>
#include <string_view>
#include <vector>

namespace lintas::migrate {

struct ScriptOptions {
    std::vector<std::string> schemas{"public"};  // those served
    std::string publication = "lintas";
    std::string grant_to{};  // a role; empty: nobody
};

inline constexpr int kSchemaVersion = 1;  // of the tables in schema lintas

/// BEGIN ... COMMIT. The one before the last returns a column of sentences: what was done, what was
/// there already, what could not be done. Safe to run again, and from several places at once.
std::vector<std::string> statements(const ScriptOptions& options);

/// The same for psql.
std::string script(const ScriptOptions& options);

}  // namespace lintas::migrate
