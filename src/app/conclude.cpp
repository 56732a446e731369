#include "app/conclude.hpp"

#include "respond/freshness.hpp"
#include "respond/reply.hpp"
#include "respond/validators.hpp"

namespace lintas::app {

position::ShownBy shown_by_of(const position::Requirement& requirement,
                              position::ShownBy answered_by, const position::Progress& progress) {
    const bool pending = requirement.seen_on_replica &&
                         *requirement.seen_on_replica > progress.commits().all_visible();
    return pending ? position::ShownBy::replica : answered_by;
}

void give_position(const Settings& settings, std::uint64_t system_id, position::Position position,
                   position::ShownBy shown_by, Reply& reply) {
    const std::string token = settings.tokens.encode(system_id, position, shown_by);
    if (settings.config.consistency.cookie) {
        respond::set_position_cookie(reply, token, settings.config.listen.public_.tls.has_value());
    }
    respond::set_position(reply, token);
}

void make_ready(const Settings& settings, cache::Entry& entry) {
    Reply hit;
    hit.headers = entry.reply.headers;
    respond::set_source(hit, "memory");
    respond::set_cache_status(hit, respond::CacheResult::hit);
    const position::Provenance& from = entry.from;
    if (from.timeline != 0 && from.system_id != 0) {
        give_position(settings, from.system_id, {from.timeline, from.hi}, from.shown_by, hit);
    }
    entry.hit_lines = ready_lines(hit);
}

Reply conditional(const parse::Request& request, Reply full) {
    if (request.lintas.if_match) {
        std::optional<Reply> other = respond::precondition_failed(*request.lintas.if_match, full);
        if (other) return std::move(*other);
    }
    if (request.lintas.if_none_match) {
        std::optional<Reply> same = respond::not_modified(*request.lintas.if_none_match, full);
        if (same) return std::move(*same);
    }
    if (request.method == parse::Method::head) {
        full.body = Body{};
        full.content_length = false;
    }
    return full;
}

}  // namespace lintas::app
