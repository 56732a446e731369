#include <algorithm>

#include "respond/fields.hpp"
#include "respond/response_control.hpp"
#include "respond/singular.hpp"

namespace lintas::respond {

namespace {

std::optional<std::int64_t> total_of(const parse::Request& request, const primary::Outcome& outcome,
                                     std::optional<std::int64_t> max_rows) {
    using Count = parse::Preferences::Count;
    if (!request.prefer.count) return std::nullopt;
    switch (*request.prefer.count) {
        case Count::exact:
            return outcome.total;
        case Count::planned:
            return outcome.planned;
        case Count::estimated:
            break;
    }
    // Up to max_rows the count was run to its end; beyond, the plan may know of more.
    if (outcome.total && max_rows && *outcome.total <= *max_rows) return outcome.total;
    if (outcome.total && outcome.planned) return std::max(*outcome.total, *outcome.planned);
    return outcome.total ? outcome.total : outcome.planned;
}

std::string content_location(const parse::Request& request) {
    std::string location = "/";
    location += percent_encoded(request.relation);
    if (!request.query.canonical.empty()) {
        location += '?';
        location += request.query.canonical;
    }
    return location;
}

Reply beyond_the_end(std::int64_t offset, std::int64_t total, std::string range) {
    Error error{Errc::bad_range, "Requested range not satisfiable"};
    error.details = "An offset of " + std::to_string(offset) +
                    " was requested, but there are only " + std::to_string(total) + " rows.";
    Reply reply = reply_to_error(error, false);
    reply.set("Content-Range", std::move(range));
    return reply;
}

}  // namespace

Result<void> check_singular(parse::Media media, const primary::Outcome& outcome) {
    const bool one_object = media == parse::Media::object || media == parse::Media::object_stripped;
    if (!one_object || outcome.page == 1) return {};
    return fail(Errc::not_singular, "Cannot coerce the result to a single JSON object",
                "The result contains " + std::to_string(outcome.page) + " rows");
}

Result<Reply> reply_to_read(const parse::Request& request, parse::Media media,
                            primary::Outcome outcome, const ReplyOptions& options) {
    if (Result<void> singular = check_singular(media, outcome); !singular) {
        return fail(std::move(singular.error()));
    }
    const bool is_head = request.method == parse::Method::head;
    const std::optional<std::int64_t> total = total_of(request, outcome, options.max_rows);
    const std::int64_t lower = request.window.offset;
    std::string range = content_range(lower, outcome.page, total);
    if (total && lower > *total) {
        Reply reply = beyond_the_end(lower, *total, std::move(range));
        frame(reply, is_head);
        return reply;
    }

    Reply reply;
    reply.status = total && outcome.page < *total ? 206 : 200;
    reply.headers.reserve(8);
    reply.add("Content-Range", std::move(range));
    reply.add("Content-Location", content_location(request));
    reply.add("Content-Type", std::string{content_type_of(media)});
    add_dialect_fields(request, false, options, reply);
    reply.add("Vary", "Accept, Prefer, Range");
    reply.body = std::move(outcome.body);
    if (Result<void> applied = apply_response_control(outcome, reply); !applied) {
        return fail(std::move(applied.error()));
    }
    frame(reply, is_head);
    return reply;
}

}  // namespace lintas::respond
