#include "route/requirement.hpp"

#include <algorithm>

namespace lintas::route {

namespace {

using parse::LintasHeaders;
using position::Coverage;

// RFC 9111 section 1.2.2 lets a max-age be 2^31 seconds; as nanoseconds that fits.
constexpr std::int64_t kSecondsMax = 2147483648;

bool critical_by_default(const parse::Request& request, const config::Consistency& consistency) {
    using Default = config::Consistency::Default;
    auto table = consistency.tables.find(request.schema + "." + request.relation);
    if (table == consistency.tables.end()) table = consistency.tables.find(request.relation);
    const Default chosen = table == consistency.tables.end() ? consistency.default_ : table->second;
    return chosen == Default::critical;
}

bool is_critical(const parse::Request& request, const config::Consistency& consistency) {
    const LintasHeaders& headers = request.lintas;
    if (headers.no_cache || headers.max_age_s == 0) return true;
    if (headers.consistency) return *headers.consistency == LintasHeaders::Consistency::critical;
    return critical_by_default(request, consistency);
}

std::unexpected<Error> malformed(std::string details) {
    return fail(Errc::bad_header, "Malformed Lintas-Position header",
                "Lintas-Position: " + std::move(details));
}

Result<void> take(std::string_view text, const RequirementInput& input, Asked& asked) {
    const auto decoded = input.codec.decode(text);
    if (const auto* error = std::get_if<position::TokenError>(&decoded)) {
        return malformed(std::string{position::describe(*error)});
    }
    const position::Token& token = std::get<position::Token>(decoded);
    if (input.lineage.system_id != 0 && token.system_id != input.lineage.system_id) {
        return malformed("it is a position of another database");
    }
    const bool newer = token.position.timeline > input.lineage.history.current();
    if (newer || token.position.lsn > input.written) {
        const bool greater = !asked.unknown ||
                             token.position.timeline > asked.unknown->position.timeline ||
                             (token.position.timeline == asked.unknown->position.timeline &&
                              token.position.lsn > asked.unknown->position.lsn);
        if (greater) asked.unknown = token;
        if (newer) return {};
    }
    if (!input.lineage.history.contains(token.position)) {
        return fail(Errc::position_lost, "",
                    "position " + position::to_text(token.position.lsn) + " of timeline " +
                        std::to_string(token.position.timeline) +
                        " is not part of the present history");
    }
    std::optional<position::Position>& latest = asked.requirement.token;
    latest = latest ? position::later_of(*latest, token.position) : token.position;
    if (token.shown_by == position::ShownBy::replica) {
        std::optional<position::Lsn>& seen = asked.requirement.seen_on_replica;
        seen = seen ? std::max(*seen, token.position.lsn) : token.position.lsn;
    }
    return {};
}

}  // namespace

Result<Asked> requirement_of(const RequirementInput& input) {
    Asked asked;
    position::Requirement& requirement = asked.requirement;
    const LintasHeaders& headers = input.request.lintas;
    requirement.asked = input.asked;
    requirement.critical = is_critical(input.request, input.consistency);
    requirement.bound = input.consistency.max_staleness;
    if (headers.max_age_s) {
        requirement.bound = std::chrono::seconds{std::min(*headers.max_age_s, kSecondsMax)};
    }
    for (const std::string& text : headers.positions) {
        const Result<void> taken = take(text, input, asked);
        if (!taken) return fail(taken.error());
    }
    if (input.cookie) {
        const Result<void> taken = take(*input.cookie, input, asked);
        if (!taken && taken.error().code != Errc::bad_header) return fail(taken.error());
    }
    return asked;
}

Error unknown_position(const position::Token& token, const position::Lineage& lineage) {
    if (token.signed_ && token.position.timeline > lineage.history.current()) {
        return Error{Errc::deposed, "",
                     "the position is of timeline " + std::to_string(token.position.timeline) +
                         ", the primary reached from here is on timeline " +
                         std::to_string(lineage.history.current())};
    }
    return Error{Errc::bad_header, "Malformed Lintas-Position header",
                 "Lintas-Position: it is above everything that the database has written"};
}

}  // namespace lintas::route
