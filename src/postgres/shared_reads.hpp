#pragma once
// Reads that are queued at the same loop turn travel as one implicit transaction: shared settings,
// the statements of each read, one Sync (DESIGN section 4). A batch never waits to fill up.

#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/statement.hpp"
#include "postgres/event.hpp"
#include "postgres/pool.hpp"

namespace lintas::postgres {

/// One read: safe to repeat, nothing volatile, one snapshot per statement is enough.
struct SharedRead {
    Statement settings;                 // local to the transaction; equal ones share a batch
    std::vector<Statement> statements;  // its own, in order; an error of one skips the rest
};

/// What surrounds the reads of a batch: two looks at the server's position.
struct Bracket {
    Statement before;
    Statement after;
};

struct Marks {
    Rows before;
    Rows after;
    Clock::time_point sent_at{};                       // before the batch was sent
    std::shared_ptr<const SessionIdentity> session{};  // who answered; nullptr: not known
};

struct SharedRows {
    std::vector<Rows> rows;        // one per statement of the read
    std::optional<Marks> marks{};  // of the batch; with a Bracket always there
};

/// Which statement texts take so long that they must not hold up others. Pure; bounded.
class SlowStatements {
 public:
    /// A batch took `took`; with company every text in it becomes suspect, alone it is convicted or
    /// cleared.
    void observed(const std::vector<const std::string*>& texts, Clock::duration took);
    bool suspect(const std::string& text) const { return suspects_.contains(text); }
    std::size_t size() const { return suspects_.size(); }

 private:
    static constexpr std::size_t kLimit = 1024;
    static constexpr std::chrono::milliseconds kSlow{20};
    std::unordered_set<std::string> suspects_;
};

/// Which statement texts failed when they were last tried. One error costs everybody else in the
/// batch a repetition, so such a text travels in a batch of its own until it succeeds. Pure;
/// bounded.
class FaultyStatements {
 public:
    void failed(const std::string& text) {
        if (texts_.size() >= kLimit) texts_.clear();
        texts_.insert(text);
    }
    void succeeded(const std::string& text) {
        if (!texts_.empty()) texts_.erase(text);
    }
    bool suspect(const std::string& text) const { return !texts_.empty() && texts_.contains(text); }
    std::size_t size() const { return texts_.size(); }

 private:
    static constexpr std::size_t kLimit = 1024;
    std::unordered_set<std::string> texts_;
};

/// Thread: the pool's loop only.
class SharedReads {
 public:
    /// `pool` outlives it. With a `bracket` every batch is settings, before, reads, after.
    SharedReads(Pool& pool, std::size_t queue_limit, std::optional<Bracket> bracket = {});
    ~SharedReads();
    SharedReads(const SharedReads&) = delete;
    SharedReads& operator=(const SharedReads&) = delete;

    /// Errors: of the first statement that failed (sql), or
    /// connect_failed, connection_lost, deadline_exceeded, pool_timeout (never sent), overloaded,
    /// cancelled. Cancel: safe; its share of a batch is dropped, the batch goes on.
    Task<Result<SharedRows>> read(SharedRead read, Deadline deadline);

    std::size_t queued() const { return queue_.size(); }
    /// Reads queued and in flight.
    std::size_t load() const { return queue_.size() + in_flight_; }

 private:
    struct Job;
    struct Batch;
    using Jobs = std::vector<std::shared_ptr<Job>>;

    void enqueue(const std::shared_ptr<Job>& job);
    void schedule();
    void send_queued();
    bool bring_fast_to_front();
    Jobs take_batch();
    void send(Connection& connection, Jobs jobs);
    void answered(const std::shared_ptr<Batch>& batch);
    void settle(const std::shared_ptr<Job>& job, const Batch& batch, std::size_t first);
    void pass_by_stuck();
    void fail_queued(const Error& error);
    void wake_later();

    Pool& pool_;
    std::size_t queue_limit_;
    std::deque<std::shared_ptr<Job>> queue_;
    std::deque<std::shared_ptr<Batch>> batches_;  // in flight, oldest first
    const std::optional<Bracket> bracket_;
    std::size_t in_flight_ = 0;  // reads in batches_
    SlowStatements slow_;
    FaultyStatements faulty_;
    asio::steady_timer again_;
    std::shared_ptr<SharedReads*> self_;  // for handlers that may outlive this
    bool scheduled_ = false;
    bool again_armed_ = false;
};

}  // namespace lintas::postgres
