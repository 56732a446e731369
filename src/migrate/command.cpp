#include "migrate/command.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "migrate/preflight.hpp"
#include "migrate/script.hpp"
#include "postgres/connection.hpp"

namespace lintas::migrate {

namespace {

using namespace std::chrono_literals;

constexpr auto kConnectLimit = 10s;
constexpr auto kLimit = 6min;  // beyond the script's own statement_timeout

using Lines = std::vector<std::string>;

struct Job {
    postgres::ConnectOptions connect;
    ScriptOptions script;
    std::string slot;
};

/// What comes from a server must not steer the terminal.
std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        out.push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
    }
    return out;
}

std::string sentence_of(const Error& error) {
    std::string text = error.message;
    if (!error.sqlstate.empty()) text += " (SQLSTATE " + error.sqlstate + ")";
    if (!error.details.empty()) text += ": " + error.details;
    if (!error.hint.empty()) text += ". " + error.hint;
    if (error.code == Errc::connection_lost) {
        text += ". It may have been committed or not: run it again";
    }
    return printable(text);
}

/// The report is the result of the last statement but one.
Result<Lines> report_of(const postgres::UnitResults& results) {
    for (const Result<postgres::Rows>& result : results) {
        if (!result) return fail(result.error());
    }
    Lines lines;
    if (results.size() < 2) return lines;
    const postgres::Rows& report = *results[results.size() - 2];
    for (std::size_t row = 0; row < report.rows(); ++row) {
        lines.push_back(printable(report.at(row, 0).value_or("")));
    }
    return lines;
}

/// What the report has not said yet, and what does not depend on who asks.
PreflightFacts about_the_server(PreflightFacts facts) {
    facts.has_replication_right = true;  // the feed's user is another one
    facts.has_schema = true;
    facts.has_event_triggers = true;
    facts.has_publication = true;
    facts.publishes_all_tables = false;
    facts.unpublishable = {};
    facts.unpublishable_count = 0;
    facts.unpublished = {};
    facts.unpublished_count = 0;
    return facts;
}

Result<PreflightFacts> answer_of(const Result<postgres::UnitResults>& results) {
    if (!results) return fail(results.error());
    for (const Result<postgres::Rows>& result : *results) {
        if (!result) return fail(result.error());
    }
    const postgres::Rows& rows = *(*results)[kPreflightAnswer];
    return decode_preflight(rows.rows() == 1 ? rows.at(0, 0).value_or("") : "");
}

Task<void> append_findings(const Job& job, postgres::Connection& connection, Deadline deadline,
                           Lines& lines) {
    std::vector<Statement> unit =
        preflight_unit(job.script.schemas, job.script.publication, job.slot);
    const Result<postgres::UnitResults> results =
        co_await connection.run(std::move(unit), deadline);
    // What was to be done is done and committed: a failure here is only a piece of advice less.
    const Result<PreflightFacts> facts = answer_of(results);
    if (!facts) {
        lines.push_back(printable("feed: whether the server is ready for it could not be asked: " +
                                  facts.error().message));
        co_return;
    }
    for (const Finding& finding :
         findings(about_the_server(*facts), job.script.publication, job.slot)) {
        lines.push_back(printable("feed: " + finding.sentence + "; " + finding.remedy));
    }
}

Task<Result<Lines>> migrate(asio::io_context& io, const Job& job) {
    const Deadline connect_by = Deadline::in(kConnectLimit);
    Result<std::unique_ptr<postgres::Connection>> connection =
        co_await postgres::Connection::open(io, job.connect, connect_by);
    if (!connection) co_return fail(connection.error());

    std::vector<Statement> unit;
    for (std::string& text : statements(job.script)) unit.push_back({std::move(text)});
    const Deadline deadline = Deadline::in(kLimit);
    const Result<postgres::UnitResults> results =
        co_await (*connection)->run(std::move(unit), deadline);
    if (!results) co_return fail(results.error());
    Result<Lines> lines = report_of(*results);
    if (lines) co_await append_findings(job, **connection, deadline, *lines);
    (*connection)->close();
    co_return lines;
}

Job job_for(const config::MigrateOptions& options, const config::Config& config) {
    const config::Feed feed = config.database.feed.value_or(config::Feed{});
    Job job;
    job.connect.url = config.database.primary.url;  // or --url, which main put there
    job.connect.application_name = "lintas migrate";
    job.connect.prepared = false;
    // --url is somebody else's way in; that a pooler stands in the daemon's says nothing about it.
    job.connect.through_pooler = options.url.empty() && config.database.primary.through_pooler;
    job.connect.statement_timeout = kLimit;
    job.script.schemas = config.api.schemas;
    job.script.publication = feed.publication;
    job.script.grant_to = options.grant_to;
    job.slot = feed.slot;
    return job;
}

}  // namespace

int migrate_command(const config::MigrateOptions& options, const config::Config& config,
                    std::FILE* out, std::FILE* err) {
    const Job job = job_for(options, config);
    if (options.print) {
        std::fputs(script(job.script).c_str(), out);
        return 0;
    }
    asio::io_context io{1};
    std::optional<Result<Lines>> outcome;
    asio::co_spawn(io, migrate(io, job),
                   [&](const std::exception_ptr& leaked, Result<Lines> lines) {
                       if (leaked) std::rethrow_exception(leaked);
                       outcome = std::move(lines);
                   });
    io.run();
    if (!outcome || !*outcome) {
        const std::string why = outcome ? sentence_of(outcome->error()) : "it was interrupted";
        std::fprintf(err, "lintas migrate: %s\n", why.c_str());
        return 1;
    }
    for (const std::string& line : **outcome) std::fprintf(out, "%s\n", line.c_str());
    return 0;
}

}  // namespace lintas::migrate
