#pragma once
// The statements that look at the primary's position before and after a read, and what they say.

#include "base/result.hpp"
#include "postgres/shared_reads.hpp"
#include "primary/marks.hpp"

namespace lintas::primary {

/// For the SharedReads of a primary's pool. Through a pooler a session has no identity and perhaps
/// not our isolation level, so these are asked for each time; the system id, which would cost the
/// server a file read, is not.
postgres::Bracket bracket(bool through_pooler);

/// Errors: connection_lost, when the server is in recovery, so that it is not a primary (any more);
/// internal, when the rows are not those of bracket().
Result<PrimaryMarks> decode_marks(const postgres::Marks& marks);

/// Fails, with an error that is_fence(), on a server whose timeline is older than `timeline`.
Statement fence(position::Timeline timeline);
bool is_fence(const Error& error);

/// After COMMIT, in a Sync of its own. Two columns through a pooler: the LSN and the timeline.
Statement flushed_position(bool through_pooler);
struct Flushed {
    position::Lsn flush{};
    position::Timeline timeline = 0;  // 0: as the session's
};
std::optional<Flushed> decode_flushed(const postgres::Rows& rows);

}  // namespace lintas::primary
