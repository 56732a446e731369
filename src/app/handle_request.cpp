#include "app/handle_request.hpp"

#include <ctime>

#include "app/serve_read.hpp"
#include "app/serve_write.hpp"
#include "respond/freshness.hpp"

namespace lintas::app {

namespace {

// A JSON column may hold documents far deeper than limits.nesting allows a filter tree; this only
// keeps a hostile body from costing more than its size.
constexpr std::size_t kBodyDepth = 512;

using parse::Method;
using parse::PathKind;
using parse::Request;

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

/// The order of the checks is the dialect's (DIALECT section 0): the first error is the one
/// reported.
Task<Result<Reply>> answer(const RawRequest& raw, Deadline deadline, Services& services,
                           Facts& facts) {
    const Clock::time_point arrived = Clock::now();
    services.drop_deposed();
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

    const Understood understood{.raw = raw,
                                .request = *request,
                                .catalogue = catalogue,
                                .relation = *relation,
                                .identity = *identity,
                                .settings = settings,
                                .primary = primary,
                                .arrived = arrived,
                                .deadline = deadline};
    if (request->is_read()) co_return co_await serve_read(understood, services, facts);
    co_return co_await serve_write(understood, services, facts);
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
        if (facts.error->code == Errc::position_lost && settings->config.consistency.cookie) {
            // A browser could not drop it by itself.
            respond::clear_position_cookie(*reply, settings->config.listen.public_.tls.has_value());
        }
    }
    respond::add_cors(raw, origins, *reply);
    co_return std::move(*reply);
}

}  // namespace lintas::app
