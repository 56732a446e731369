#include "postgres/sqlstate.hpp"
#include "primary/database.hpp"
#include "primary/decode.hpp"
#include "primary/frame.hpp"

namespace lintas::primary {

namespace {

// How long beyond the deadline the server is given to say what became of a transaction: its own
// statement_timeout has ended it by then, and a true answer is worth more than LNT004.
constexpr std::chrono::milliseconds kGrace{500};

void append_ending(std::vector<Statement>& unit, Ending ending) {
    if (ending == Ending::rollback) {
        unit.push_back(
            Statement{"SET CONSTRAINTS ALL IMMEDIATE"});  // so that deferred ones still report
        unit.push_back(Statement{"ROLLBACK"});
    } else {
        unit.push_back(Statement{"COMMIT"});
    }
}

Result<void> all_succeeded(const postgres::UnitResults& results, Deadline deadline) {
    for (const Result<postgres::Rows>& result : results) {
        if (!result) return fail(with_deadline_named(result.error(), deadline));
    }
    return {};
}

/// The answer to a unit that held COMMIT did not come.
Error unknown(const Error& why) {
    if (why.code == Errc::cancelled) return why;
    return Error{Errc::outcome_unknown,
                 "the write was sent to the database and its outcome is not known",
                 why.code == Errc::deadline_exceeded ? "no answer came before the deadline"
                                                     : "the connection to the database was lost"};
}

struct Attempt {
    Result<Reply> reply;
    bool prepare_anew = false;  // nothing was applied; a prepared statement was outdated
};

Task<Attempt> attempt(postgres::Lease& lease, const sql::Write& statements, Frame frame,
                      const WriteOptions& options, const Decide& decide, Deadline deadline) {
    std::vector<Statement> unit = opening(std::move(frame), false, deadline);
    const std::size_t main = unit.size();
    unit.push_back(statements.main);
    const bool one_flight = !options.decide_before_commit;
    if (one_flight) append_ending(unit, options.ending);

    const Deadline answer_by{deadline.at + kGrace};
    const Result<postgres::UnitResults> results = co_await lease->run(std::move(unit), answer_by);
    if (!results) {
        const bool may_be_applied = one_flight && options.ending == Ending::commit;
        co_return Attempt{fail(may_be_applied ? unknown(results.error()) : results.error())};
    }
    for (const Result<postgres::Rows>& result : *results) {
        if (!result && postgres::wants_new_prepare(result.error())) {
            co_return Attempt{fail(result.error()), true};
        }
    }
    const Result<void> ran = all_succeeded(*results, deadline);
    if (!ran) co_return Attempt{fail(ran.error())};

    Result<Outcome> outcome = decode_main_row(*(*results)[main]);
    if (!outcome) co_return Attempt{fail(outcome.error())};
    Result<Reply> reply = decide(std::move(*outcome));
    if (one_flight) {
        lease.mark_clean();
        co_return Attempt{std::move(reply)};
    }
    if (!reply) co_return Attempt{std::move(reply)};  // the dirty lease is rolled back

    std::vector<Statement> end;
    append_ending(end, options.ending);
    const Result<postgres::UnitResults> ended = co_await lease->run(std::move(end), answer_by);
    if (!ended) {
        co_return Attempt{
            fail(options.ending == Ending::commit ? unknown(ended.error()) : ended.error())};
    }
    const Result<void> committed = all_succeeded(*ended, deadline);
    if (!committed) co_return Attempt{fail(committed.error())};
    lease.mark_clean();
    co_return Attempt{std::move(reply)};
}

}  // namespace

Task<Result<Reply>> write(postgres::Pool& pool, const sql::Write& statements, Frame frame,
                          const WriteOptions& options, const Decide& decide, Deadline deadline) {
    Result<postgres::Lease> lease = co_await pool.lease(deadline);
    if (!lease) co_return fail(lease.error());
    Attempt made = co_await attempt(*lease, statements, frame, options, decide, deadline);
    if (made.prepare_anew) {
        // DDL outdated the prepared statement; nothing was applied, so it is repeated once,
        // prepared anew.
        std::vector<Statement> rollback;
        rollback.push_back(Statement{"ROLLBACK"});
        const Result<postgres::UnitResults> rolled_back =
            co_await (*lease)->run(std::move(rollback), deadline);
        if (!rolled_back) co_return fail(rolled_back.error());
        made = co_await attempt(*lease, statements, std::move(frame), options, decide, deadline);
    }
    co_return std::move(made.reply);
}

}  // namespace lintas::primary
