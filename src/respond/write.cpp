#include "respond/fields.hpp"
#include "respond/response_control.hpp"
#include "respond/singular.hpp"

namespace lintas::respond {

namespace {

using parse::Method;
using parse::Preferences;

bool upsert_possible(const parse::Request& request, const schema::Relation& relation) {
    return !relation.primary_key.empty() ||
           (request.query.on_conflict && !request.query.on_conflict->empty());
}

int status_of_write(const parse::Request& request, const schema::Relation& relation,
                    const primary::Outcome& outcome, bool representation) {
    if (request.method == Method::post) {
        const bool merged =
            request.prefer.resolution == Preferences::Resolution::merge_duplicates &&
            upsert_possible(request, relation);
        return merged && !outcome.any_inserted ? 200 : 201;
    }
    if (!representation) return 204;
    return request.method == Method::put && outcome.any_inserted ? 201 : 200;
}

// PUT has none: it is about one row, and not a range of anything.
std::optional<std::string> range_of_write(const parse::Request& request,
                                          const primary::Outcome& outcome) {
    using Count = Preferences::Count;
    std::optional<std::int64_t> total;
    if (request.prefer.count == Count::exact || request.prefer.count == Count::estimated) {
        total = outcome.page;
    }
    if (request.method == Method::put) return std::nullopt;
    const std::int64_t rows = request.method == Method::patch ? outcome.page : 0;
    return content_range(0, rows, total);
}

std::string location_of(const schema::Relation& relation, const primary::Outcome& outcome) {
    std::string location = "/";
    location += percent_encoded(relation.name);
    for (std::size_t i = 0; i < relation.primary_key.size(); ++i) {
        location += i == 0 ? '?' : '&';
        location += percent_encoded(relation.primary_key[i]);
        const std::optional<std::string>& value = outcome.key_values[i];
        location += value ? "=eq." : "=is.null";
        if (value) location += percent_encoded(*value);
    }
    return location;
}

// What the caller rolls back for: the statement ran, and its row count says that it must not have.
Result<void> check_count(const parse::Request& request, parse::Media media,
                         const primary::Outcome& outcome) {
    if (request.method == Method::put && outcome.page != 1) {
        return fail(Errc::put_key_mismatch,
                    "Payload values do not match URL in primary key column(s)");
    }
    if (Result<void> singular = check_singular(media, outcome); !singular) return singular;
    const bool limited = request.prefer.max_affected &&
                         request.prefer.handling == Preferences::Handling::strict &&
                         (request.method == Method::patch || request.method == Method::del);
    if (limited && outcome.page > *request.prefer.max_affected) {
        return fail(Errc::max_affected, "Query result exceeds max-affected preference constraint",
                    "The query affects " + std::to_string(outcome.page) + " rows");
    }
    return {};
}

}  // namespace

Result<Reply> reply_to_write(const parse::Request& request, const schema::Relation& relation,
                             parse::Media media, primary::Outcome outcome,
                             const ReplyOptions& options) {
    if (Result<void> counted = check_count(request, media, outcome); !counted) {
        return fail(std::move(counted.error()));
    }
    const std::optional<Preferences::Return> wanted = request.prefer.return_;
    const bool representation = wanted == Preferences::Return::representation;

    Reply reply;
    reply.status = status_of_write(request, relation, outcome, representation);
    reply.headers.reserve(8);
    const bool has_location =
        request.method == Method::post && wanted == Preferences::Return::headers_only &&
        !outcome.key_values.empty() && outcome.key_values.size() == relation.primary_key.size();
    if (has_location) reply.add("Location", location_of(relation, outcome));
    if (std::optional<std::string> range = range_of_write(request, outcome)) {
        reply.add("Content-Range", std::move(*range));
    }
    if (representation) {
        reply.add("Content-Type", std::string{content_type_of(media)});
        reply.body = std::move(outcome.body);
    }
    add_dialect_fields(request, upsert_possible(request, relation), options, reply);
    if (Result<void> applied = apply_response_control(outcome, reply); !applied) {
        return fail(std::move(applied.error()));
    }
    frame(reply, false);
    return reply;
}

}  // namespace lintas::respond
