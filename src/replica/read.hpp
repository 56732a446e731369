#pragma once
// One read on a replica between its two marks (POSITIONS section 2).

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "position/history.hpp"
#include "postgres/shared_reads.hpp"
#include "primary/database.hpp"
#include "primary/outcome.hpp"
#include "sql/statements.hpp"

namespace lintas::replica {

struct Answer {
    primary::Outcome outcome{};
    Clock::time_point asked{};  // before anything was sent
    std::uint64_t system_id = 0;
    position::Timeline timeline = 0;
    position::Lsn as_of{};     // replayed before the read: everything that ended by then is in it
    position::Lsn replayed{};  // after it; for RecentCommits::visible_to()
    position::Lsn received{};  // after it
};

/// What a read's two marks say.
struct Marks {
    bool in_recovery = false;  // at both; otherwise nothing else means anything
    position::Lsn as_of{}, replayed{}, received{};
};

/// The statements around each batch.
postgres::Bracket bracket();
/// Errors: internal, when the rows are not those of bracket().
Result<Marks> decode_marks(const postgres::Rows& before, const postgres::Rows& after);

}  // namespace lintas::replica
