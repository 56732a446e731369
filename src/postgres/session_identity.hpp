#pragma once
// Which server answers on a connection: addresses move, and a promotion leaves connections open.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/statement.hpp"
#include "postgres/rows.hpp"

namespace lintas::postgres {

/// As the server said when the connection was opened. A promotion since then does not show in it.
struct SessionIdentity {
    std::uint64_t system_id = 0;     // of the cluster: pg_control_system()
    std::string postmaster_start{};  // epoch seconds: a restart is another instance
    bool in_recovery = false;
    std::uint32_t timeline = 0;  // of a primary; 0 in recovery, where a session cannot know it

    bool same_instance(const SessionIdentity& other) const {
        return system_id == other.system_id && postmaster_start == other.postmaster_start;
    }
    bool operator==(const SessionIdentity&) const = default;
};

/// For ConnectOptions::identify. The timeline is read from the WAL file in use and not from
/// pg_control_checkpoint(), which lags behind a promotion.
Statement identify_session();
/// nullopt: not what identify_session() returns.
std::optional<SessionIdentity> session_identity_from(const Rows& rows);

/// "0000002A", the first digits of a WAL file's name. nullopt: not such digits.
std::optional<std::uint32_t> timeline_from_wal_file(std::string_view digits);

}  // namespace lintas::postgres
