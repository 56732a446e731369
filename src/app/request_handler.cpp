#include "app/request_handler.hpp"

#include "app/handle_request.hpp"
#include "app/quick_hit.hpp"

namespace lintas::app {

namespace {

Error overloaded(std::size_t limit) {
    return Error{Errc::overloaded, "too many requests are being served",
                 "limits.in_flight is reached (" + std::to_string(limit) + " on this thread)"};
}

}  // namespace

Task<Reply> RequestHandler::handle(const RawRequest& raw, Deadline deadline) {
    const Clock::time_point started = Clock::now();
    const obs::InFlight counted{observer_.metrics()};
    const obs::TraceContext trace = obs::trace_from(raw, ids_);
    Result<std::string> request_id = obs::request_id_from(raw, ids_);
    const std::size_t limit = services_.settings->in_flight_limit;

    Facts facts;
    Reply reply;
    if (!request_id) {
        facts.error = request_id.error();
        request_id = obs::new_request_id(ids_);
    } else if (observer_.metrics().in_flight() > static_cast<std::int64_t>(limit)) {
        facts.error = overloaded(limit);
    }
    if (facts.error) {
        reply = respond::reply_to_error(*facts.error, true);
    } else if (std::optional<Reply> hit = quick_hit(raw, services_, facts)) {
        reply = std::move(*hit);
    } else {
        reply = co_await handle_request(raw, deadline, services_, facts);
    }
    reply.set("X-Request-Id", *request_id);
    tell(raw, reply, facts, *request_id, trace, started);
    co_return reply;
}

void RequestHandler::tell(const RawRequest& raw, const Reply& reply, const Facts& facts,
                          std::string_view request_id, const obs::TraceContext& trace,
                          Clock::time_point started) {
    obs::RequestEvent event;
    event.method = obs::method_from(raw.method);
    event.route = facts.route;
    event.status = reply.status;
    event.source = facts.source;
    event.consistency = facts.consistency;
    event.path = obs::path_of(raw.target);
    event.schema = facts.schema;
    event.relation = facts.relation;
    event.database_role = facts.role;
    event.peer = raw.peer;
    event.request_id = request_id;
    event.trace = &trace;
    event.duration = Clock::now() - started;
    event.query = facts.query;
    event.database_time = facts.database_time;
    event.response_bytes = reply.body.size();
    event.rows = facts.rows;
    event.pool = facts.pool;
    event.memory = facts.memory;
    event.age = facts.age;
    const std::string code =
        facts.error ? respond::code_of(*facts.error, facts.anonymous) : std::string{};
    event.error_code = code;
    observer_.done(event);
    if (facts.error && facts.error->code == Errc::internal) {
        observer_.log().limited(config::LogLevel::error, "internal", "internal error",
                                {{"text", facts.error->message}, {"request_id", request_id}});
    }
}

Reply RequestHandler::refused(const Error& error, std::optional<int> status) {
    Reply reply = respond::reply_to_error(error, true);
    if (status) reply.status = *status;
    const std::string request_id = obs::new_request_id(ids_);
    reply.set("X-Request-Id", request_id);
    Facts facts;
    facts.error = error;
    tell(RawRequest{}, reply, facts, request_id, obs::new_trace(ids_), Clock::now());
    return reply;
}

}  // namespace lintas::app
