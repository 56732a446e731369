#include "cache/memory.hpp"

#include <functional>

namespace lintas::cache {

Memory::Memory(std::size_t bytes) : limit_(bytes), shards_(kShards) {}

Memory::Shard& Memory::shard_of(std::string_view key) {
    // The map within the shard uses the low bits.
    return shards_[(std::hash<std::string_view>{}(key) >> 48U) % kShards];
}

EntryPtr Memory::find(std::string_view key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock{shard.mutex};
    const auto found = shard.index.find(key);
    if (found == shard.index.end()) return nullptr;
    found->second->used = true;
    return found->second->entry;
}

bool Memory::put(std::string_view key, EntryPtr entry) {
    const std::size_t limit = limit_.load(std::memory_order_relaxed) / kShards;
    const std::size_t bytes = entry->bytes() + key.size();
    if (entry->reply.body.size() > kEntryBytesMax || bytes > limit) return false;
    EntryPtr replaced;  // dies after the lock
    Shard& shard = shard_of(key);
    const std::lock_guard lock{shard.mutex};
    const auto found = shard.index.find(key);
    if (found != shard.index.end()) {
        Node& node = *found->second;
        if (!may_replace(*node.entry, *entry)) return false;
        shard.bytes += bytes - node.bytes;
        node.bytes = bytes;
        replaced = std::move(node.entry);
        node.entry = std::move(entry);
    } else {
        // Behind the hand: it is looked at last.
        const auto node =
            shard.ring.insert(shard.hand, Node{std::string{key}, std::move(entry), bytes, false});
        shard.index.emplace(node->key, node);
        shard.bytes += bytes;
    }
    make_room(shard, limit);
    return true;
}

void Memory::remove(Shard& shard, Ring::iterator node) {
    if (shard.hand == node) ++shard.hand;
    shard.bytes -= node->bytes;
    shard.index.erase(node->key);
    shard.ring.erase(node);
}

void Memory::make_room(Shard& shard, std::size_t limit) {
    while (shard.bytes > limit && !shard.ring.empty()) {
        if (shard.hand == shard.ring.end()) shard.hand = shard.ring.begin();
        if (shard.hand->used) {
            shard.hand->used = false;
            ++shard.hand;
            continue;
        }
        remove(shard, shard.hand);
        ++shard.evictions;
    }
}

void Memory::clear() {
    for (Shard& shard : shards_) {
        Ring dropped;  // dies after the lock
        const std::lock_guard lock{shard.mutex};
        shard.index.clear();
        dropped.swap(shard.ring);
        shard.hand = shard.ring.end();
        shard.bytes = 0;
    }
}

void Memory::resize(std::size_t bytes) {
    limit_.store(bytes, std::memory_order_relaxed);
    for (Shard& shard : shards_) {
        const std::lock_guard lock{shard.mutex};
        make_room(shard, bytes / kShards);
    }
}

Memory::Stats Memory::stats() const {
    Stats sum;
    sum.limit = limit_.load(std::memory_order_relaxed);
    for (const Shard& shard : shards_) {
        const std::lock_guard lock{const_cast<std::mutex&>(shard.mutex)};
        sum.entries += shard.index.size();
        sum.bytes += shard.bytes;
        sum.evictions += shard.evictions;
    }
    return sum;
}

}  // namespace lintas::cache
