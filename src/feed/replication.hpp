#pragma once
// A walsender on the other end: COPY BOTH after START_REPLICATION (PostgreSQL 15 manual, 55.4
// Streaming Replication Protocol), and the histories of timelines.

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "position/history.hpp"
#include "postgres/connection.hpp"
#include "postgres/rows.hpp"

namespace lintas::feed {

/// Who a server is, by IDENTIFY_SYSTEM. On a primary, `position` is what it has flushed.
struct Identity {
    std::uint64_t system_id = 0;
    position::Timeline timeline = 0;
    position::Lsn position{};
};

/// One message of the COPY BOTH stream.
struct StreamMessage {
    enum class Kind { data, keepalive };
    Kind kind = Kind::keepalive;
    std::string_view payload{};    // data: one message of pgoutput; lives until the next next()
    position::Lsn end{};           // keepalive: everything that ended up to here has been sent
    bool reply_requested = false;  // keepalive
};
/// Sans-I/O. Errors: connection_lost, not a message of the protocol.
Result<StreamMessage> decode_stream_message(std::string_view bytes);

/// Thread: the io's only. Destroying it closes the connection.
class Replication {
 public:
    /// With replication=database. Errors: those of postgres::connect().
    static Task<Result<std::unique_ptr<Replication>>> open(asio::io_context& io,
                                                           postgres::ConnectOptions connect,
                                                           Deadline deadline);
    ~Replication();
    Replication(const Replication&) = delete;
    Replication& operator=(const Replication&) = delete;

    // One command at a time, before start(). After deadline_exceeded, connection_lost or cancelled
    // the connection cannot be used any more. Errors also: sql.
    Task<Result<postgres::Rows>> command(std::string text, Deadline deadline);
    Task<Result<Identity>> identify(Deadline deadline);
    /// History{1, {}} for the first timeline, which has no file.
    Task<Result<position::History>> history(position::Timeline timeline, Deadline deadline);

    /// START_REPLICATION … LOGICAL with pgoutput, proto_version 1 and messages.
    Task<Result<void>> start(std::string slot, std::string publication, position::Lsn from,
                             Deadline deadline);

    // After start():

    /// Until there is something for next(), wake(), or `until`. Cancel: safe, returns.
    Task<void> wait(Clock::time_point until);
    /// Ends a wait() in hand.
    void wake();
    /// nullopt: nothing more has come yet. Errors: connection_lost, sql (the server ended the
    /// stream).
    Result<std::optional<StreamMessage>> next();
    /// Everything up to `done` need not be sent again; may be recycled by the server.
    Result<void> acknowledge(position::Lsn done, bool reply_requested);
    /// When the last byte came.
    Clock::time_point heard_at() const;

    /// Asks the server to cancel what runs, through a connection of its own on another thread.
    void cancel_running();

 private:
    struct Impl;
    explicit Replication(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

/// Reads the history of the server behind `connect` over a connection of its own. Errors: those of
/// open() and command(); internal: another server than `system_id` on `timeline` answered.
Task<Result<position::History>> read_history(asio::io_context& io, postgres::ConnectOptions connect,
                                             std::uint64_t system_id, position::Timeline timeline,
                                             Deadline deadline);

}  // namespace lintas::feed
