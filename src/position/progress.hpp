#pragma once
// What this process knows of the primary's progress. The feed and the pulse write it, every request
// reads it; nothing in it is a matter of time or trust, only of positions.

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/published.hpp"
#include "position/history.hpp"
#include "position/recent_commits.hpp"
#include "position/samples.hpp"
#include "position/stamps.hpp"

namespace lintas::position {

/// Which database cluster, and on which timeline it is.
struct Lineage {
    std::uint64_t system_id = 0;  // 0: the primary has not been reached yet
    History history{};
    bool operator==(const Lineage&) const = default;
};

enum class FeedState {
    none,  // not configured, or not possible: nothing follows
    lost,  // it will be there again: W stands still
    live,
};

/// Thread: writers are the control loop's alone (feed, pulse); readers are any.
class Progress {
 public:
    Progress();

    Stamps& stamps() { return stamps_; }
    const Stamps& stamps() const { return stamps_; }
    Samples& samples() { return samples_; }
    const Samples& samples() const { return samples_; }
    RecentCommits& commits() { return commits_; }
    const RecentCommits& commits() const { return commits_; }
    const Published<Lineage>& lineage() const { return lineage_; }

    /// W: every commit that ended at or before it has been stamped here. Read it before the stamps.
    Lsn watermark() const { return watermark_.load(std::memory_order_acquire); }
    /// Never backwards; see restart_feed().
    void advance(Lsn to);

    /// The feed starts (again), with every commit that ends after `from` to come. `continuous`:
    /// all up to `from` are stamped here already; otherwise what was cached before `from` can only
    /// be served for what it contained (the global floor). Fills in flight are void either way.
    void restart_feed(Lsn from, bool continuous);
    /// DDL and the like: everything before `end` may read differently now.
    void raise_global_floor(Lsn end) { stamps_.raise_global_floor(end); }

    /// A commit that ended at `end` changes the schema: what is read with an older catalogue may
    /// depend on other tables than it says. To be told before W passes it.
    void note_schema_change(Lsn end);
    /// Counts such changes.
    std::uint64_t schema_epoch() const { return schema_epoch_.load(std::memory_order_acquire); }
    /// Of a catalogue that is read on the primary from now on; kNoEpoch while the last change may
    /// not be visible there yet.
    std::uint64_t readable_schema_epoch() const;
    static constexpr std::uint64_t kNoEpoch = ~std::uint64_t{0};

    /// Another timeline or another cluster: samples, stamps and fills of the old one are void until
    /// the feed starts again. Does nothing when `next` is what is known.
    void change_lineage(Lineage next);

    FeedState feed() const { return feed_.load(std::memory_order_relaxed); }
    void set_feed(FeedState state) { feed_.store(state, std::memory_order_relaxed); }

    /// Odd while a restart is under way. A decision is valid if this is even and the same before
    /// and after: the parts above were then of one piece.
    std::uint64_t restarts() const { return restarts_.load(std::memory_order_acquire); }

    /// The primary was seen to have written up to `lsn`, if only to its buffers.
    void saw_written(Lsn lsn);
    Lsn written() const { return written_.load(std::memory_order_relaxed); }

    /// Restarts without a continuous feed since the start, for a metric.
    std::uint64_t breaks() const { return breaks_.load(std::memory_order_relaxed); }

 private:
    void begin_restart();
    void end_restart();

    Stamps stamps_;
    Samples samples_;
    RecentCommits commits_;
    Published<Lineage> lineage_;
    std::atomic<Lsn> watermark_{kNoLsn};
    std::atomic<Lsn> written_{kNoLsn};
    std::atomic<FeedState> feed_{FeedState::none};
    std::atomic<std::uint64_t> schema_epoch_{0};
    std::atomic<Lsn> schema_changed_at_{kNoLsn};
    std::atomic<std::uint64_t> restarts_{0};
    std::atomic<std::uint64_t> breaks_{0};
};

}  // namespace lintas::position
