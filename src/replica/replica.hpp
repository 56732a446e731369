#pragma once
// What all threads know of the replicas: written by the monitor on the control loop, read on every
// request without a lock.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.hpp"
#include "base/published.hpp"
#include "position/history.hpp"
#include "position/progress.hpp"
#include "postgres/session_identity.hpp"

namespace lintas::replica {

enum class State {
    down,         // no probe comes back, or what answers is not a replica (any more)
    up,           // may be read
    lagging,      // may be read; further behind than max_staleness
    quarantined,  // of another cluster, or serves what a failover dropped: never read
};
std::string_view to_text(State state);

/// The server behind a replica's address, as the monitor last found it.
struct Instance {
    postgres::SessionIdentity session{};  // system id and start tell instances apart
    /// Of what it has replayed, when it was last asked for, or older.
    position::Timeline timeline = 0;
    bool operator==(const Instance&) const = default;
};

/// One replica. Thread: the monitor writes, any thread reads.
class Replica {
 public:
    Replica(std::string name, std::string url) : name_(std::move(name)), url_(std::move(url)) {}

    const std::string& name() const { return name_; }
    const std::string& url() const { return url_; }  // holds a password: never logged

    State state() const { return state_.load(std::memory_order_relaxed); }
    bool readable() const { return state() == State::up || state() == State::lagging; }
    /// The last position that was seen: a hint. An answer's own position decides.
    position::Position replayed() const {
        return {timeline_.load(std::memory_order_relaxed),
                replayed_.load(std::memory_order_relaxed)};
    }
    std::chrono::nanoseconds round_trip() const {
        return std::chrono::nanoseconds{round_trip_.load(std::memory_order_relaxed)};
    }
    /// nullptr until it was reached for the first time.
    const Published<Instance>& instance() const { return instance_; }
    std::string problem() const;  // why it is not up, in plain words; empty: it is

    // The monitor's:
    void found(Instance instance);
    void moved(position::Lsn replayed, std::chrono::nanoseconds round_trip);
    /// True when the state or the problem changed.
    bool set_state(State state, std::string problem);

 private:
    const std::string name_;
    const std::string url_;
    std::atomic<State> state_{State::down};
    std::atomic<position::Timeline> timeline_{0};
    std::atomic<position::Lsn> replayed_{position::kNoLsn};
    std::atomic<std::int64_t> round_trip_{0};
    Published<Instance> instance_;
    mutable std::mutex problem_mutex_;
    std::string problem_ = "not reached yet";
};

/// For /status and metrics (replica_lag_seconds, replica_position_bytes).
struct Status {
    std::string name;
    State state = State::down;
    position::Position replayed{};
    /// Behind the primary, at most; true on an idle system. nullopt: not known.
    std::optional<std::chrono::nanoseconds> lag{};
    std::chrono::nanoseconds round_trip{};
    std::string problem{};
};

/// The replicas of one configuration, and what threads tell the monitor. Thread: any.
class Replicas {
 public:
    struct Address {
        std::string name;
        std::string url;
    };
    explicit Replicas(const std::vector<Address>& addresses);

    std::size_t size() const { return all_.size(); }
    bool empty() const { return all_.empty(); }
    Replica& operator[](std::size_t index) const { return *all_[index]; }
    std::vector<Status> status(const position::Progress& progress) const;

    /// Somebody waits for a replica to move on: the monitor looks every few milliseconds while
    /// anybody does.
    void begin_wait();
    void end_wait() { waiting_.fetch_sub(1, std::memory_order_relaxed); }
    bool awaited() const { return waiting_.load(std::memory_order_relaxed) > 0; }
    /// A read found something else than what was probed.
    void look_again();

    /// `on_hurry` is called from any thread when the monitor should look now. Empty: no monitor.
    void set_monitor(std::function<void()> on_hurry);
    /// `on_moved` is called on the monitor's thread after a replica changed its state, or moved on
    /// while somebody waited. Returns what unlisten() takes.
    std::uint64_t listen(std::function<void()> on_moved);
    void unlisten(std::uint64_t id);
    void tell_listeners() const;

 private:
    std::vector<std::unique_ptr<Replica>> all_;
    std::atomic<int> waiting_{0};
    mutable std::mutex mutex_;
    std::function<void()> on_hurry_;
    std::uint64_t next_id_ = 0;
    std::vector<std::pair<std::uint64_t, std::function<void()>>> listeners_;
};

/// The age of the newest sample that `replayed` contains. A replica that has everything the primary
/// had when it was last sampled is that young, however long ago the last commit was.
std::optional<std::chrono::nanoseconds> lag_of(const position::Samples& samples,
                                               const position::History& history,
                                               position::Position replayed, Clock::time_point now);

}  // namespace lintas::replica
