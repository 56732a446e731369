#pragma once
// Between which positions of the primary's history a read was made (POSITIONS section 2).

#include <cstdint>
#include <memory>

#include "base/deadline.hpp"
#include "position/history.hpp"
#include "position/snapshot.hpp"
#include "postgres/session_identity.hpp"

namespace lintas::primary {

/// In this order: asked, flush, snapshot, the read itself, insert.
struct PrimaryMarks {
    Clock::time_point asked{};      // before anything was sent
    position::Lsn flush{};          // everything that ended by here was in the WAL, if not visible
    position::Snapshot snapshot{};  // not the read's own, but an earlier one: what it shows, the
                                    // read shows
    position::Lsn insert{};         // hi: nothing that ended later is in the answer
    position::Timeline timeline = 0;  // 0: not known; such an answer is not to be kept
    /// false: what was read may be older than `flush` and `snapshot` say. Not to be kept.
    bool read_committed = true;
    /// nullptr through a pooler, which may give every batch another session.
    std::shared_ptr<const postgres::SessionIdentity> session{};
};

}  // namespace lintas::primary
