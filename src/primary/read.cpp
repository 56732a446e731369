#include "primary/bracket.hpp"
#include "primary/database.hpp"
#include "primary/decode.hpp"
#include "primary/frame.hpp"
#include "primary/share.hpp"

namespace lintas::primary {

namespace {

// The server's own statement_timeout ends the query at the deadline; its answer is waited for a
// little longer, because it is the more exact one.
constexpr std::chrono::milliseconds kGrace{250};
constexpr std::ptrdiff_t kBefore = 2;  // behind BEGIN and the settings

Result<ReadAnswer> answer_of(Result<Outcome> outcome, const postgres::Marks& marks) {
    if (!outcome) return fail(std::move(outcome.error()));
    Result<PrimaryMarks> decoded = decode_marks(marks);
    if (!decoded) return fail(std::move(decoded.error()));
    return ReadAnswer{std::move(*outcome), std::move(*decoded)};
}

Task<Result<ReadAnswer>> read_shared(postgres::SharedReads& reads, const sql::Read& statements,
                                     Frame frame, ReadShape shape, Deadline deadline) {
    const SharedShare share = share_of(statements, std::move(frame));
    const Result<postgres::SharedRows> got = co_await reads.read(share.read, deadline);
    if (!got) co_return fail(with_deadline_named(got.error(), deadline));
    co_return answer_of(outcome_of_share(statements, share, *got, shape), *got->marks);
}

Task<Result<ReadAnswer>> read_alone(postgres::Pool& pool, const sql::Read& statements, Frame frame,
                                    ReadShape shape, Deadline deadline) {
    Result<postgres::Lease> lease = co_await pool.lease(deadline);
    if (!lease) co_return fail(lease.error());

    // Under any other level the first statement fixes what all of them see: older than the mark.
    const bool read_committed = frame.isolation.empty();
    const postgres::Bracket marks = bracket(frame.through_pooler);
    std::vector<Statement> unit = opening(std::move(frame), true, deadline);
    unit.insert(unit.begin() + kBefore, marks.before);
    const std::size_t main = unit.size();
    unit.push_back(statements.main);
    if (statements.explain) unit.push_back(*statements.explain);
    const std::size_t after = unit.size();
    unit.push_back(marks.after);
    unit.push_back(Statement{"COMMIT"});

    const Clock::time_point asked = Clock::now();
    const Result<postgres::UnitResults> results =
        co_await (*lease)->run(std::move(unit), Deadline{deadline.at + kGrace});
    if (!results) co_return fail(results.error());
    for (const Result<postgres::Rows>& result : *results) {
        if (!result) co_return fail(with_deadline_named(result.error(), deadline));
    }
    lease->mark_clean();
    const postgres::Marks seen{*(*results)[kBefore], *(*results)[after], asked,
                               (*lease)->session()};
    Result<ReadAnswer> answer =
        answer_of(outcome_of(statements, *(*results)[main],
                             statements.explain ? &*(*results)[main + 1] : nullptr, shape),
                  seen);
    if (answer && !read_committed) answer->marks.read_committed = false;
    co_return answer;
}

}  // namespace

std::string refuse_standby(const postgres::SessionIdentity& session) {
    return session.in_recovery ? "the server is a standby and not the primary database" : "";
}

SharedShare share_of(const sql::Read& statements, Frame frame) {
    SharedShare share;
    share.read.settings = std::move(frame.settings);
    if (frame.request) share.read.statements.push_back(std::move(*frame.request));
    share.main = share.read.statements.size();
    share.read.statements.push_back(statements.main);
    if (statements.explain) share.read.statements.push_back(*statements.explain);
    return share;
}

Result<Outcome> outcome_of_share(const sql::Read& statements, const SharedShare& share,
                                 const postgres::SharedRows& got, ReadShape shape) {
    const postgres::Rows* explain = statements.explain ? &got.rows[share.main + 1] : nullptr;
    return outcome_of(statements, got.rows[share.main], explain, shape);
}

Task<Result<ReadAnswer>> read(postgres::Pool& pool, postgres::SharedReads& reads,
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
