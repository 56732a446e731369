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
#include "primary/marks.hpp"
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

struct ReadAnswer {
    Outcome outcome;
    PrimaryMarks marks;
};

/// For postgres::PoolOptions::refuse of a primary's pool: a standby is not connected to.
std::string refuse_standby(const postgres::SessionIdentity& session);

/// Reads in a shared batch where sql::Read::shareable allows it and nothing calls pre_request, else
/// in a READ ONLY transaction of its own. `reads` was made with bracket() of primary/bracket.hpp.
/// Errors: sql, connect_failed, connection_lost (also when the server is a standby now),
/// pool_timeout, deadline_exceeded, overloaded, cancelled. Cancel: safe; what runs alone is
/// cancelled at the server, a share of a batch is dropped.
Task<Result<ReadAnswer>> read(postgres::Pool& pool, postgres::SharedReads& reads,
                              const sql::Read& statements, Frame frame, ReadShape shape,
                              Deadline deadline);

/// Turns the outcome of the statement into the reply, or into the error for which the write is
/// rolled back.
using Decide = std::function<Result<Reply>(Outcome)>;

/// What must hold of the rows as they are, before the write may touch them.
struct Precondition {
    Statement lock;     // sql::build_lock()
    sql::Read current;  // the representation that `check` compares
    ReadShape shape{};
    std::function<Result<void>(Outcome)> check;  // its error is the write's; nothing is applied
};

struct WriteOptions {
    Ending ending = Ending::commit;
    /// `decide` must be asked before COMMIT: a row count or response.headers may say no. Costs a
    /// round trip.
    bool decide_before_commit = false;
    /// Costs a round trip.
    std::optional<Precondition> precondition{};
    /// The timeline that the primary is known to be on; 0: not known. Through a pooler, which may
    /// lead to a deposed server at any time, the transaction looks for itself: deposed.
    position::Timeline timeline = 0;
};

struct Written {
    Reply reply;
    /// Everything that this write committed had ended by here. nullopt: nothing was committed, or
    /// the question was lost after the commit: the reply carries no token then.
    std::optional<position::Lsn> flush{};
    position::Timeline timeline = 0;                             // of `flush`; 0: not known
    std::shared_ptr<const postgres::SessionIdentity> session{};  // nullptr through a pooler
};

/// One transaction: BEGIN, settings, statement, COMMIT; in one flight unless something must be
/// looked at. Errors: as read(), with nothing applied; outcome_unknown when the answer to COMMIT
/// was lost. Cancel: the statement is cancelled at the server and rolled back, unless COMMIT got
/// there first.
Task<Result<Written>> write(postgres::Pool& pool, const sql::Write& statements, Frame frame,
                            const WriteOptions& options, const Decide& decide, Deadline deadline);

}  // namespace lintas::primary
