#pragma once
// The last commits of the feed, kept because the write-ahead log, and so the feed, knows of a
// commit before anybody can see it: what may an answer read meanwhile be called? (POSITIONS
// sections 2, 4)

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>

#include "base/deadline.hpp"
#include "position/lsn.hpp"
#include "position/snapshot.hpp"

namespace lintas::position {

struct Commit {
    Lsn start{};            // of its commit record
    Lsn end{};              // behind it: what "ended" means everywhere
    std::uint32_t xid = 0;  // top-level
};

/// Thread: any. One writer adds, in the order of the feed.
class RecentCommits {
 public:
    explicit RecentCommits(std::size_t limit = 1U << 18U) : limit_(limit) {}

    void add(const Commit& commit);

    /// The feed starts (again) behind `from`. A commit from before may still be invisible (it waits
    /// for a synchronous standby), and the feed will not name it: until every transaction of that
    /// time is known to have ended, complete_to() knows nothing.
    void restart(Lsn from);
    /// After a restart someone has to assign a transaction id on the primary...
    bool wants_boundary() const;
    /// ...and say which. Ignored unless it is wanted.
    void set_boundary(std::uint64_t xid);

    /// Someone looked at the primary: `snapshot` was taken after `flush` was, and both before `at`.
    /// `watermark`: every commit that ended up to there has been added. What it shows, every later
    /// snapshot shows.
    void observed(const Snapshot& snapshot, Lsn flush, Lsn watermark, Clock::time_point at);

    /// The greatest position of which an answer contains everything that ended by then. The answer
    /// was asked for at `asked`, then `flush`, `snapshot` and itself were read in this order, and
    /// the watermark has reached `flush`. nullopt: too much is not known any more; do not keep it.
    std::optional<Lsn> complete_to(Lsn flush, const Snapshot& snapshot,
                                   Clock::time_point asked) const;

    /// Nothing that ended later can be seen in an answer of a replica which after it had replayed
    /// and received so far. A replica shows a commit just before it counts it as replayed.
    Lsn visible_to(Lsn replayed, Lsn received, Lsn watermark) const;

    /// Someone has assigned `xid` on the primary, after `flush` was read there: what had ended by
    /// then has a lower xid, and is visible once every such transaction is over. Needs no feed.
    void mark(Lsn flush, std::uint64_t xid);
    /// Every commit that ended by then is in every snapshot that the primary takes from now on.
    Lsn all_visible() const;

    std::size_t size() const;

 private:
    struct Mark {
        Lsn flush;
        std::uint64_t xid;
    };
    struct Look {
        Clock::time_point at;
        Lsn all_visible_to;  // every commit that ended by then is in every later snapshot
    };
    void trim(Clock::time_point now);
    void forget_looks();

    const std::size_t limit_;
    mutable std::mutex mutex_;
    std::deque<Commit> commits_;  // by end
    std::deque<Look> looks_;      // by time
    std::optional<Mark> mark_;
    Lsn all_visible_{};
    Lsn known_from_{};      // every commit of the feed that ended later has been added
    bool settled_ = false;  // every commit that ended up to known_from_ is visible
    std::optional<std::uint64_t>
        boundary_;  // whatever committed before the restart has a lower xid
};

}  // namespace lintas::position
