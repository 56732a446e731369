#include "primary/database.hpp"
#include "primary/decode.hpp"
#include "primary/frame.hpp"

namespace lintas::primary {

namespace {

// The server's own statement_timeout ends the query at the deadline; its answer is waited for a
// little longer, because it is the more exact one.
constexpr std::chrono::milliseconds kGrace{250};

Result<Outcome> outcome_of(const sql::Read& statements, const postgres::Rows& main,
                           const postgres::Rows* explain, ReadShape shape) {
    if (statements.plain_rows) return decode_plain_rows(main, shape.array, shape.body);
    Result<Outcome> outcome = decode_main_row(main);
    if (outcome && explain) outcome->planned = planned_rows(*explain);
    return outcome;
}

Task<Result<Outcome>> read_shared(postgres::SharedReads& reads, const sql::Read& statements,
                                  Frame frame, ReadShape shape, Deadline deadline) {
    postgres::SharedRead shared;
    shared.settings = std::move(frame.settings);
    if (frame.request) shared.statements.push_back(std::move(*frame.request));
    const std::size_t main = shared.statements.size();
    shared.statements.push_back(statements.main);
    if (statements.explain) shared.statements.push_back(*statements.explain);

    const Result<std::vector<postgres::Rows>> rows =
        co_await reads.read(std::move(shared), deadline);
    if (!rows) co_return fail(with_deadline_named(rows.error(), deadline));
    co_return outcome_of(statements, (*rows)[main],
                         statements.explain ? &(*rows)[main + 1] : nullptr, shape);
}

Task<Result<Outcome>> read_alone(postgres::Pool& pool, const sql::Read& statements, Frame frame,
                                 ReadShape shape, Deadline deadline) {
    Result<postgres::Lease> lease = co_await pool.lease(deadline);
    if (!lease) co_return fail(lease.error());

    std::vector<Statement> unit = opening(std::move(frame), true, deadline);
    const std::size_t main = unit.size();
    unit.push_back(statements.main);
    if (statements.explain) unit.push_back(*statements.explain);
    unit.push_back(Statement{"COMMIT"});

    const Result<postgres::UnitResults> results =
        co_await (*lease)->run(std::move(unit), Deadline{deadline.at + kGrace});
    if (!results) co_return fail(results.error());
    for (const Result<postgres::Rows>& result : *results) {
        if (!result) co_return fail(with_deadline_named(result.error(), deadline));
    }
    lease->mark_clean();
    co_return outcome_of(statements, *(*results)[main],
                         statements.explain ? &*(*results)[main + 1] : nullptr, shape);
}

}  // namespace

Task<Result<Outcome>> read(postgres::Pool& pool, postgres::SharedReads& reads,
                           const sql::Read& statements, Frame frame, ReadShape shape,
                           Deadline deadline) {
    if (statements.shareable && !frame.pre_request && frame.isolation.empty()) {
        if (frame.through_pooler) {
            frame.settings = with_statement_timeout(std::move(frame.settings),
                                                    pool.options().connect.statement_timeout);
        }
        co_return co_await read_shared(reads, statements, std::move(frame), shape, deadline);
    }
    co_return co_await read_alone(pool, statements, std::move(frame), shape, deadline);
}

}  // namespace lintas::primary
