#include "app/serve_write.hpp"

#include "app/conclude.hpp"
#include "app/require.hpp"
#include "primary/database.hpp"
#include "respond/reply.hpp"
#include "respond/validators.hpp"
#include "sql/statements.hpp"

namespace lintas::app {

namespace {

using parse::Method;

/// May the outcome turn a write that succeeded into one that must be rolled back?
bool outcome_decides(const Understood& u, const sql::Write& write) {
    const bool more_tables = u.relation.cascades && u.request.method != Method::post;
    return write.count_decides || !u.settings->config.api.pre_request.empty() ||
           u.relation.may_set_response || more_tables;
}

primary::Ending ending_of(const Understood& u) {
    const config::TxEnd configured = u.settings->config.api.tx_end;
    bool rollback = configured == config::TxEnd::rollback ||
                    configured == config::TxEnd::rollback_allow_override;
    if (u.settings->tx_override_allowed() && u.request.prefer.tx) {
        rollback = *u.request.prefer.tx == parse::Preferences::Tx::rollback;
    }
    return rollback ? primary::Ending::rollback : primary::Ending::commit;
}

primary::Frame frame_of(const Understood& u) {
    const config::Config& config = u.settings->config;
    const schema::Role* const role = u.catalogue->role(u.identity.role);
    primary::Frame frame;
    frame.settings = sql::shared_settings({.schema = u.request.schema,
                                           .extra_search_path = config.api.extra_search_path,
                                           .identity = u.identity,
                                           .role = role,
                                           .prefer = u.request.prefer,
                                           .read_only = false},
                                          true);
    frame.request = sql::request_settings(u.raw);
    if (!config.api.pre_request.empty()) {
        frame.pre_request = sql::pre_request_call(config.api.pre_request);
    }
    if (role) frame.isolation = role->isolation;
    frame.through_pooler = config.database.primary.through_pooler;
    return frame;
}

/// The request as the read of what it is about to change: the same rows, columns and order.
parse::Request as_read(const parse::Request& write) {
    parse::Request read = write;
    read.method = Method::get;
    read.payload.reset();
    read.window = {};
    read.query.window = {};
    read.query.columns.reset();
    read.prefer = {};
    read.prefer.timezone = write.prefer.timezone;
    return read;
}

/// If-Match: the entity tag that a GET of the same URL and Accept has given (RFC 9110 section
/// 13.1.1). The rows are locked before they are compared, so nobody changes them in between.
Result<std::optional<primary::Precondition>> precondition_of(const Understood& u,
                                                             parse::Media media) {
    if (!u.request.lintas.if_match) return std::optional<primary::Precondition>{};
    const parse::Request read = as_read(u.request);
    Result<sql::Read> current =
        sql::build_read(read, u.relation, media,
                        {.max_rows = u.settings->config.api.max_rows,
                         .pre_request = !u.settings->config.api.pre_request.empty()});
    if (!current) return fail(current.error());
    primary::Precondition precondition;
    precondition.lock = sql::build_lock(read, u.relation);
    precondition.current = std::move(*current);
    precondition.shape = {.array = media == parse::Media::json, .body = true};
    precondition.check = [&u, media, read](primary::Outcome outcome) -> Result<void> {
        const bool any = outcome.page > 0;
        Result<Reply> now =
            respond::reply_to_read(read, media, std::move(outcome), u.settings->reply);
        const parse::EntityTags& wanted = *u.request.lintas.if_match;
        const bool holds = any && now && parse::matches_strongly(wanted, respond::entity_tag(*now));
        if (holds) return {};
        return fail(Errc::precondition_failed, "",
                    any ? "the rows are not as If-Match says they are" : "there is no such row");
    };
    return std::optional{std::move(precondition)};
}

}  // namespace

Task<Result<Reply>> serve_write(const Understood& u, Services& services, Facts& facts) {
    const parse::Request& request = u.request;
    const Result<void> preferences = parse::check_strict(request.prefer);
    if (!preferences) co_return fail(preferences.error());
    const Result<parse::Media> media = parse::negotiate(request.accept);
    if (!media) co_return fail(media.error());
    // A write waits for nothing, but a token that is forged or lost is not ignored.
    const Result<position::Requirement> required = co_await require(u, services);
    if (!required) co_return fail(required.error());
    const Result<sql::Write> statements = sql::build_write(request, u.relation, *media);
    if (!statements) co_return fail(statements.error());
    Result<std::optional<primary::Precondition>> precondition = precondition_of(u, *media);
    if (!precondition) co_return fail(precondition.error());

    const primary::Decide decide = [&](primary::Outcome outcome) {
        facts.rows = outcome.page;
        return respond::reply_to_write(request, u.relation, *media, std::move(outcome),
                                       u.settings->reply);
    };
    const primary::WriteOptions options{.ending = ending_of(u),
                                        .decide_before_commit = outcome_decides(u, *statements),
                                        .precondition = std::move(*precondition),
                                        .timeline = services.lineage.get()->history.current()};
    primary::Frame frame = frame_of(u);
    facts.query = obs::QueryKind::write;
    facts.source = obs::Source::primary;
    const Clock::time_point asked = Clock::now();
    Result<primary::Written> written = co_await primary::write(
        u.primary->pool, *statements, std::move(frame), options, decide, u.deadline);
    facts.database_time = Clock::now() - asked;
    if (!written) co_return fail(u.primary->explained(written.error()));
    const std::shared_ptr<const position::Lineage> lineage = services.lineage.get();
    if (written->timeline != 0 && written->timeline < lineage->history.current()) {
        co_return fail(Errc::deposed, "",
                       "the write went to a server that a failover had replaced, and is lost");
    }
    Reply reply = std::move(written->reply);
    respond::set_source(reply, "primary");
    if (written->flush) {
        const std::uint64_t system =
            written->session ? written->session->system_id : lineage->system_id;
        const position::Timeline timeline =
            written->timeline != 0 ? written->timeline : lineage->history.current();
        services.site.progress.saw_written(*written->flush);
        if (system != 0 && timeline != 0) {
            // A write that changed nothing flushes nothing, and what the client has read before may
            // not be flushed yet.
            position::Position position{timeline, *written->flush};
            if (required->token) position = position::later_of(*required->token, position);
            give_position(
                *u.settings, system, position,
                shown_by_of(*required, position::ShownBy::primary, services.site.progress), reply);
        }
    }
    co_return reply;
}

}  // namespace lintas::app
