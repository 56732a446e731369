#include "primary/confirm.hpp"

#include <vector>

namespace lintas::primary {

Task<Result<void>> confirm(postgres::Pool& pool, Deadline deadline) {
    Result<postgres::Lease> lease = co_await pool.lease(deadline);
    if (!lease) co_return fail(lease.error());
    std::vector<Statement> unit;
    unit.push_back(Statement{"BEGIN READ WRITE"});
    // A wait for the standby that is cancelled ends with a warning and a COMMIT that succeeds, so
    // no timeout of the server may cancel it: ours does.
    unit.push_back(Statement{
        "SELECT set_config('statement_timeout', '0', true), set_config('synchronous_commit', "
        "CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on' "
        "ELSE current_setting('synchronous_commit') END, true)"});
    unit.push_back(Statement{"SELECT pg_logical_emit_message(true, 'lintas', 'confirm')"});
    unit.push_back(Statement{"COMMIT"});
    const Result<postgres::UnitResults> results = co_await (*lease)->run(std::move(unit), deadline);
    if (!results) co_return fail(results.error());
    for (const Result<postgres::Rows>& result : *results) {
        if (!result) co_return fail(result.error());
    }
    lease->mark_clean();
    co_return Result<void>{};
}

}  // namespace lintas::primary
