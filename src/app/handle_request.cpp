#include "app/handle_request.hpp"

#include <ctime>

#include "primary/database.hpp"
#include "sql/statements.hpp"

namespace lintas::app {

namespace {

// A JSON column may hold documents far deeper than limits.nesting allows a filter tree; this only
// keeps a hostile body from costing more than its size.
constexpr std::size_t kBodyDepth = 512;

using parse::Method;
using parse::PathKind;
using parse::Request;

/// Everything that is known once a request has been understood and before the database is asked.
struct Understood {
    const RawRequest& raw;
    const Request& request;
    const schema::Catalogue& catalogue;
    const schema::Relation& relation;
    const auth::Identity& identity;
    const Settings& settings;
    PrimaryBackend& primary;
    Deadline deadline;
};

obs::Route route_of(PathKind path) {
    switch (path) {
        case PathKind::root:
            return obs::Route::root;
        case PathKind::rpc:
            return obs::Route::rpc;
        case PathKind::relation:
            return obs::Route::table;
    }
    return obs::Route::other;
}

obs::Consistency consistency_of(const parse::LintasHeaders& headers) {
    if (headers.no_cache || headers.consistency == parse::LintasHeaders::Consistency::critical) {
        return obs::Consistency::critical;
    }
    return headers.max_age_s ? obs::Consistency::bounded : obs::Consistency::eventual;
}

Error no_such_table(const Request& request) {
    return Error{Errc::no_table, "Could not find the table '" + request.schema + "." +
                                     request.relation + "' in the schema cache"};
}

Result<Reply> answer_options(const Request& request, const schema::Catalogue& catalogue) {
    if (request.path == PathKind::root) return respond::reply_to_options(respond::kAllowForRoot);
    if (request.path == PathKind::rpc) {
        const schema::Function* function = catalogue.function(request.schema, request.relation);
        if (!function) {
            return fail(Errc::no_function, "Could not find the function " + request.schema + "." +
                                               request.relation + " in the schema cache");
        }
        return respond::reply_to_options(respond::allow_for_function(*function));
    }
    const schema::Relation* relation = catalogue.relation(request.schema, request.relation);
    if (!relation) return fail(no_such_table(request));
    return respond::reply_to_options(respond::allow_for_relation(*relation));
}

primary::Frame frame_of(const Understood& u, bool read_only, bool sees_only_role) {
    const config::Api& api = u.settings.config.api;
    const schema::Role* role = u.catalogue.role(u.identity.role);
    primary::Frame frame;
    frame.settings = sql::shared_settings({.schema = u.request.schema,
                                           .extra_search_path = api.extra_search_path,
                                           .identity = u.identity,
                                           .role = role,
                                           .prefer = u.request.prefer,
                                           .read_only = read_only},
                                          !sees_only_role);
    if (!sees_only_role) frame.request = sql::request_settings(u.raw);
    if (!api.pre_request.empty()) frame.pre_request = sql::pre_request_call(api.pre_request);
    if (role) frame.isolation = role->isolation;
    frame.through_pooler = u.settings.config.database.primary.through_pooler;
    return frame;
}

Task<Result<Reply>> serve_read(const Understood& u, Facts& facts) {
    const Request& request = u.request;
    const config::Api& api = u.settings.config.api;
    const Result<parse::Media> media = parse::negotiate(request.accept);
    if (!media) co_return fail(media.error());
    const Result<void> preferences = parse::check_strict(request.prefer);
    if (!preferences) co_return fail(preferences.error());
    if (request.lintas.only_if_cached) {
        co_return fail(Errc::only_if_cached,
                       "nothing is cached and the request allows nothing else");
    }
    const Result<sql::Read> statements =
        sql::build_read(request, u.relation, *media,
                        {.max_rows = api.max_rows, .pre_request = !api.pre_request.empty()});
    if (!statements) co_return fail(statements.error());

    const bool sees_only_role = statements->sees_only_role && api.pre_request.empty();
    primary::Frame frame = frame_of(u, true, sees_only_role);
    const primary::ReadShape shape{.array = *media == parse::Media::json,
                                   .body = request.method == Method::get};
    facts.query = obs::QueryKind::read;
    facts.source = obs::Source::primary;
    const Clock::time_point asked = Clock::now();
    Result<primary::ReadAnswer> answer = co_await primary::read(
        u.primary.pool, u.primary.reads, *statements, std::move(frame), shape, u.deadline);
    facts.database_time = Clock::now() - asked;
    if (!answer) co_return fail(answer.error());
    facts.rows = answer->outcome.page;
    Result<Reply> reply =
        respond::reply_to_read(request, *media, std::move(answer->outcome), u.settings.reply);
    if (reply) respond::set_source(*reply, "primary");
    co_return reply;
}

/// May the outcome turn a write that succeeded into one that must be rolled back?
bool outcome_decides(const Understood& u, const sql::Write& write) {
    const bool more_tables = u.relation.cascades && u.request.method != Method::post;
    return write.count_decides || !u.settings.config.api.pre_request.empty() ||
           u.relation.may_set_response || more_tables;
}

primary::Ending ending_of(const Understood& u) {
    const config::TxEnd configured = u.settings.config.api.tx_end;
    bool rollback = configured == config::TxEnd::rollback ||
                    configured == config::TxEnd::rollback_allow_override;
    if (u.settings.tx_override_allowed() && u.request.prefer.tx) {
        rollback = *u.request.prefer.tx == parse::Preferences::Tx::rollback;
    }
    return rollback ? primary::Ending::rollback : primary::Ending::commit;
}

Task<Result<Reply>> serve_write(const Understood& u, Facts& facts) {
    const Request& request = u.request;
    const Result<void> preferences = parse::check_strict(request.prefer);
    if (!preferences) co_return fail(preferences.error());
    const Result<parse::Media> media = parse::negotiate(request.accept);
    if (!media) co_return fail(media.error());
    const Result<sql::Write> statements = sql::build_write(request, u.relation, *media);
    if (!statements) co_return fail(statements.error());

    const primary::Decide decide = [&](primary::Outcome outcome) {
        facts.rows = outcome.page;
        return respond::reply_to_write(request, u.relation, *media, std::move(outcome),
                                       u.settings.reply);
    };
    const primary::WriteOptions options{.ending = ending_of(u),
                                        .decide_before_commit = outcome_decides(u, *statements)};
    primary::Frame frame = frame_of(u, false, false);
    facts.query = obs::QueryKind::write;
    facts.source = obs::Source::primary;
    const Clock::time_point asked = Clock::now();
    Result<primary::Written> written = co_await primary::write(
        u.primary.pool, *statements, std::move(frame), options, decide, u.deadline);
    facts.database_time = Clock::now() - asked;
    if (!written) co_return fail(written.error());
    respond::set_source(written->reply, "primary");
    co_return std::move(written->reply);
}

/// The order of the checks is the dialect's (DIALECT section 0): the first error is the one
/// reported.
Task<Result<Reply>> answer(const RawRequest& raw, Deadline deadline, Services& services,
                           Facts& facts) {
    const std::shared_ptr<Settings> settings = services.settings;
    const std::shared_ptr<PrimaryBackend> primary = services.primary;

    const Result<auth::Identity> identity =
        settings->authenticator.identify(raw, std::time(nullptr));
    if (!identity) co_return fail(identity.error());
    facts.anonymous = identity->anonymous;
    facts.role = identity->role;

    const schema::Snapshot catalogue = services.catalogue.get();
    if (!catalogue) {
        co_return fail(Errc::no_catalogue,
                       "Could not query the database for the schema cache. Retrying.");
    }

    Result<Request> request = parse::parse_request(raw, settings->parse);
    if (!request) co_return fail(request.error());
    facts.route = route_of(request->path);
    facts.schema = request->schema;
    facts.relation = request->relation;
    if (request->is_read()) facts.consistency = consistency_of(request->lintas);
    if (request->method == Method::options) co_return answer_options(*request, *catalogue);
    if (request->path == PathKind::root) {
        co_return fail(Errc::not_implemented, "the OpenAPI description at / is not implemented");
    }
    if (request->path == PathKind::rpc) {
        co_return fail(Errc::not_implemented, "functions (rpc) are not implemented");
    }
    const Result<void> payload = parse::parse_payload(raw, *request, kBodyDepth);
    if (!payload) co_return fail(payload.error());

    const schema::Relation* relation = catalogue->relation(request->schema, request->relation);
    if (!relation) co_return fail(no_such_table(*request));

    const Understood understood{raw,       *request,  *catalogue, *relation,
                                *identity, *settings, *primary,   deadline};
    if (request->is_read()) co_return co_await serve_read(understood, facts);
    co_return co_await serve_write(understood, facts);
}

}  // namespace

Task<Reply> handle_request(const RawRequest& raw, Deadline deadline, Services& services,
                           Facts& facts) {
    const std::shared_ptr<Settings> settings = services.settings;
    const std::vector<std::string>& origins = settings->config.api.cors_origins;
    if (respond::is_preflight(raw)) co_return respond::reply_to_preflight(raw, origins);

    Result<Reply> reply = co_await answer(raw, deadline, services, facts);
    if (!reply) {
        facts.error = reply.error();
        reply = respond::reply_to_error(reply.error(), facts.anonymous);
    }
    respond::add_cors(raw, origins, *reply);
    co_return std::move(*reply);
}

}  // namespace lintas::app
