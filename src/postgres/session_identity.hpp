#pragma once
// Which server answers on a connection: addresses move, and a promotion leaves connections open.

#include <cstdint>
#include <string>

#include "base/statement.hpp"

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
inline Statement identify_session() {
    return Statement{
        "SELECT (SELECT system_identifier FROM pg_control_system()), "
        "extract(epoch from pg_postmaster_start_time())::text, pg_is_in_recovery(), "
        "CASE WHEN NOT pg_is_in_recovery() THEN "
        "left(pg_walfile_name(pg_current_wal_lsn()), 8) END"};
}

}  // namespace lintas::postgres
