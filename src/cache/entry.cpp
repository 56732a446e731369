#include "cache/entry.hpp"

namespace lintas::cache {

namespace {

constexpr std::size_t kOverhead = 512;  // the entry, its key, the map's node, allocator slack

}  // namespace

std::size_t Entry::bytes() const {
    std::size_t sum = kOverhead + reply.body.size();
    for (const auto& [name, value] : reply.headers) sum += name.size() + value.size() + 64;
    sum += hit_lines.size();
    return sum + from.dependencies.size() * sizeof(position::Dependency);
}

Entry make_entry(position::Provenance from, const Reply& reply, std::int64_t rows) {
    Entry entry{std::move(from), {}, rows};
    entry.reply.status = reply.status;
    entry.reply.headers = reply.headers;
    entry.reply.content_length = reply.content_length;
    std::string body;
    body.reserve(reply.body.size());
    for (const std::string_view piece : reply.body.pieces) body += piece;
    entry.reply.body = Body::of(std::move(body));
    return entry;
}

bool may_replace(const Entry& old, const Entry& next) {
    const position::Provenance& a = old.from;
    const position::Provenance& b = next.from;
    if (old.generation != next.generation) return next.generation > old.generation;
    if (a.system_id != b.system_id || a.timeline != b.timeline || a.schema != b.schema) {
        return true;  // the fill was checked against the present history
    }
    if (a.as_of && b.as_of) return b.as_of >= a.as_of;
    if (a.read_at && b.read_at) return *b.read_at >= *a.read_at;
    return true;
}

}  // namespace lintas::cache
