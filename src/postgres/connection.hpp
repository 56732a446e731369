#pragma once
// One libpq connection in pipeline mode on an Asio descriptor. Units (statements up to one Sync)
// are sent as they come and answered in order.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/statement.hpp"
#include "base/task.hpp"
#include "postgres/pipeline.hpp"
#include "postgres/session_identity.hpp"

namespace lintas::postgres {

struct ConnectOptions {
    std::string url;  // as libpq takes it; never logged
    std::string application_name = "lintas";
    bool prepared = true;         // protocol-level prepared statements, keyed by text
    bool through_pooler = false;  // nothing session-level, no cancel requests
    std::chrono::milliseconds statement_timeout{5000};  // the connection's ceiling
    std::size_t max_prepared = 500;  // per connection; the least recently used is deallocated
    /// identify_session(), asked once when it is open. Not through a pooler, behind which the
    /// server may change.
    std::optional<Statement> identify{};
    /// A walsender that takes SQL too; for connect() and replication.hpp, not for Connection.
    bool replication = false;
};

struct Notification {
    std::string channel;
    std::string payload;
};

class Connection {
 public:
    /// Connects and authenticates. DNS is resolved without blocking.
    /// Errors: connect_failed (message: libpq's, without secrets), sql with SQLSTATE 28*, 53300,
    /// 57P03…, connection_lost and deadline_exceeded while it is identified. Cancel: safe; the
    /// half-open connection is closed. Thread: `io`'s only.
    static Task<Result<std::unique_ptr<Connection>>> open(asio::io_context& io,
                                                          const ConnectOptions& options,
                                                          Deadline deadline);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Sends the statements and one Sync, waits for the results. Units may overlap; they are
    /// answered in order. Errors of the whole unit: connection_lost, deadline_exceeded, cancelled
    /// (the statements go on at the server; their results are discarded when they come, the
    /// connection stays usable).
    Task<Result<UnitResults>> run(std::vector<Statement> statements, Deadline deadline);

    /// Several units in one flight, each with a result of its own: what becomes of a later one does
    /// not touch an earlier one's.
    Task<std::vector<Result<UnitResults>>> run_each(std::vector<std::vector<Statement>> units,
                                                    Deadline deadline);

    /// As run(), without waiting: `on_done` is called once from the loop, after unit->done became
    /// true. To abandon a unit set its on_done to nullptr; its results are then discarded when they
    /// come.
    std::shared_ptr<Unit> submit(std::vector<Statement> statements, std::function<void()> on_done);

    /// Asks the server to cancel what runs now, through a connection of its own on another thread.
    /// Best effort; never through a pooler. The future of the running unit is its ordinary result
    /// (57014).
    void cancel_running();
    /// A cancel request is still on its way and would hit whatever runs when it arrives.
    bool cancel_pending() const;

    /// Closes at once; every unit in flight ends with connection_lost.
    void close();

    /// Called once when the connection breaks or is closed. Set it before the first unit.
    void on_broken(std::function<void()> callback);

    /// Waits for a NOTIFY on a connection that ran LISTEN. Errors: connection_lost,
    /// deadline_exceeded.
    Task<Result<Notification>> next_notification(Deadline deadline);

    bool usable() const;                       // false once the connection has broken
    std::size_t in_flight() const;             // units sent and not yet answered
    Clock::time_point oldest_sent_at() const;  // of the unit in front; now if there is none
    bool in_transaction() const;               // the server said so at the last Sync
    int server_version() const;                // 150018
    /// nullptr when it was not asked for, or the server would not say.
    const std::shared_ptr<const SessionIdentity>& session() const;

 private:
    struct Impl;
    explicit Connection(std::shared_ptr<Impl> impl);
    Task<Result<void>> identify(Statement statement, Deadline deadline);
    std::shared_ptr<Impl> impl_;
};

}  // namespace lintas::postgres
