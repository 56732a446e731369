#pragma once
// One thread: its loop, its listener and connections, its pool. Nothing in it is shared but
// snapshots.

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "accept/server.hpp"
#include "app/request_handler.hpp"
#include "app/services.hpp"
#include "base/task_group.hpp"
#include "obs/metrics.hpp"

namespace lintas::app {

/// What the workers are given of the rest of the daemon; all of it outlives them.
struct Surroundings {
    const schema::Holder& catalogue;
    Site& site;
    feed::Pulse& pulse;
    obs::Log& log;
    obs::Metrics& metrics;
};

struct WorkerOptions {
    std::size_t index = 0;
    std::size_t threads = 1;
    std::shared_ptr<std::atomic<std::size_t>> open_connections;
    std::shared_ptr<accept::TlsContext> tls{};
};

class Worker {
 public:
    Worker(WorkerOptions options, std::shared_ptr<Settings> settings,
           std::shared_ptr<replica::Replicas> replicas, Surroundings around);
    ~Worker();

    /// Before the loop runs. Errors: internal, the listener cannot be bound.
    Result<std::uint16_t> listen(std::string_view address) { return server_.listen(address); }
    /// Runs the loop until finish() and everything it left behind is done.
    void run();

    asio::io_context& io() { return io_; }

    // On this worker's loop:
    void start();
    void apply(std::shared_ptr<Settings> settings, std::shared_ptr<replica::Replicas> replicas);
    void set_tls(std::shared_ptr<accept::TlsContext> tls) { server_.set_tls(std::move(tls)); }
    void recycle_connections();
    void stop_accepting();
    Task<bool> drained(Deadline deadline);
    void abort() { server_.abort(); }
    /// Closes the pool and lets the loop run out.
    void finish();

    // From any thread:
    postgres::PoolState pool_state() const;  // of the primary's
    std::vector<postgres::PoolState> replica_pool_states() const;
    std::size_t connections() const { return server_.connections(); }
    std::size_t in_flight() const { return server_.in_flight(); }

 private:
    std::shared_ptr<PrimaryBackend> open_primary(const config::Config& config);
    std::shared_ptr<replica::ReplicaSet> open_replicas(const config::Config& config,
                                                       std::shared_ptr<replica::Replicas> replicas);
    void number_pools();
    void publish();
    void count(std::size_t pool, const postgres::PoolState& state);

    WorkerOptions options_;
    Surroundings around_;
    obs::Log& log_;
    obs::ThreadMetrics& metrics_;
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
    asio::steady_timer publish_timer_{io_};
    obs::Observer observer_;
    TaskGroup background_;
    cache::Fills fills_;
    Services services_;
    RequestHandler handler_;
    accept::Server server_;
    mutable std::mutex pool_mutex_;
    postgres::PoolState pool_state_;
    std::vector<postgres::PoolState> replica_pool_states_;
    bool finished_ = false;
};

}  // namespace lintas::app
