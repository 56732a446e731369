#include "schema/load.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <utility>

#include "base/statement.hpp"
#include "postgres/connection.hpp"
#include "schema/queries.hpp"

namespace lintas::schema {
namespace {

struct Step {
    Table CatalogueTables::* table;  // null: the result is not looked at
    Statement statement;
};

std::vector<Step> steps_for(const LoadOptions& options, int server_version, Deadline deadline) {
    const boost::json::array names(options.schemas.begin(), options.schemas.end());
    const std::vector<std::optional<std::string>> schemas{boost::json::serialize(names)};
    // 0 would mean no timeout at all.
    const auto timeout_ms =
        std::clamp<std::chrono::milliseconds::rep>(deadline.remaining().count(), 1, 3'600'000);

    std::vector<Step> steps;
    steps.push_back({nullptr, {"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}});
    steps.push_back({nullptr, {queries::kSettings, {std::to_string(timeout_ms)}}});
    steps.push_back({&CatalogueTables::missing_schemas, {queries::kMissingSchemas, schemas}});
    steps.push_back({&CatalogueTables::relations, {queries::kRelations, schemas}});
    steps.push_back({&CatalogueTables::traits, {queries::kTraits, schemas}});
    steps.push_back({&CatalogueTables::view_keys, {queries::kViewKeys, schemas}});
    steps.push_back({&CatalogueTables::functions, {queries::kFunctions, schemas}});
    steps.push_back({&CatalogueTables::roles, {queries::roles(server_version)}});
    steps.push_back({nullptr, {"COMMIT"}});
    return steps;
}

Table table_from(const postgres::Rows& rows) {
    Table table(rows.rows());
    for (std::size_t row = 0; row < table.size(); ++row) {
        table[row].reserve(rows.columns());
        for (std::size_t column = 0; column < rows.columns(); ++column) {
            table[row].push_back(rows.at(row, column));
        }
    }
    return table;
}

/// The first error is the cause; those after it only say that they were skipped.
const Error* first_error(const postgres::UnitResults& results) {
    for (const Result<postgres::Rows>& result : results) {
        if (!result) return &result.error();
    }
    return nullptr;
}

}  // namespace

Task<Result<Loaded>> load(postgres::Connection& connection, const LoadOptions& options,
                          Deadline deadline) {
    const std::vector<Step> steps = steps_for(options, connection.server_version(), deadline);
    std::vector<Statement> statements;
    statements.reserve(steps.size());
    for (const Step& step : steps) statements.push_back(step.statement);

    const Result<postgres::UnitResults> results =
        co_await connection.run(std::move(statements), deadline);
    if (!results) co_return fail(results.error());

    if (const Error* cause = first_error(*results)) {
        if (connection.in_transaction()) {
            std::vector<Statement> rollback{Statement{"ROLLBACK"}};
            // Its own failure breaks the connection, which the next user of it will notice.
            const auto rolled_back = co_await connection.run(std::move(rollback), deadline);
            static_cast<void>(rolled_back);
        }
        co_return fail(*cause);
    }

    CatalogueTables tables;
    for (std::size_t i = 0; i < steps.size() && i < results->size(); ++i) {
        if (steps[i].table != nullptr) tables.*(steps[i].table) = table_from(*(*results)[i]);
    }
    co_return decode(tables);
}

}  // namespace lintas::schema
