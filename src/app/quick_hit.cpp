#include "app/quick_hit.hpp"

#include "respond/freshness.hpp"

namespace lintas::app {

std::optional<Reply> quick_hit(const RawRequest& raw, Services& services, Facts& facts) {
    const KnownRequest* const known = services.known.find(raw);
    if (known == nullptr || known->settings != services.settings ||
        known->catalogue != services.catalogue.get()) {
        return std::nullopt;
    }
    const cache::EntryPtr entry = services.site.memory.find(known->cache_key);
    if (!entry || entry->hit_lines.empty() || entry->generation != known->settings->generation) {
        return std::nullopt;
    }
    const Clock::time_point now = Clock::now();
    const position::Verdict verdict =
        position::judge(entry->from, {.bound = known->bound, .asked = now}, services.site.progress,
                        *services.lineage.get(), known->catalogue->fingerprint(), now);
    // What has changed is to be refreshed, which is the whole way's business.
    if (verdict.kind != position::Verdict::Kind::fresh) return std::nullopt;
    facts.route = obs::Route::table;
    facts.source = obs::Source::memory;
    facts.consistency = known->consistency;
    facts.schema = known->schema;
    facts.relation = known->relation;
    facts.role = known->role;
    facts.memory = obs::CacheResult::hit;
    facts.rows = entry->rows;
    facts.age = verdict.age;
    return reply_from_ready(entry, verdict.age);
}

Reply reply_from_ready(const cache::EntryPtr& entry, std::optional<std::chrono::nanoseconds> age) {
    Reply reply;
    reply.status = entry->reply.status;
    reply.ready = std::shared_ptr<const std::string>{entry, &entry->hit_lines};
    reply.body.pieces = entry->reply.body.pieces;
    reply.body.keep = entry;
    reply.headers.reserve(2);  // the age and the request id
    if (age) respond::set_age(reply, *age);
    return reply;
}

}  // namespace lintas::app
