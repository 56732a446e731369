#pragma once
// Answers of the primary that wait until the feed has told everything they may contain: only then
// is known what they may be called (POSITIONS section 2.4).

#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>

#include "base/deadline.hpp"
#include "base/task.hpp"
#include "cache/memory.hpp"
#include "position/progress.hpp"

namespace lintas::cache {

/// An answer that the primary gave: `entry->from.as_of` is still to be found.
struct PrimaryFill {
    std::string key{};
    Entry entry{};  // from.hi: the insert position read after it
    position::Lsn flush{};
    position::Snapshot snapshot{};
    Clock::time_point asked{};
    std::uint64_t restarts = 0;  // Progress::restarts() before the database was asked
};

/// Thread: one loop's. Bounded in time, count and bytes: what does not fit is not cached.
class Fills {
 public:
    Fills(asio::any_io_executor executor, Memory& memory, const position::Progress& progress);

    /// True: it is in the cache, or will be as soon as the feed has come so far.
    bool add(PrimaryFill fill);

    /// Nothing more is kept; the loop can run out.
    void close();

    std::size_t waiting() const { return waiting_.size(); }

 private:
    bool finish(PrimaryFill& fill);
    void look();
    void look_later();

    static constexpr std::size_t kCountMax = 4096;
    static constexpr std::size_t kBytesMax = std::size_t{32} << 20U;

    Memory& memory_;
    const position::Progress& progress_;
    asio::steady_timer timer_;
    std::deque<PrimaryFill> waiting_;
    std::size_t bytes_ = 0;
    bool armed_ = false;
    bool closed_ = false;
};

}  // namespace lintas::cache
