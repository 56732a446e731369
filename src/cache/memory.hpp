#pragma once
// The process's own cache: bounded by bytes, shared by all threads, short critical sections.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cache/entry.hpp"

namespace lintas::cache {

/// Thread: any, all of it.
class Memory {
 public:
    /// 0 bytes: nothing is ever kept.
    explicit Memory(std::size_t bytes);

    /// Null: not there. Whether it may be served is position::judge()'s to say.
    EntryPtr find(std::string_view key);
    /// False: too large, or what is there is newer.
    bool put(std::string_view key, EntryPtr entry);
    void clear();
    void resize(std::size_t bytes);
    std::size_t limit() const { return limit_.load(std::memory_order_relaxed); }

    struct Stats {
        std::size_t entries = 0;
        std::size_t bytes = 0;
        std::size_t limit = 0;
        std::uint64_t evictions = 0;  // for room, since the start
    };
    Stats stats() const;

 private:
    // CLOCK: a hit sets a mark and moves nothing; the hand evicts the first entry without one.
    struct Node {
        std::string key;
        EntryPtr entry;
        std::size_t bytes;
        bool used;
    };
    using Ring = std::list<Node>;
    struct alignas(64) Shard {
        std::mutex mutex;
        Ring ring;
        Ring::iterator hand = ring.end();
        std::unordered_map<std::string_view, Ring::iterator> index;  // views of the nodes' keys
        std::size_t bytes = 0;
        std::uint64_t evictions = 0;
    };
    static constexpr std::size_t kShards = 64;

    Shard& shard_of(std::string_view key);
    static void remove(Shard& shard, Ring::iterator node);
    static void make_room(Shard& shard, std::size_t limit);

    std::atomic<std::size_t> limit_;  // of all shards together
    std::vector<Shard> shards_;
};

}  // namespace lintas::cache
