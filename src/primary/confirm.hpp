#pragma once
// consistency.confirm_primary: a primary that was deposed without noticing still answers reads, but
// cannot get a commit acknowledged by its synchronous standby, which has been promoted.

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "postgres/pool.hpp"

namespace lintas::primary {

/// Commits a message and waits until the synchronous standbys have it. Without synchronous standbys
/// this proves nothing, and costs a commit. Errors: deadline_exceeded, when no standby acknowledges
/// it in time; those of Pool::lease() and Connection::run(). Cancel: safe.
Task<Result<void>> confirm(postgres::Pool& pool, Deadline deadline);

}  // namespace lintas::primary
