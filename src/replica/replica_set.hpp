#pragma once
// The replicas as one thread reads them: a pool and shared reads for each, and which one to ask.

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "position/freshness.hpp"
#include "postgres/event.hpp"
#include "postgres/pool.hpp"
#include "postgres/shared_reads.hpp"
#include "primary/database.hpp"
#include "replica/read.hpp"
#include "replica/replica.hpp"

namespace lintas::replica {

struct SetOptions {
    std::string application_name = "lintas";
    std::vector<std::size_t> pool_sizes{};  // of this thread, one per replica
    std::size_t waiting = 2048;             // reads that may queue per replica
    std::chrono::milliseconds statement_timeout{5000};
    std::chrono::milliseconds connect_timeout{5000};
};

/// One replica as a candidate for a read. Pure, for tests.
struct Candidate {
    std::size_t index = 0;
    bool lagging = false;
    std::size_t load = 0;  // reads of this thread, queued and in flight
    std::chrono::nanoseconds round_trip{};
};
/// Up before lagging, then least load, then round trip. nullopt: there is none.
std::optional<std::size_t> best_of(std::span<const Candidate> candidates);

/// May this error be the replica's alone, so that the next source is asked? Recovery conflicts,
/// lost connections, and whatever a replica says because it has not yet replayed a change of the
/// schema, of roles or of rights. Errors that the data or the deadline cause stand.
bool retry_elsewhere(const Error& error);

/// Thread: `io`'s only, all of it.
class ReplicaSet {
 public:
    using Report =
        std::function<void(const std::string& replica, bool up, const std::string& problem)>;

    /// Opens nothing yet. `replicas` is shared with the monitor.
    ReplicaSet(asio::io_context& io, std::shared_ptr<Replicas> replicas, SetOptions options,
               Report report);
    ~ReplicaSet();
    ReplicaSet(const ReplicaSet&) = delete;
    ReplicaSet& operator=(const ReplicaSet&) = delete;

    void start();
    void close();   // as postgres::Pool
    void retire();  // another set takes over; whoever holds this one may go on

    bool empty() const { return replicas_->empty(); }
    std::size_t size() const { return replicas_->size(); }
    const std::string& name(std::size_t index) const { return (*replicas_)[index].name(); }

    /// Among the replicas that may be read and were last seen to cover `wanted`. `excluding`: those
    /// that have failed this request.
    std::optional<std::size_t> choose(const position::Wanted& wanted,
                                      const position::History& history,
                                      std::span<const std::size_t> excluding = {}) const;

    /// Waits until choose() has an answer. Errors: deadline_exceeded, cancelled, no_source (no
    /// replica could ever reach it: none may be read, or the position is lost). Cancel: safe.
    Task<Result<std::size_t>> wait_for(position::Wanted wanted, position::History history,
                                       Deadline deadline);

    /// Only statements that are sql::Read::shareable, with a frame that has no pre_request and no
    /// isolation of its own. Errors: as postgres::SharedReads::read(); connection_lost also when
    /// what answered was not (any more) the replica that is probed; see retry_elsewhere().
    Task<Result<Answer>> read(std::size_t index, const sql::Read& statements, primary::Frame frame,
                              primary::ReadShape shape, Deadline deadline);

    /// Connections of this thread, for metrics.
    postgres::PoolState pool_state(std::size_t index) const;
    void recycle();

 private:
    struct Member;
    struct Waiter;
    void moved();
    bool may_come(const position::Wanted& wanted, const position::History& history) const;

    asio::io_context& io_;
    std::shared_ptr<Replicas> replicas_;
    std::vector<std::unique_ptr<Member>> members_;
    std::deque<std::shared_ptr<Waiter>> waiters_;
    std::shared_ptr<ReplicaSet*> self_;
    std::uint64_t listening_ = 0;
    bool closed_ = false;
};

}  // namespace lintas::replica
