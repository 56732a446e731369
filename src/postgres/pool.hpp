#pragma once
// The connections of one thread to one server: leased one by one to transactions, or shared by
// reads.

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "postgres/backoff.hpp"
#include "postgres/connection.hpp"
#include "postgres/event.hpp"
#include "postgres/pool_sizing.hpp"

namespace lintas::postgres {

struct PoolOptions {
    ConnectOptions connect{};
    std::size_t size = 8;        // connections of this thread
    std::size_t waiting = 2048;  // leases that may wait; above: overloaded
    std::chrono::milliseconds connect_timeout{5000};
    bool reads_only = false;  // nothing is kept back for transactions
    /// Asked of every new connection whose identity is known: why it is not wanted (it is closed,
    /// and connecting is retried with backoff), or nothing. Empty: all are wanted.
    std::function<std::string(const SessionIdentity&)> refuse{};
};

struct PoolState {
    std::size_t idle = 0;
    std::size_t busy = 0;
    std::size_t connecting = 0;
    std::size_t waiting = 0;  // leases that have no connection yet
    std::size_t size = 0;     // connections at most
    std::string problem{};    // why the last connect failed; empty while connections can be had
    bool up() const { return idle + busy > 0; }
};

class Pool;

/// A connection that nobody else uses. Dirty until proven clean: unless mark_clean() was called,
/// the connection is cancelled, waited for and rolled back, or closed, before anybody gets it
/// again.
class Lease {
 public:
    Lease() = default;
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease();

    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_; }
    void mark_clean() { clean_ = true; }  // after the last result, outside a transaction

 private:
    friend class Pool;
    Lease(std::shared_ptr<Pool*> pool, Connection* connection)
        : pool_(std::move(pool)), connection_(connection) {}
    void release();

    std::shared_ptr<Pool*> pool_;  // points to nullptr once the pool has gone
    Connection* connection_ = nullptr;
    bool clean_ = false;
};

/// Thread: `io`'s only, all of it. Opens connections when they are wanted, retries with backoff,
/// keeps one open while idle; a connection whose unit is overdue by a second counts as dead and is
/// closed.
class Pool {
 public:
    using Report = std::function<void(bool up, const std::string& problem)>;

    Pool(asio::io_context& io, PoolOptions options, Report report);
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    void start();
    /// Closes everything; waiters get connection_lost. Leases that are out are closed when they
    /// return.
    void close();

    /// Errors: connect_failed (no connection, and the server cannot be reached now), pool_timeout,
    /// overloaded (too many wait), cancelled. Cancel: safe; nothing is borrowed.
    Task<Result<Lease>> lease(Deadline deadline);

    /// The connection that the next batch of reads should travel on, or nullptr: try again on
    /// on_room. One connection is kept busy (up to two batches in flight) before another is
    /// enlisted, because fewer backends with larger batches do more work; one that is stuck in a
    /// slow statement is passed by.
    Connection* for_shared_reads(bool alone);
    /// Slow reads hold all the connections that reads may share.
    bool shared_are_stuck() const;
    void on_room(std::function<void()> callback) { room_ = std::move(callback); }
    /// Reads are queued and found no room: opens another connection if that may help.
    /// `alone`: one of them shares with nobody, so a connection that is shared already is no room.
    void want_shared(bool wanted, bool alone);
    /// A unit of shared reads on it was answered.
    void shared_done(Connection* connection);

    /// Retires every connection when it is next idle: sessions cache catalogue data and
    /// credentials.
    void recycle();

    /// Drops at once the connections to a server that is not the right one (any more); what is in
    /// flight on them ends with connection_lost. Those without an identity stay.
    void close_where(const std::function<bool(const SessionIdentity&)>& unwanted);

    /// Another pool takes over: whoever holds this one still gets connections, none is kept.
    void retire();

    PoolState state() const;
    /// There is a connection, or no reason known why there could be none.
    bool reachable() const { return !slots_.empty() || problem_.empty(); }
    const PoolOptions& options() const { return options_; }
    asio::io_context& io() { return io_; }

 private:
    friend class Lease;
    enum class Use { idle, leased, shared, reserved, recovering };  // reserved: for shared reads
    struct Slot {
        std::unique_ptr<Connection> connection;
        Use use = Use::idle;
        unsigned generation = 0;
        Clock::time_point returned_at{};  // while recovering
    };
    struct Waiter;

    void open_missing();
    void opened(Result<std::unique_ptr<Connection>> connection);
    void lost(Connection* connection);
    void returned(Connection* connection, bool clean);
    void recover(Slot& slot);
    void roll_back(Connection* connection);
    void rolled_back(Connection* connection);
    bool reserve_for_reads() const;
    std::size_t shared_most() const;
    void make_idle(Slot& slot);
    void serve_waiters();
    void fail_waiters(const Error& error);
    void tick();
    Slot* slot_of(const Connection* connection);
    PoolCounts counts() const;

    asio::io_context& io_;
    PoolOptions options_;
    Report report_;
    std::shared_ptr<Pool*> self_;
    std::vector<std::unique_ptr<Slot>> slots_;
    std::vector<std::unique_ptr<Connection>> buried_;  // broken ones, freed at the next tick
    std::deque<std::shared_ptr<Waiter>> waiters_;
    std::function<void()> room_;
    asio::steady_timer tick_;
    Backoff backoff_;
    Clock::time_point retry_at_{};
    std::string problem_;
    std::size_t connecting_ = 0;
    unsigned generation_ = 0;
    std::vector<std::shared_ptr<asio::cancellation_signal>> attempts_;  // connections being made
    bool shared_wanted_ = false;
    bool alone_wanted_ = false;
    bool lease_served_ = false;  // since a connection was last kept for the shared reads
    bool retired_ = false;
    bool closed_ = false;
};

}  // namespace lintas::postgres
