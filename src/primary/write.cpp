#include "postgres/sqlstate.hpp"
#include "primary/bracket.hpp"
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
        if (result) continue;
        if (is_fence(result.error())) {
            return fail(Errc::deposed, "",
                        "the pooler leads to a server on a timeline that a failover ended");
        }
        return fail(with_deadline_named(result.error(), deadline));
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
    Result<Written> written;
    bool prepare_anew = false;  // nothing was applied; a prepared statement was outdated
};

/// Looks at the rows that are about to be written, behind the opening of the transaction.
/// `outdated` is set when a prepared statement was, and the attempt may be repeated.
Task<Result<void>> check_precondition(postgres::Lease& lease, std::vector<Statement> unit,
                                      const Precondition& precondition, Deadline deadline,
                                      bool& outdated) {
    unit.push_back(precondition.lock);
    const std::size_t current = unit.size();
    unit.push_back(precondition.current.main);
    const Result<postgres::UnitResults> results =
        co_await lease->run(std::move(unit), Deadline{deadline.at + kGrace});
    if (!results) co_return fail(results.error());
    for (const Result<postgres::Rows>& result : *results) {
        if (!result && postgres::wants_new_prepare(result.error())) outdated = true;
    }
    const Result<void> ran = all_succeeded(*results, deadline);
    if (!ran) co_return fail(ran.error());
    Result<Outcome> outcome =
        outcome_of(precondition.current, *(*results)[current], nullptr, precondition.shape);
    if (!outcome) co_return fail(outcome.error());
    co_return precondition.check(std::move(*outcome));
}

/// Runs `unit`, the last of the transaction, and asks in the same flight where the log has been
/// flushed to then: in a Sync of its own, because before the commit it would say nothing.
struct Ended {
    Result<postgres::UnitResults> results;
    std::optional<Flushed> flushed{};
    bool clean = false;  // nothing of it is on the way any more
};
Task<Ended> run_last(postgres::Lease& lease, std::vector<Statement> unit, Ending ending,
                     bool through_pooler, Deadline answer_by) {
    std::vector<std::vector<Statement>> units;
    units.push_back(std::move(unit));
    if (ending == Ending::commit) {
        units.emplace_back();
        units.back().push_back(flushed_position(through_pooler));
    }
    std::vector<Result<postgres::UnitResults>> all =
        co_await lease->run_each(std::move(units), answer_by);
    Ended ended{std::move(all.front())};
    ended.clean = all.back().has_value();
    if (all.size() > 1 && all.back() && all.back()->front())
        ended.flushed = decode_flushed(*all.back()->front());
    co_return ended;
}

Written written_of(Reply reply, const Ended& ended, const postgres::Connection& connection) {
    Written written{std::move(reply)};
    written.session = connection.session();
    if (!ended.flushed) return written;
    written.flush = ended.flushed->flush;
    written.timeline = written.session ? written.session->timeline : ended.flushed->timeline;
    return written;
}

Task<Attempt> attempt(postgres::Lease& lease, const sql::Write& statements, Frame frame,
                      const WriteOptions& options, const Decide& decide, Deadline deadline) {
    const Deadline answer_by{deadline.at + kGrace};
    const bool through_pooler = frame.through_pooler;
    std::vector<Statement> unit = opening(std::move(frame), false, deadline);
    if (through_pooler && options.timeline != 0) unit.push_back(fence(options.timeline));
    if (options.precondition) {
        bool outdated = false;
        const Result<void> holds = co_await check_precondition(
            lease, std::move(unit), *options.precondition, deadline, outdated);
        if (!holds) co_return Attempt{fail(holds.error()), outdated};
        unit.clear();
    }
    const std::size_t main = unit.size();
    unit.push_back(statements.main);
    const bool one_flight = !options.decide_before_commit;
    Ended ended{fail(Errc::internal, "nothing was sent")};
    if (one_flight) {
        append_ending(unit, options.ending);
        ended =
            co_await run_last(lease, std::move(unit), options.ending, through_pooler, answer_by);
    } else {
        ended.results = co_await lease->run(std::move(unit), answer_by);
    }
    if (!ended.results) {
        const bool may_be_applied = one_flight && options.ending == Ending::commit;
        const Error& error = ended.results.error();
        co_return Attempt{fail(may_be_applied ? unknown(error) : error)};
    }
    for (const Result<postgres::Rows>& result : *ended.results) {
        if (!result && postgres::wants_new_prepare(result.error())) {
            co_return Attempt{fail(result.error()), true};
        }
    }
    const Result<void> ran = all_succeeded(*ended.results, deadline);
    if (!ran) co_return Attempt{fail(ran.error())};

    Result<Outcome> outcome = decode_main_row(*(*ended.results)[main]);
    if (!outcome) co_return Attempt{fail(outcome.error())};
    Result<Reply> reply = decide(std::move(*outcome));
    if (one_flight) {
        if (ended.clean) lease.mark_clean();
        if (!reply) co_return Attempt{fail(reply.error())};
        co_return Attempt{written_of(std::move(*reply), ended, *lease)};
    }
    if (!reply) co_return Attempt{fail(reply.error())};  // the dirty lease is rolled back

    std::vector<Statement> end;
    append_ending(end, options.ending);
    ended = co_await run_last(lease, std::move(end), options.ending, through_pooler, answer_by);
    if (!ended.results) {
        const Error& error = ended.results.error();
        co_return Attempt{fail(options.ending == Ending::commit ? unknown(error) : error)};
    }
    const Result<void> committed = all_succeeded(*ended.results, deadline);
    if (!committed) co_return Attempt{fail(committed.error())};
    if (ended.clean) lease.mark_clean();
    co_return Attempt{written_of(std::move(*reply), ended, *lease)};
}

}  // namespace

Task<Result<Written>> write(postgres::Pool& pool, const sql::Write& statements, Frame frame,
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
    co_return std::move(made.written);
}

}  // namespace lintas::primary
