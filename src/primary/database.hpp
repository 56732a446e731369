#pragma once
// The primary as one thread sees it: its pool, its shared reads, and how a transaction is framed.

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/deadline.hpp"
#include "base/http_message.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "postgres/pool.hpp"
#include "postgres/shared_reads.hpp"
#include "primary/outcome.hpp"
#include "sql/statements.hpp"

namespace lintas::primary {

/// What surrounds the main statement of a request.
struct Frame {
    Statement settings;                      // sql::shared_settings()
    std::optional<Statement> request{};      // sql::request_settings(); nullopt: nothing can see it
    std::optional<Statement> pre_request{};  // sql::pre_request_call()
    std::string isolation{};                 // of the role; empty: READ COMMITTED
    bool through_pooler = false;             // the connection has no statement_timeout of its own
};

/// How a write ends when its statement succeeded.
enum class Ending { commit, rollback };

/// What plain rows (sql::Read::plain_rows) are made into.
struct ReadShape {
    bool array = true;  // else one object
    bool body = true;   // false: HEAD
};

/// Reads in a shared batch where sql::Read::shareable allows it and nothing calls pre_request, else
/// in a READ ONLY transaction of its own. Errors: sql, connect_failed, connection_lost,
/// pool_timeout, deadline_exceeded, overloaded, cancelled. Cancel: safe; what runs alone is
/// cancelled at the server, a share of a batch is dropped.
Task<Result<Outcome>> read(postgres::Pool& pool, postgres::SharedReads& reads,
                           const sql::Read& statements, Frame frame, ReadShape shape,
                           Deadline deadline);

/// Turns the outcome of the statement into the reply, or into the error for which the write is
/// rolled back.
using Decide = std::function<Result<Reply>(Outcome)>;

struct WriteOptions {
    Ending ending = Ending::commit;
    /// `decide` must be asked before COMMIT: a row count or response.headers may say no. Costs a
    /// round trip.
    bool decide_before_commit = false;
};

/// One transaction: BEGIN, settings, statement, COMMIT; in one flight unless something must be
/// looked at. Errors: as read(), with nothing applied; outcome_unknown when the answer to COMMIT
/// was lost. Cancel: the statement is cancelled at the server and rolled back, unless COMMIT got
/// there first.
Task<Result<Reply>> write(postgres::Pool& pool, const sql::Write& statements, Frame frame,
                          const WriteOptions& options, const Decide& decide, Deadline deadline);

}  // namespace lintas::primary
